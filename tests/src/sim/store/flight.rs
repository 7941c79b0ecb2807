//! Single flight. Calls of clients pass no gate: only workers are interrupted here.

use async_trait::async_trait;
use certmint_core::{issuance::NewRequest, words::Timestamp};
use certmint_shared::store::{Flight, Idempotency, SingleFlight, StoreError};

use super::MemoryStore;

#[async_trait]
impl SingleFlight for MemoryStore {
    async fn request_once(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Flight, StoreError> {
        let mut tables = self.tables();
        if let Some(id) = tables.replay(idempotency.as_ref())? {
            let joined = idempotency.is_some_and(|i| tables.keys.get(&i.key).is_some_and(|known| known.2));
            let request = tables.requests[&certmint_core::words::RequestId::new(id)].clone();
            return Ok(Flight { request, joined });
        }
        let names = (
            new.account_id.get(),
            new.key.flight_key(&new.ordered),
            new.profile.clone(),
        );
        let holder = tables
            .flights
            .get(&names)
            .and_then(|id| tables.requests.get(id))
            .cloned();
        if let Some(request) = holder.filter(|r| r.answers_for_its_names(now)) {
            if let Some(i) = idempotency {
                tables.keys.insert(i.key, (i.body_hash, request.id.get(), true));
            }
            return Ok(Flight {
                request,
                joined: true,
            });
        }
        let request = self.insert_request(&mut tables, new, max_attempts, idempotency, now)?;
        Ok(Flight {
            request,
            joined: false,
        })
    }
}
