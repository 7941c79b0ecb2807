//! Issuances with a choice of accounts.

use certmint_core::issuance::{Leg, Route};
use serde_json::json;

use super::*;

/// Three accounts, of which some were left.
fn route() -> impl Strategy<Value = Route> {
    let leg = (
        proptest::option::of(moment()),
        any::<bool>(),
        0u32..4,
        any::<bool>(),
    );
    (0usize..3, proptest::collection::vec(leg, 3)).prop_map(|(at, legs)| {
        let legs: Vec<_> = legs
            .into_iter()
            .enumerate()
            .map(|(index, (until, closed, faults, held))| match index == at {
                true => json!({"faults": faults, "held_since": held.then_some(NOW)}),
                false => json!({"closed": closed, "blocked_until": until.filter(|_| !closed)}),
            })
            .collect();
        serde_json::from_value(json!({"at": at, "legs": legs})).unwrap()
    })
}

fn routed() -> impl Strategy<Value = Issuance> {
    (state(), route()).prop_map(|(state, route)| Issuance { route, ..state })
}

fn usable(leg: &Leg) -> bool {
    !leg.closed && leg.blocked_until.is_none_or(|at| at <= NOW)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_turn_is_sound_and_for_a_reason(before in routed(), event in event(), seed in any::<u64>()) {
        let Ok(step) = next(&before, event.clone(), NOW, seed) else { return Ok(()) };
        check(&before, &step)?;
        let (old, new) = (&before.route, &step.state.route);
        prop_assert_eq!(old.legs().len(), new.legs().len());
        if old.at() == new.at() {
            return Ok(());
        }
        prop_assert!(matches!(event, Event::Failed { .. } | Event::Deferred { .. }), "left after {event:?}");
        prop_assert_eq!(&step.state.phase, &Phase::Queued, "an order belongs to its account");
        let caa = matches!(&event, Event::Failed { failure, .. } if failure.forbids_ca());
        prop_assert!(
            caa || !matches!(before.phase, Phase::KeyStored { .. } | Phase::Finalizing { .. }),
            "left with a CSR on its way"
        );
        let (left, entered) = (&new.legs()[old.at()], &new.legs()[new.at()]);
        prop_assert!(left.closed != left.blocked_until.is_some() && left.why.is_some());
        prop_assert!(!entered.closed);
        match new.legs().iter().position(usable) {
            Some(first) => {
                prop_assert_eq!(new.at(), first, "not the first that can be used");
                prop_assert!(step.wake_at.is_none());
            }
            None => {
                let open = new.legs().iter().filter(|leg| !leg.closed);
                prop_assert_eq!(entered.blocked_until, open.map(|leg| leg.blocked_until).min().unwrap());
                prop_assert_eq!(step.wake_at, entered.blocked_until);
            }
        }
        let last = step.state.history.entries().last().unwrap();
        prop_assert_eq!(&last.what, &format!("goes on with account {} of 3", new.at() + 1));
    }

    /// CAs that always fail: it ends, and every account was tried.
    #[test]
    fn it_ends_whatever_the_cas_do(kinds in proptest::collection::vec(0u8..4, 1..4), seed in any::<u64>()) {
        let mut state = Issuance::new(NOW, MAX_ATTEMPTS).over(3);
        let (mut now, mut tried) = (NOW, [false; 3]);
        for turn in 0.. {
            prop_assert!(turn <= 30, "does not end");
            tried[state.route.at()] = true;
            let kind = kinds[turn % kinds.len()];
            let event = match kind {
                0 => fault(Class::Transient, "urn:certmint:caUnreachable"),
                1 => fault(Class::Permanent, "urn:ietf:params:acme:error:caa"),
                2 => fault(Class::Permanent, "urn:certmint:account"),
                _ => fault(Class::Transient, "urn:ietf:params:acme:error:serverInternal"),
            };
            let step = next(&state, event, now, seed).unwrap();
            state = step.state;
            if ended(&state.phase) {
                break;
            }
            now = step.wake_at.unwrap_or(now).max(now);
        }
        prop_assert!(tried == [true; 3], "{tried:?}");
    }
}

fn fault(class: Class, kind: &str) -> Event {
    let failure = Failure::new(class, Stage::Request, kind.into(), "why");
    Event::Failed {
        failure,
        reached_ca: false,
    }
}

fn limited(minutes: u64) -> Event {
    let not_before = Some(NOW.plus(Duration::from_secs(minutes * 60)));
    fault(
        Class::RateLimited { not_before },
        "urn:ietf:params:acme:error:rateLimited",
    )
}

