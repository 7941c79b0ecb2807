//! What every store must do with signs of life. Each function takes a fresh store.

use std::time::Duration;

use certmint_shared::store::Heartbeat;

use crate::{conformance_store::start, store::Store};

fn beat(worker: &str, beat: u64) -> Heartbeat {
    Heartbeat {
        worker: worker.into(),
        beat,
        at: start().plus(Duration::from_secs(5 * beat)),
        within: Duration::from_secs(2 * beat),
    }
}

async fn send(store: &dyn Store, worker: &str, number: u64) -> bool {
    store.beat(&beat(worker, number)).await.expect("an answer")
}

/// The first makes the record, the next ones move it, others' are beside it.
pub async fn beats(store: &dyn Store) {
    assert_eq!(store.heartbeats().await.expect("a list"), []);
    assert!(!send(store, "w1", 2).await, "a later one makes no record");
    assert_eq!(store.heartbeats().await.expect("a list"), []);
    for number in 1..=3 {
        assert!(send(store, "w1", number).await);
    }
    // Sent again: its answer was lost.
    assert!(send(store, "w1", 3).await);
    assert!(send(store, "w2", 1).await);
    assert!(send(store, "w2", 1).await);
    let all = store.heartbeats().await.expect("a list");
    assert_eq!(all, [beat("w1", 3), beat("w2", 1)]);
}

/// Who beats is not buried; who is buried does not come back.
pub async fn burials(store: &dyn Store) {
    for worker in ["w1", "w2"] {
        assert!(send(store, worker, 1).await);
    }
    assert!(send(store, "w1", 2).await);
    assert!(
        !store.bury("w1", 1).await.expect("an answer"),
        "it has beaten since"
    );
    assert_eq!(store.heartbeats().await.expect("a list").len(), 2);
    for _ in 0..2 {
        assert!(
            store.bury("w1", 2).await.expect("an answer"),
            "a repeat finds it done"
        );
    }
    assert!(!send(store, "w1", 3).await, "the dead do not come back");
    assert_eq!(store.heartbeats().await.expect("a list"), [beat("w2", 1)]);
    assert!(store.bury("nobody", 7).await.expect("an answer"));
}
