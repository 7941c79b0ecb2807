//! Notes on CAs in trouble, as every store must keep them.

use certmint_core::words::ProviderId;
use certmint_shared::store::{ProviderHealth, ProviderTrouble};

use crate::conformance_store::start;

/// One note a CA; the last one counts; clearing twice is clearing once.
pub async fn troubles(store: &dyn ProviderHealth) {
    let trouble = |id, failures| ProviderTrouble {
        provider_id: ProviderId::new(id),
        since: start(),
        failures,
        last_error: "no route to host".into(),
        retry_at: start(),
        updated_at: start(),
    };
    for (id, failures) in [(2, 1), (1, 1), (2, 2)] {
        store.note_trouble(&trouble(id, failures)).await.expect("noted");
    }
    let all = store.provider_troubles().await.expect("notes");
    assert_eq!(all, [trouble(1, 1), trouble(2, 2)]);
    for _ in 0..2 {
        store.clear_trouble(ProviderId::new(2)).await.expect("cleared");
    }
    let all = store.provider_troubles().await.expect("notes");
    assert_eq!(all, [trouble(1, 1)]);
}
