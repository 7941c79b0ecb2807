//! Which states are stored, and that the others are not missed.

use super::*;

/// The states of an issuance that meets no trouble, in their order, from the first to the last.
fn smooth() -> Vec<Issuance> {
    let (mut states, mut event) = (vec![queued()], Event::Resumed);
    loop {
        let last = states.last().unwrap();
        let step = next(last, event, last.since, 1).unwrap();
        let effect = step.effects.first().cloned();
        states.push(step.state);
        match effect {
            Some(effect) => event = success(&effect),
            None => return states,
        }
    }
}

#[test]
fn an_issuance_without_trouble_is_stored_six_times() {
    let mut kept = queued();
    let mut stored = Vec::new();
    for state in smooth() {
        if state.must_be_stored(&kept) {
            stored.push((state.phase.name(), state.cleanup_owed));
            kept = state;
        }
    }
    let expected = [
        ("ordered", false),
        ("challenged", true),
        ("published", true),
        ("key_stored", true),
        ("done", true),
        ("done", false),
    ];
    assert_eq!(stored, expected);
}

#[test]
fn what_happened_decides_whether_the_state_is_stored() {
    let now = Timestamp::from_secs(1_800_000_100);
    let states = smooth();
    let at = |phase: &str| states.iter().find(|s| s.phase.name() == phase).unwrap().clone();
    let hold = |until: i64| Event::Deferred {
        until: Timestamp::from_secs(until),
        reason: "a limit is used up".into(),
    };
    let not_yet = || Event::NotYet {
        not_before: None,
        reason: "ns1 lags".into(),
    };
    let on_hold = next(&at("queued"), hold(1_800_000_200), now, 1).unwrap().state;
    let taken = Event::OrderTaken {
        order_url: "https://ca/order/9".into(),
        by: certmint_core::words::RequestId::new(9),
    };
    let polled = |progress| Event::OrderPolled { progress };
    for (what, state, event, stored) in [
        ("an order", at("queued"), said(&CaEffect::NewOrder), true),
        ("another's order", at("queued"), taken, true),
        ("a first hold", at("queued"), hold(1_800_000_200), true),
        ("the same hold", on_hold, hold(1_800_000_300), false),
        (
            "a change",
            at("challenged"),
            Event::Published {
                changes: vec!["C2".into()],
            },
            true,
        ),
        (
            "values that stood already",
            at("challenged"),
            Event::Published { changes: vec![] },
            false,
        ),
        ("a look at DNS", at("published"), not_yet(), false),
        ("a look at the CA", at("validating"), not_yet(), false),
        ("a change in sync", at("published"), Event::InSync, false),
        (
            "an authorized order",
            at("validating"),
            polled(OrderProgress::Ready),
            false,
        ),
        (
            "an order still pending",
            at("validating"),
            polled(OrderProgress::Pending),
            false,
        ),
        (
            "an order that is gone",
            at("validating"),
            fault(Class::OrderLost),
            true,
        ),
        ("a failure", at("in_sync"), fault(Class::Transient), true),
        ("a refusal", at("propagated"), fault(Class::Permanent), true),
        (
            "a limit",
            at("queued"),
            fault(Class::RateLimited {
                not_before: Some(now.plus(Duration::from_secs(9))),
            }),
            true,
        ),
        ("a cancellation", at("published"), Event::Cancelled, true),
        ("a CSR that was taken", at("key_stored"), Event::Finalized, false),
        ("being taken up", at("in_sync"), Event::Resumed, false),
    ] {
        let step = next(&state, event, now, 1).unwrap();
        assert_eq!(step.state.must_be_stored(&state), stored, "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_crash_makes_a_second_order_unless_it_lost_the_first_ones_url(
        crashes in proptest::collection::vec(any::<bool>(), 0..40)
    ) {
        let script: Vec<Answer> =
            crashes.into_iter().map(|c| if c { Answer::Crash } else { Answer::Succeed }).collect();
        let run = play(&script, 10);
        prop_assert_eq!(run.orders, 1 + run.lost_orders);
        prop_assert!(run.saves <= 6 + run.crashes, "{} saves", run.saves);
    }
}
