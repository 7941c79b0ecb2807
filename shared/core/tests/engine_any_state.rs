//! The engine, given any state and any event, also ones that only a bug, a duplicate or a skewed clock can bring.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "engine_any_state/cancel.rs"]
mod cancel;
#[path = "engine_any_state/holds.rs"]
mod holds;
#[path = "engine_any_state/routes.rs"]
mod routes;

use std::time::Duration;

use certmint_core::{
    issuance::{
        Challenge, Effect, Event, Issuance, OrderProgress, Phase, RequestStatus, Step, backoff, next,
    },
    words::{Cause, CertificateId, Class, Failure, Fqdn, Problem, Stage, Subproblem, Timestamp},
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// How far two workers' clocks may differ.
const SKEW_MS: i64 = 5 * 60_000;
const MAX_ATTEMPTS: u32 = 10;

fn order() -> String {
    "https://ca.test/order/1".into()
}

fn challenges() -> impl Strategy<Value = Vec<Challenge>> {
    proptest::collection::vec("[a-z]{1,8}", 1..4).prop_map(|values| {
        values
            .into_iter()
            .map(|value| Challenge {
                fqdn: Fqdn::new("_acme-challenge.example.com"),
                value,
            })
            .collect()
    })
}

fn phase(kinds: std::ops::Range<u8>) -> impl Strategy<Value = Phase> {
    (
        kinds,
        challenges(),
        proptest::collection::vec("C[0-9]{1,4}", 1..3),
        any::<u64>(),
    )
        .prop_map(|(kind, challenges, changes, id)| match kind {
            0 => Phase::Queued,
            1 => Phase::Ordered { order_url: order() },
            2 => Phase::Challenged {
                order_url: order(),
                challenges,
            },
            3 => Phase::Published {
                order_url: order(),
                challenges,
                changes,
            },
            4 => Phase::InSync {
                order_url: order(),
                challenges,
            },
            5 => Phase::Propagated { order_url: order() },
            6 => Phase::Validating { order_url: order() },
            7 => Phase::Ready { order_url: order() },
            8 => Phase::KeyStored {
                order_url: order(),
                key_ref: "key/1".into(),
            },
            9 => Phase::Finalizing {
                order_url: order(),
                key_ref: "key/1".into(),
            },
            10 => Phase::Done {
                certificate_id: CertificateId::new(id),
            },
            _ => Phase::Failed,
        })
}

const fn wants_values(phase: &Phase) -> bool {
    matches!(
        phase,
        Phase::Challenged { .. } | Phase::Published { .. } | Phase::InSync { .. }
    )
}

const fn ended(phase: &Phase) -> bool {
    matches!(phase, Phase::Done { .. } | Phase::Failed)
}

fn problem() -> impl Strategy<Value = Problem> {
    ("\\PC{0,20}", "\\PC{0,40}", proptest::option::of("\\PC{0,20}")).prop_map(|(kind, detail, sub)| {
        let subproblems = sub
            .into_iter()
            .map(|detail| Subproblem {
                identifier: "example.com".into(),
                cause: "dns".into(),
                detail,
            })
            .collect();
        Problem {
            cause: kind.into(),
            detail,
            subproblems,
        }
    })
}

fn state() -> impl Strategy<Value = Issuance> {
    state_in(0..12)
}

/// A state that has not ended.
fn live() -> impl Strategy<Value = Issuance> {
    state_in(0..10)
}

/// A state that the engine can have written. `since` may lie ahead: a back-off, or another worker's clock.
fn state_in(kinds: std::ops::Range<u8>) -> impl Strategy<Value = Issuance> {
    (
        phase(kinds),
        -(90 * 60_000)..SKEW_MS,
        0..=MAX_ATTEMPTS,
        0u32..MAX_ATTEMPTS,
        0u32..200,
        proptest::option::of(problem()),
        any::<bool>(),
    )
        .prop_map(
            |(phase, since, attempts, failures, polls, last_problem, owed)| Issuance {
                cleanup_owed: owed || wants_values(&phase),
                phase,
                since: Timestamp::from_millis(NOW.millis() + since),
                attempts,
                max_attempts: MAX_ATTEMPTS,
                failures,
                polls,
                last_problem,
                ..Issuance::new(NOW, MAX_ATTEMPTS)
            },
        )
}

fn progress() -> impl Strategy<Value = OrderProgress> {
    prop_oneof![
        Just(OrderProgress::Pending),
        Just(OrderProgress::Ready),
        Just(OrderProgress::Processing),
        Just(OrderProgress::Valid),
    ]
}

/// A moment around now: some in the past, some years ahead.
fn moment() -> impl Strategy<Value = Timestamp> {
    (-1_000_000_000i64..100_000_000_000).prop_map(|d| Timestamp::from_millis(NOW.millis() + d))
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Transient),
        Just(Class::Permanent),
        Just(Class::OrderLost),
        proptest::option::of(moment()).prop_map(|not_before| Class::RateLimited { not_before }),
    ]
}

