//! Issuances with a choice of accounts.

use certmint_core::issuance::{Candidate, Failover};
use serde_json::json;

use super::{any::*, *};

/// Three accounts, of which some were left.
fn failover() -> impl Strategy<Value = Failover> {
    let candidate = (
        proptest::option::of(moment()),
        any::<bool>(),
        0u32..4,
        any::<bool>(),
    );
    (0usize..3, proptest::collection::vec(candidate, 3)).prop_map(|(at, candidates)| {
        let candidates: Vec<_> = candidates
            .into_iter()
            .enumerate()
            .map(|(index, (until, closed, faults, held))| match index == at {
                true => json!({"faults": faults, "held_since": held.then_some(NOW)}),
                false => json!({"closed": closed, "blocked_until": until.filter(|_| !closed)}),
            })
            .collect();
        serde_json::from_value(json!({"current": at, "candidates": candidates})).unwrap()
    })
}

fn with_choice() -> impl Strategy<Value = Issuance> {
    (state(), failover()).prop_map(|(state, failover)| Issuance { failover, ..state })
}

#[test]
fn an_account_at_work_that_is_not_in_the_list_is_not_read() {
    let read = |at, before, candidates: usize| {
        let candidates = vec![json!({}); candidates];
        let stored = json!({"current": at, "failures_before": before, "candidates": candidates});
        serde_json::from_value::<Failover>(stored).is_ok()
    };
    assert!(read(0, 0, 0) && read(0, 0, 2) && read(1, 3, 2));
    assert!(!read(1, 0, 0) && !read(0, 1, 0) && !read(2, 0, 2));
}

