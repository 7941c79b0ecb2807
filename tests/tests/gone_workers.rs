//! Workers that are gone, in virtual time: what they held goes on within 90 seconds, wherever they died, and once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::sim::{Ask, Faults, Op, Scenario, run_scenario};

/// Where a worker with a request in its hands may die.
const PLACES: [Op; 16] = [
    Op::Claim,
    Op::Register,
    Op::NewOrder,
    Op::LoadChallenges,
    Op::FindZone,
    Op::PutTxt,
    Op::Publish,
    Op::ConfirmTxt,
    Op::InSync,
    Op::Visibility,
    Op::AcceptChallenges,
    Op::PollOrder,
    Op::StoreKey,
    Op::Finalize,
    Op::Download,
    Op::RecordCertificate,
];

/// The second of a line of the trace.
fn second(line: &str) -> f64 {
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn after_a_worker_died_its_requests_go_on_within_ninety_seconds() {
    for place in PLACES {
        for done in [false, true] {
            let mut faults = Faults::none();
            faults.crashes = vec![(place, 0, done)];
            let asks = vec![Ask::of(vec!["www.example.com", "example.net"])];
            let scenario = Scenario {
                faults,
                ..Scenario::of_good_days(asks, None)
            };
            let verdict = run_scenario(scenario, 7);
            let of = format!("{place:?}, done: {done}");
            assert_eq!(verdict.violations, [""; 0], "{of}");
            let lines = &verdict.trace;
            let died = lines.iter().position(|line| line.contains(" DIES ")).unwrap();
            // What it died after may have been the last write.
            let next = lines[died..].iter().find(|line| line.contains(" Claim: ok"));
            let next = next.unwrap_or_else(|| panic!("{of}: nobody went on\n{}", lines.join("\n")));
            let wait = second(next) - second(&lines[died]);
            assert!(wait <= 90.0, "{of}: {wait} s\n{}", lines.join("\n"));
        }
    }
}
