//! What every store must do with lists of accounts to go on with.

use certmint_core::{
    issuance::{Fallback, NewRequest},
    words::{AccountId, NameSet},
};
use certmint_shared::store::{DefaultFallback, StoreError};

use crate::{
    conformance_lifecycle::{account, is_wrong},
    conformance_store::start,
    store::Store,
};

/// The default list is of usable accounts, in order, and keeps them from being deleted.
pub async fn the_default_list(store: &dyn Store) {
    assert_eq!(store.fallback().await.expect("read"), DefaultFallback::default());
    let (first, second) = (
        account(store, "a@example.com").await,
        account(store, "b@example.com").await,
    );
    let order = [second.id, first.id];
    let chosen = store.set_fallback(&order, start()).await.expect("chosen");
    assert_eq!(chosen.accounts, order);
    assert_eq!(store.fallback().await.expect("read"), chosen);

    let unknown = store.set_fallback(&[first.id, AccountId::new(9)], start()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    store.switch_account(first.id, false, start()).await.expect("off");
    is_wrong(store.set_fallback(&[first.id], start()).await, "disabled");
    assert_eq!(store.fallback().await.expect("read"), chosen);

    is_wrong(
        store.delete_account(first.id, start()).await,
        "in the default list",
    );
    store.set_fallback(&[second.id], start()).await.expect("chosen");
    store.delete_account(first.id, start()).await.expect("deleted");
    store.set_fallback(&[], start()).await.expect("chosen");
    assert!(store.fallback().await.expect("read").accounts.is_empty());
}

/// A request keeps its list, and where it stands in it.
pub async fn a_request_keeps_its_list(store: &dyn Store) {
    let first = account(store, "a@example.com").await.id;
    let fallback = Fallback {
        accounts: vec![AccountId::new(7), AccountId::new(3)],
        own: true,
    };
    let new = NewRequest {
        fallback: fallback.clone(),
        ..NewRequest::new(first, NameSet::parse(&["example.com"]).expect("a name"))
    };
    let made = store.create_request(new, 3, None, start()).await.expect("made");
    let read = store.request(made.id).await.expect("read");
    assert_eq!((&read, &read.fallback), (&made, &fallback));
    assert_eq!(read.account(), first);
    assert_eq!(read.issuance.failover.candidates().len(), 3);
}
