//! Thousands that wait for one limit come back one by one: the real worker in virtual time.
#![allow(clippy::print_stderr, reason = "the figures of a drill")]

use certmint_tests::sim::QueueDrill;

#[test]
fn a_queue_before_a_limit_moves_as_fast_as_the_limit() {
    let number = std::env::var("CERTMINT_QUEUE")
        .ok()
        .and_then(|text| text.parse().ok());
    let outcome = QueueDrill {
        certificates: number.unwrap_or(300),
        orders_an_hour: 20,
        workers: 2,
    }
    .run();
    eprintln!("{outcome}");
    assert_eq!((outcome.left, outcome.beyond), (0, 0), "{outcome}");
    assert!(outcome.over_after <= outcome.at_best * 3 / 2, "{outcome}");
}