fn usable(candidate: &Candidate) -> bool {
    !candidate.closed && candidate.blocked_until.is_none_or(|at| at <= NOW)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_failover_is_sound_and_for_a_reason(before in with_choice(), event in event(), seed in any::<u64>()) {
        let Ok(step) = next(&before, event.clone(), NOW, seed) else { return Ok(()) };
        check(&before, &step)?;
        let (old, new) = (&before.failover, &step.state.failover);
        prop_assert_eq!(old.candidates().len(), new.candidates().len());
        if old.current() == new.current() {
            return Ok(());
        }
        prop_assert!(matches!(event, Event::Failed(_) | Event::Deferred { .. }), "left after {event:?}");
        prop_assert_eq!(&step.state.phase, &Phase::Queued, "an order belongs to its account");
        let caa = matches!(&event, Event::Failed(failure) if failure.forbids_ca());
        prop_assert!(
            caa || !csr_sent(&before.phase),
            "left with a CSR on its way"
        );
        let (left, entered) = (&new.candidates()[old.current()], &new.candidates()[new.current()]);
        prop_assert!(left.closed != left.blocked_until.is_some() && left.why.is_some());
        prop_assert!(!entered.closed);
        match new.candidates().iter().position(usable) {
            Some(first) => {
                prop_assert_eq!(new.current(), first, "not the first that can be used");
                prop_assert!(step.wake_at.is_none());
            }
            None => {
                let open = new.candidates().iter().filter(|c| !c.closed);
                prop_assert_eq!(entered.blocked_until, open.map(|c| c.blocked_until).min().unwrap());
                prop_assert_eq!(step.wake_at, entered.blocked_until);
            }
        }
        let last = step.state.history.entries().last().unwrap();
        prop_assert_eq!(&last.what, &format!("goes on with account {} of 3", new.current() + 1));
    }

    /// CAs that always fail: it ends, and every account was tried.
    #[test]
    fn it_ends_whatever_the_cas_do(kinds in proptest::collection::vec(0u8..4, 1..4), seed in any::<u64>()) {
        let mut state = Issuance::new(NOW, MAX_ATTEMPTS).over(3);
        let (mut now, mut tried) = (NOW, [false; 3]);
        for round in 0.. {
            prop_assert!(round <= 30, "does not end");
            tried[state.failover.current()] = true;
            let kind = kinds[round % kinds.len()];
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
    Event::Failed(Failure::new(class, Stage::Request, kind.into(), "why"))
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
    assert_eq!(
        (short.state.failover.current(), short.wake_at.is_some()),
        (0, true)
    );
    let long = next(&queued(), limited(11), NOW, 1).unwrap();
    assert_eq!((long.state.failover.current(), long.wake_at), (1, None));
    assert_eq!(long.effects, [Effect::Ca(CaEffect::NewOrder)]);
    assert_eq!(long.state.attempts, 0);
    // The other is limited too, for less long: it waits there.
    let both = next(&long.state, limited(10), NOW, 1).unwrap();
    assert_eq!(both.state.failover.current(), 1);
    assert_eq!(both.wake_at, Some(NOW.plus(Duration::from_secs(600))));
    // For longer: the first one is back earlier.
    let back = next(&long.state, limited(60), NOW, 1).unwrap();
    assert_eq!(back.state.failover.current(), 0);
    assert_eq!(back.wake_at, Some(NOW.plus(Duration::from_secs(660))));
}

/// A failure of our own side: no account is left for it.
fn ours() -> Event {
    fault(Class::Transient, "urn:certmint:crypto")
}

/// Which failure in a row this is to its account, by its wait.
fn in_a_row(step: &Step, now: Timestamp) -> u32 {
    let wait = step.wake_at.unwrap().since(now);
    (1..=10).find(|n| wait == backoff(*n, 1)).unwrap()
}

/// However an account is left: the next one's failures count from one, and so do the first one's once it is back.
#[test]
fn each_turn_of_an_account_has_a_back_off_of_its_own() {
    let away = |minutes: u64| Event::Deferred {
        until: NOW.plus(Duration::from_secs(minutes * 60)),
        reason: "away".into(),
    };
    let server = || fault(Class::Transient, "urn:certmint:caUnreachable");
    for (leaves, counted) in [
        (vec![limited(60)], 0),
        (vec![away(60)], 0),
        (vec![ours(), limited(60)], 1),
        (vec![ours(), away(60)], 1),
        (vec![ours(), ours(), ours(), away(11)], 3),
        (vec![server(), server(), server()], 3),
        (vec![ours(), server(), server(), server()], 4),
        (vec![fault(Class::Permanent, "urn:ietf:params:acme:error:caa")], 1),
        (
            vec![ours(), ours(), fault(Class::Permanent, "urn:certmint:account")],
            3,
        ),
    ] {
        let mut state = queued();
        for event in &leaves {
            assert_eq!(state.failover.current(), 0);
            state = next(&state, event.clone(), NOW, 1).unwrap().state;
        }
        assert_eq!(
            (state.failover.current(), state.failures),
            (1, counted),
            "{leaves:?}"
        );
        for n in 1..=3 {
            let step = next(&state, ours(), NOW, 1).unwrap();
            assert_eq!(in_a_row(&step, NOW), n, "{leaves:?}");
            state = step.state;
        }
        // Back to the first one, if it can be used again.
        let later = NOW.plus(Duration::from_secs(2 * 3600));
        let back = next(&state, fault(Class::Permanent, "urn:certmint:account"), later, 1).unwrap();
        if !back.state.failover.candidates()[0].closed {
            assert_eq!(back.state.failover.current(), 0);
            let step = next(&back.state, ours(), later, 1).unwrap();
            assert_eq!(in_a_row(&step, later), 1, "back after {leaves:?}");
        }
    }
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
        assert_eq!(
            step.state.failover.current(),
            0,
            "left after {:?}",
            now.since(NOW)
        );
        (state, now) = (step.state, now.plus(minute));
    }
    let event = Event::Deferred {
        until: now.plus(minute),
        reason: "away".into(),
    };
    let step = next(&state, event, now, 1).unwrap();
    assert_eq!(step.state.failover.current(), 1);
    assert_eq!(step.state.failover.candidates()[0].why.as_deref(), Some("away"));
}

#[test]
fn a_caa_record_moves_it_with_its_values_taken_out_first() {
    let state = Issuance {
        phase: at(OrderStage::Validating),
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
    assert_eq!((step.state.failover.current(), step.wake_at), (1, None));
    assert_eq!(step.effects, [UNPUBLISH]);
    let clean = next(&step.state, Event::Unpublished, NOW, 1).unwrap();
    assert_eq!(clean.effects, [Effect::Ca(CaEffect::NewOrder)]);
    // No CA is left: it fails, and a retry starts from the front.
    let none = next(
        &clean.state,
        fault(Class::Permanent, "urn:ietf:params:acme:error:caa"),
        NOW,
        1,
    )
    .unwrap();
    assert_eq!(none.state.phase, Phase::Failed);
    let retried = none.state.retried(NOW);
    assert_eq!(retried.failover, Failover::over(2));
}

#[test]
fn a_certificate_that_may_be_there_is_waited_for() {
    let mut state = Issuance {
        phase: finalizing(),
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
    let lost = Event::Failed(Failure::new(
        Class::OrderLost,
        Stage::Request,
        Cause::OrderGone,
        "why",
    ));
    assert_eq!(next(&state, lost, NOW, 1).unwrap().state.phase, Phase::Failed);
}

#[test]
fn a_limit_at_finalize_moves_nothing() {
    let state = Issuance {
        phase: finalizing(),
        ..queued()
    };
    let step = next(&state, limited(60), NOW, 1).unwrap();
    assert_eq!(
        (step.state.failover.current(), step.state.phase.name()),
        (0, "finalizing")
    );
}
