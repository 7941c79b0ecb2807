//! What every store must do with wakes. Each function takes a fresh store.

use std::time::Duration;

use certmint_core::words::Timestamp;

use crate::{conformance_store::start, store::Store};

/// Only one that is needed is sent: none is on its way for that moment or an earlier one.
pub async fn booking(store: &dyn Store) {
    let at = |seconds: u64| start().plus(Duration::from_secs(seconds));
    // (now, the moment wanted, whether one is sent)
    let table = [
        (0, 30, true),
        (0, 30, false),
        (1, 40, false),
        (1, 20, true),
        (2, 25, false),
        (20, 30, false),
        // That one is here, or lost.
        (21, 30, true),
        (22, 31, false),
        (31, 31, true),
        (500, 1400, true),
        (500, 505, true),
    ];
    for (now, wanted, sent) in table {
        let booked = store.book_wake(at(wanted), at(now)).await.expect("an answer");
        assert_eq!(booked, sent, "at {now} for {wanted}");
    }
    let crowd =
        (0..8).map(|_| store.book_wake(Timestamp::ZERO.plus(Duration::from_secs(1)), Timestamp::ZERO));
    let booked = futures::future::join_all(crowd).await;
    let sent = booked.into_iter().filter(|b| matches!(b, Ok(true))).count();
    assert_eq!(sent, 1, "of many at once one sends");
}
