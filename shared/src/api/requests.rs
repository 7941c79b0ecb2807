//! Requests ended or removed by a client.

use super::{Api, Data, data, input::id_in_path, wire::RequestView};
use certmint_core::words::RequestId;

impl Api {
    /// POST `/acme/certificate/requests/{id}/cancel`. The worker takes its values out of the zone then.
    pub(super) async fn cancel_request(&self, id: &str) -> Data {
        let id = RequestId::new(id_in_path(id)?);
        let request = self.store.cancel_request(id, self.clock.now()).await?;
        self.kick.kick().await;
        data(&RequestView::in_full(request))
    }

    /// POST `/acme/certificate/requests/{id}/delete`. The worker deletes its keys then.
    pub(super) async fn delete_request(&self, id: &str) -> Data {
        let id = RequestId::new(id_in_path(id)?);
        self.store.delete_request(id, self.clock.now()).await?;
        self.kick.kick().await;
        data(&())
    }
}
