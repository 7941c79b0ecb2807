//! What every store must do with wakes. Each function takes a fresh store.

use std::time::Duration;

use certmint_core::words::Timestamp;
use certmint_shared::store::WakeKind;

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
        let booked = store
            .book_wake(WakeKind::Due, at(now), at(wanted))
            .await
            .expect("an answer");
        assert_eq!(booked, sent, "at {now} for {wanted}");
    }
    // The two kinds do not know of each other; a lookout need not be the first.
    let table = [
        (600, 610, true),
        (606, 616, false),
        (611, 621, true),
        (603, 620, true),
    ];
    for (from, wanted, sent) in table {
        let booked = store.book_wake(WakeKind::Lookout, at(from), at(wanted)).await;
        assert_eq!(booked.expect("an answer"), sent, "from {from} for {wanted}");
    }
    let crowd = (0..8).map(|_| store.book_wake(WakeKind::Due, Timestamp::ZERO, at(1)));
    let booked = futures::future::join_all(crowd).await;
    let sent = booked.into_iter().filter(|b| matches!(b, Ok(true))).count();
    assert_eq!(sent, 1, "of many at once one sends");
}
