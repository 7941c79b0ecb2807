//! The engine, given any state and any event, also ones that only a bug, a duplicate or a skewed clock can bring.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "engine_any_state/any.rs"]
mod any;
#[path = "engine_any_state/cancel.rs"]
mod cancel;
#[path = "engine_any_state/denied.rs"]
mod denied;
#[path = "engine_any_state/failover.rs"]
mod failover;
#[path = "engine_any_state/holds.rs"]
mod holds;
#[path = "engine_any_state/saving.rs"]
mod saving;
#[path = "engine_any_state/setbacks.rs"]
mod setbacks;

use std::time::Duration;

use certmint_core::{
    issuance::{
        CaEffect, Challenge, Denied, Effect, Event, Issuance, Order, OrderProgress, OrderStage, Phase,
        RequestStatus, Step, ZoneEffect, backoff, next,
    },
    words::{
        AcmeError, Cause, CertificateId, Class, Failure, Fqdn, Problem, RequestId, Stage, Subproblem,
        Timestamp,
    },
};
use proptest::prelude::*;

use self::any::{event, failed, live, moment, state};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// How far two workers' clocks may differ.
const SKEW_MS: i64 = 5 * 60_000;
const MAX_ATTEMPTS: u32 = 10;
const UNPUBLISH: Effect = Effect::Zone(ZoneEffect::Unpublish);

const fn wants_values(phase: &Phase) -> bool {
    matches!(
        phase,
        Phase::Ordered(Order {
            stage: OrderStage::Challenged { .. } | OrderStage::Published { .. } | OrderStage::InSync { .. },
            ..
        })
    )
}

/// The CA has looked at all values.
fn is_authorized(phase: &Phase) -> bool {
    matches!(phase.name(), "ready" | "key_stored" | "finalizing")
}

/// The CSR is or may be on its way.
fn csr_sent(phase: &Phase) -> bool {
    matches!(phase.name(), "key_stored" | "finalizing")
}

const fn ended(phase: &Phase) -> bool {
    matches!(phase, Phase::Done { .. } | Phase::Failed)
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
        prop_assert!(step.effects.iter().all(|e| *e == UNPUBLISH));
        prop_assert_eq!(after.cleanup_owed, step.effects == [UNPUBLISH]);
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
            Effect::Ca(CaEffect::Finalize { .. }) => {
                prop_assert_eq!(after.phase.name(), "key_stored");
            }
            Effect::Zone(ZoneEffect::Unpublish) => prop_assert!(
                after.cleanup_owed && (after.phase.order_url().is_none() || is_authorized(&after.phase)),
                "takes away what the CA may look at in {:?}",
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
                prop_assert_eq!((error.phase, error.event), (state.phase.name(), event.name()));
                prop_assert!(error.to_string().contains(state.phase.name()));
            }
        }
    }

    #[test]
    fn the_same_news_twice_does_not_count_twice(state in state(), event in event(), seed in any::<u64>()) {
        let Ok(first) = next(&state, event.clone(), NOW, seed) else { return Ok(()) };
        let news = !matches!(
            event,
            Event::Failed(_) | Event::NotYet { .. } | Event::Deferred { .. } | Event::Resumed
        );
        if !news {
            return Ok(());
        }
        if let Ok(second) = next(&first.state, event, NOW, seed) {
            prop_assert_eq!(second.state.attempts, first.state.attempts);
            prop_assert_eq!(second.state.phase.order_url(), first.state.phase.order_url());
        }
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