fn failed() -> impl Strategy<Value = Event> {
    (class(), any::<bool>(), problem(), any::<bool>()).prop_map(|(class, dns, problem, reached_ca)| {
        Event::Failed {
            failure: Failure {
                class,
                stage: if dns { Stage::Dns } else { Stage::Request },
                problem,
            },
            reached_ca,
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Resumed),
        1 => Just(Event::OrderCreated { order_url: "https://ca.test/order/2".into() }),
        1 => (progress(), prop_oneof![Just(vec![]).boxed(), challenges().boxed()])
            .prop_map(|(progress, challenges)| Event::ChallengesLoaded { progress, challenges }),
        1 => Just(Event::Published { changes: vec!["C1".into()] }),
        1 => Just(Event::InSync),
        1 => Just(Event::Propagated),
        1 => Just(Event::ChallengesAccepted),
        1 => progress().prop_map(|progress| Event::OrderPolled { progress }),
        1 => Just(Event::KeyStored { key_ref: "key/2".into(), about: None }),
        1 => Just(Event::Finalized),
        1 => any::<u64>().prop_map(|id| Event::CertificateRecorded { certificate_id: CertificateId::new(id) }),
        2 => proptest::option::of(moment())
            .prop_map(|not_before| Event::NotYet { not_before, reason: "ns1 lags".into() }),
        2 => moment().prop_map(|until| Event::Deferred { until, reason: "a limit is used up".into() }),
        2 => Just(Event::Unpublished),
        1 => Just(Event::Cancelled),
        4 => failed(),
    ]
}

fn stored(state: &Issuance) -> Issuance {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

/// What holds after every step, whatever led to it.
fn check(before: &Issuance, step: &Step) -> Result<(), TestCaseError> {
    let after = &step.state;
    prop_assert_eq!(&stored(after), after);
    prop_assert_eq!(after.max_attempts, before.max_attempts);
    prop_assert!(after.attempts >= before.attempts && after.attempts <= before.attempts + 1);
    prop_assert!(
        after.attempts <= after.max_attempts + 1,
        "{} attempts",
        after.attempts
    );
    prop_assert!(
        after.cleanup_owed || !wants_values(&after.phase),
        "no debt in {:?}",
        after.phase
    );
    if ended(&after.phase) {
        prop_assert!(step.wake_at.is_none(), "an ended issuance waits");
        prop_assert!(step.effects.iter().all(|e| *e == Effect::Unpublish));
        prop_assert_eq!(after.cleanup_owed, step.effects == [Effect::Unpublish]);
        let expected = match after.phase {
            Phase::Failed => RequestStatus::Failed,
            _ => RequestStatus::Success,
        };
        prop_assert_eq!(step.status, expected);
    } else {
        prop_assert_eq!(step.status, RequestStatus::Running);
        prop_assert!(
            !step.effects.is_empty() || step.wake_at.is_some(),
            "stuck in {:?}",
            after.phase
        );
        prop_assert!(after.since <= step.wake_at.unwrap_or(after.since).max(NOW).max(before.since));
    }
    for effect in &step.effects {
        match effect {
            Effect::Finalize { .. } => {
                prop_assert_eq!(after.phase.name(), "key_stored");
            }
            Effect::Unpublish => prop_assert!(
                after.cleanup_owed && !wants_values(&after.phase),
                "takes away what {:?} needs",
                after.phase
            ),
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_in_any_state_is_a_sound_step_or_a_typed_error(
        state in state(), event in event(), seed in any::<u64>(),
    ) {
        prop_assert_eq!(&stored(&state), &state);
        match next(&state, event.clone(), NOW, seed) {
            Ok(step) => {
                check(&state, &step)?;
                prop_assert_eq!(next(&state, event, NOW, seed), Ok(step), "the same step twice differs");
            }
            Err(error) => {
                prop_assert_eq!(error.phase, state.phase.name());
                prop_assert!(error.to_string().contains(state.phase.name()));
            }
        }
    }

    #[test]
    fn the_same_news_twice_does_not_count_twice(state in state(), event in event(), seed in any::<u64>()) {
        let Ok(first) = next(&state, event.clone(), NOW, seed) else { return Ok(()) };
        let news = !matches!(
            event,
            Event::Failed { .. } | Event::NotYet { .. } | Event::Deferred { .. } | Event::Resumed
        );
        if !news {
            return Ok(());
        }
        if let Ok(second) = next(&first.state, event, NOW, seed) {
            prop_assert_eq!(second.state.attempts, first.state.attempts);
            prop_assert_eq!(second.state.phase.order_url(), first.state.phase.order_url());
        }
    }

    #[test]
    fn a_failure_means_what_its_class_says(state in live(), event in failed(), seed in any::<u64>()) {
        let Event::Failed { failure, .. } = event.clone() else { return Ok(()) };
        let step = next(&state, event, NOW, seed).unwrap();
        prop_assert_eq!(step.error, Some(failure.sentence()));
        prop_assert_eq!(step.state.last_problem.as_ref(), Some(&failure.problem));
        // Where there may be a certificate it is not given up as easily.
        let sent = matches!(state.phase, Phase::KeyStored { .. } | Phase::Finalizing { .. });
        let last_try = match sent && failure.class != Class::OrderLost {
            true => step.state.failures >= 2 * MAX_ATTEMPTS,
            false => step.state.failures >= MAX_ATTEMPTS || step.state.attempts >= MAX_ATTEMPTS,
        };
        match failure.class {
            Class::Permanent => prop_assert_eq!(step.state.phase, Phase::Failed),
            Class::RateLimited { not_before } => {
                prop_assert!(!ended(&step.state.phase), "a limit ends nothing");
                prop_assert!(step.state.attempts == state.attempts, "a limit is no attempt");
                match not_before {
                    Some(at) if at > NOW => prop_assert_eq!(step.wake_at, Some(at)),
                    _ => prop_assert!(step.wake_at > Some(NOW.plus(Duration::from_secs(30))), "asks again at once"),
                }
            }
            _ if last_try => prop_assert_eq!(step.state.phase, Phase::Failed),
            Class::OrderLost => prop_assert_eq!(step.state.phase, Phase::Queued),
            Class::Transient => {
                prop_assert_eq!(step.state.phase.order_url(), state.phase.order_url());
                let wait = backoff(step.state.failures, seed);
                prop_assert_eq!(step.wake_at, Some(NOW.plus(wait)));
            }
        }
        if state.cleanup_owed {
            prop_assert_eq!(step.effects, vec![Effect::Unpublish]);
        }
    }

    #[test]
    fn waiting_is_never_longer_than_the_phase_has_patience(
        state in live(), at in moment(), seed in any::<u64>(),
    ) {
        let not_yet = Event::NotYet { not_before: Some(at), reason: "the CA is busy".into() };
        let step = next(&state, not_yet, NOW, seed).unwrap();
        let wake_at = step.wake_at.filter(|_| step.error.is_none());
        if let Some(wake_at) = wake_at {
            prop_assert!(wake_at > NOW, "asks again at once");
            prop_assert!(wake_at.since(NOW) <= Duration::from_secs(65 * 60), "sleeps past its deadline");
            // The CA's own moment is kept while there is time.
            prop_assert!(wake_at >= at || wake_at.since(state.since) >= Duration::from_secs(10 * 60));
        }
    }

    #[test]
    fn a_worker_whose_clock_is_behind_takes_no_value_away(state in state(), behind in 0..SKEW_MS) {
        let now = Timestamp::from_millis(state.since.millis() - behind);
        let step = next(&state, Event::Resumed, now, 1).unwrap();
        if wants_values(&state.phase)
            || matches!(state.phase, Phase::Propagated { .. } | Phase::Validating { .. })
        {
            prop_assert!(!step.effects.contains(&Effect::Unpublish), "{:?}", state.phase);
            prop_assert!(!step.effects.is_empty(), "{:?} is not a back-off", state.phase);
        }
    }

    #[test]
    fn a_world_that_always_fails_ends_in_bounded_steps(
        class in prop_oneof![Just(Class::Transient), Just(Class::Permanent), Just(Class::OrderLost)],
        reached_ca in any::<bool>(), start in live(),
    ) {
        let (mut state, mut now) = (start, NOW);
        for _ in 0..=2 * MAX_ATTEMPTS {
            if ended(&state.phase) { break }
            let failure = Failure::new(class, Stage::Request, Cause::Crypto, "the world said no");
            let step = next(&state, Event::Failed { failure, reached_ca }, now, 3).unwrap();
            now = now.max(step.wake_at.unwrap_or(now));
            state = stored(&step.state);
        }
        prop_assert_eq!(state.phase, Phase::Failed);
    }

    #[test]
    fn back_off_grows_until_it_is_level(failures in 1u32..60, seed in any::<u64>(), other in any::<u64>()) {
        let (wait, later) = (backoff(failures, seed), backoff(failures + 1, other));
        if failures < 10 {
            prop_assert!(later > wait, "each step of the table is more than the spread of 20 %");
        }
        prop_assert!(wait < Duration::from_secs(480 * 60 * 6 / 5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_chain_of_any_events_stays_sound(
        events in proptest::collection::vec((event(), 0u64..3_600_000), 0..80), seed in any::<u64>(),
    ) {
        let mut state = Issuance::new(NOW, MAX_ATTEMPTS);
        let mut now = NOW;
        let mut owed = false;
        for (event, pause) in events {
            let Ok(step) = next(&state, event.clone(), now, seed) else { continue };
            prop_assert!(step.state.attempts <= MAX_ATTEMPTS + 1);
            prop_assert!(step.state.cleanup_owed || !wants_values(&step.state.phase));
            prop_assert!(
                step.state.cleanup_owed || !owed || event == Event::Unpublished,
                "{event:?} forgot a debt"
            );
            prop_assert!(!ended(&state.phase) || step.state.phase == state.phase, "the end is not the end");
            owed = step.state.cleanup_owed;
            prop_assert!(step.state.history.entries().len() <= 50);
            prop_assert!(step.error.is_none() || step.state.history.entries().last().unwrap().problem.is_some());
            // A crash between two steps: only what was stored is left.
            state = stored(&step.state);
            now = now.plus(Duration::from_millis(pause));
        }
        prop_assert!(serde_json::to_string(&state.history).unwrap().len() < 16 * 1024);
    }
}

#[test]
fn back_off_keeps_to_the_table() {
    let minutes = [1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 480, 480];
    for (failures, minutes) in (1u32..).zip(minutes) {
        for seed in 0..200 {
            let wait = backoff(failures, seed);
            let base = Duration::from_secs(minutes * 60);
            assert!(wait >= base && wait < base + base / 5, "{failures}: {wait:?}");
        }
    }
    assert_eq!(
        backoff(0, 5).as_secs() / 60,
        1,
        "no failure yet counts as the first"
    );
    assert!(backoff(u32::MAX, u64::MAX) >= Duration::from_secs(480 * 60));
}
