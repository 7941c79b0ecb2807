//! Renewals of a virtual year, counted: the real worker and engine over a store, a CA, zones and a vault in memory.
#![allow(clippy::print_stderr, reason = "the figures of a year")]

use certmint_tests::sim::Year;

#[test]
fn a_year_under_the_real_worker_has_the_renewals_that_lives_call_for() {
    // By life: when a third is left (half, under ten days) to a fifteenth later. By window: about the same moment.
    // 366 days: 90 → every 60 to 66 days, 47 → 31.3 to 34.5, 6 → 3 to 3.4.
    for (life, ari, fewest, most) in [
        (90, false, 5, 6),
        (90, true, 5, 6),
        (47, false, 10, 11),
        (47, true, 11, 12),
        (6, false, 113, 115),
        (6, true, 120, 123),
    ] {
        let year = Year { life, ari };
        let outcome = year.pass();
        eprintln!(
            "{year:?}: {:?}, least left {:.2}",
            outcome.renewals, outcome.least_left
        );
        assert_eq!(outcome.violations, [] as [String; 0], "{year:?}");
        assert_eq!(outcome.renewals.len(), 3);
        assert!(
            outcome.renewals.iter().all(|n| (fewest..=most).contains(n)),
            "{year:?}: {:?}",
            outcome.renewals
        );
        // One order each, and none in vain.
        let made: u64 = outcome.renewals.iter().map(|n| n + 1).sum();
        assert_eq!(outcome.issued as u64, made, "{year:?}");
        assert!(outcome.least_left > 0.25, "{year:?}: {}", outcome.least_left);
    }
}
