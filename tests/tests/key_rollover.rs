//! An account's key is changed while workers die at every call of it: the CA, the account and the vault agree in the end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_shared::domain::Timestamp;
use certmint_tests::sim::{Faults, Op, Scenario, run_scenario};

/// The calls that a rollover is made of.
const CALLS: [Op; 7] = [
    Op::ReadAccount,
    Op::StoreAccountKey,
    Op::FindAccount,
    Op::ReadSecret,
    Op::ChangeKey,
    Op::SaveAccount,
    Op::DeleteSecret,
];

#[test]
fn killed_before_and_after_each_call_the_next_worker_finishes() {
    let mut killed = 0;
    for op in CALLS {
        for after in [false, true] {
            for skip in 0.. {
                let mut faults = Faults::none();
                faults.crashes.push((op, skip, after));
                let verdict = run_scenario(Scenario::of_rollovers(faults), skip);
                let when = format!("{op:?} number {skip}, after: {after}");
                assert_eq!(verdict.violations, Vec::<String>::new(), "{when}");
                assert_eq!(
                    (verdict.tally.rollovers, verdict.tally.succeeded),
                    (2, 1),
                    "{when}"
                );
                if verdict.tally.all_crashes() == 0 {
                    assert!(skip >= 2, "two rollovers make {skip} calls of {op:?}");
                    break;
                }
                killed += 1;
            }
        }
    }
    assert!(killed >= 2 * 2 * CALLS.len(), "{killed} kills");
}

/// For thirteen hours three answers in ten do not come, of the CA, the store and the vault.
#[test]
fn a_lost_answer_is_no_lost_key() {
    for seed in 0..300 {
        let mut faults = Faults::none();
        faults.lost = 300;
        faults.until = Timestamp::from_secs(1_800_000_000 + 13 * 3600);
        // The request may give up; the key may not.
        let scenario = Scenario {
            gentle: false,
            ..Scenario::of_rollovers(faults)
        };
        let verdict = run_scenario(scenario, seed);
        assert_eq!(verdict.violations, Vec::<String>::new(), "seed {seed}");
    }
}