fn queued() -> Issuance {
    Issuance::new(NOW, MAX_ATTEMPTS).over(2)
}

#[test]
fn a_long_limit_moves_it_and_a_short_one_does_not() {
    let short = next(&queued(), limited(9), NOW, 1).unwrap();
    assert_eq!((short.state.route.at(), short.wake_at.is_some()), (0, true));
    let long = next(&queued(), limited(11), NOW, 1).unwrap();
    assert_eq!((long.state.route.at(), long.wake_at), (1, None));
    assert_eq!(long.effects, [Effect::NewOrder]);
    assert_eq!(long.state.attempts, 0);
    // The other is limited too, for less long: it waits there.
    let both = next(&long.state, limited(10), NOW, 1).unwrap();
    assert_eq!(both.state.route.at(), 1);
    assert_eq!(both.wake_at, Some(NOW.plus(Duration::from_secs(600))));
    // For longer: the first one is back earlier.
    let back = next(&long.state, limited(60), NOW, 1).unwrap();
    assert_eq!(back.state.route.at(), 0);
    assert_eq!(back.wake_at, Some(NOW.plus(Duration::from_secs(660))));
}

#[test]
fn an_outage_of_minutes_is_waited_for() {
    let minute = Duration::from_secs(60);
    let (mut state, mut now) = (queued(), NOW);
    for _ in 0..9 {
        let event = Event::Deferred {
            until: now.plus(minute),
            reason: "away".into(),
        };
        let step = next(&state, event, now, 1).unwrap();
        assert_eq!(step.state.route.at(), 0, "left after {:?}", now.since(NOW));
        (state, now) = (step.state, now.plus(minute));
    }
    let event = Event::Deferred {
        until: now.plus(minute),
        reason: "away".into(),
    };
    let step = next(&state, event, now, 1).unwrap();
    assert_eq!(step.state.route.at(), 1);
    assert_eq!(step.state.route.legs()[0].why.as_deref(), Some("away"));
}

#[test]
fn a_caa_record_moves_it_with_its_values_taken_out_first() {
    let order_url = order();
    let state = Issuance {
        phase: Phase::Validating { order_url },
        cleanup_owed: true,
        ..queued()
    };
    let step = next(
        &state,
        fault(Class::Permanent, "urn:ietf:params:acme:error:caa"),
        NOW,
        1,
    )
    .unwrap();
    assert_eq!((step.state.route.at(), step.wake_at), (1, None));
    assert_eq!(step.effects, [Effect::Unpublish]);
    let clean = next(&step.state, Event::Unpublished, NOW, 1).unwrap();
    assert_eq!(clean.effects, [Effect::NewOrder]);
    // No CA is left: it fails, and a retry starts from the front.
    let none = next(
        &clean.state,
        fault(Class::Permanent, "urn:ietf:params:acme:error:caa"),
        NOW,
        1,
    )
    .unwrap();
    assert_eq!(none.state.phase, Phase::Failed);
    let again = none.state.again(NOW);
    assert_eq!(again.route, Route::over(2));
}

#[test]
fn a_certificate_that_may_be_there_is_waited_for() {
    let (order_url, key_ref) = (order(), "key/1".to_owned());
    let mut state = Issuance {
        phase: Phase::Finalizing { order_url, key_ref },
        attempts: MAX_ATTEMPTS,
        ..Issuance::new(NOW, MAX_ATTEMPTS)
    };
    let fault = || fault(Class::Transient, "urn:certmint:caUnreachable");
    for _ in 1..2 * MAX_ATTEMPTS {
        state = next(&state, fault(), NOW, 1).unwrap().state;
        assert_eq!(
            state.phase.name(),
            "finalizing",
            "after {} failures",
            state.failures
        );
    }
    assert_eq!(next(&state, fault(), NOW, 1).unwrap().state.phase, Phase::Failed);
    // Not so where the order is gone.
    let lost = Event::Failed {
        failure: Failure::new(Class::OrderLost, Stage::Request, Cause::OrderGone, "why"),
        reached_ca: false,
    };
    assert_eq!(next(&state, lost, NOW, 1).unwrap().state.phase, Phase::Failed);
}

#[test]
fn a_limit_at_finalize_moves_nothing() {
    let (order_url, key_ref) = (order(), "key/1".to_owned());
    let state = Issuance {
        phase: Phase::Finalizing { order_url, key_ref },
        ..queued()
    };
    let step = next(&state, limited(60), NOW, 1).unwrap();
    assert_eq!(
        (step.state.route.at(), step.state.phase.name()),
        (0, "finalizing")
    );
}
