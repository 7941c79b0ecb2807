//! The transition function.

use super::{
    history::Note,
    issuance::Issuance,
    setback::{fail, hold, wait},
    state::{Effect, Event, OrderProgress, Phase, Step},
    status::RequestStatus,
};
use crate::words::{Cause, Class, Failure, Stage, Timestamp};

/// An event that this state cannot have. It is a bug or a stale worker; nothing is written for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is not possible in phase {phase}")]
pub struct IllegalTransition {
    /// The phase.
    pub phase: &'static str,
    /// The event.
    pub event: String,
}

/// What to do in a phase.
fn effects(phase: &Phase) -> Vec<Effect> {
    match phase.clone() {
        Phase::Queued => vec![Effect::NewOrder],
        Phase::Ordered { order_url } => vec![Effect::LoadChallenges { order_url }],
        Phase::Challenged { challenges, .. } => vec![Effect::Publish { challenges }],
        Phase::Published { changes, .. } => vec![Effect::CheckInSync { changes }],
        Phase::InSync { challenges, .. } => vec![Effect::CheckPropagation { challenges }],
        Phase::Propagated { order_url } => vec![Effect::AcceptChallenges { order_url }],
        Phase::Validating { order_url } => vec![Effect::PollOrder { order_url }],
        Phase::Ready { order_url } => vec![Effect::StoreKey { order_url }],
        Phase::KeyStored { order_url, key_ref } => vec![Effect::Finalize { order_url, key_ref }],
        Phase::Finalizing { order_url, key_ref } => vec![Effect::RecordCertificate { order_url, key_ref }],
        Phase::Done { .. } | Phase::Failed => vec![],
    }
}

pub(super) const fn status(phase: &Phase) -> RequestStatus {
    match phase {
        Phase::Done { .. } => RequestStatus::Success,
        Phase::Failed => RequestStatus::Failed,
        _ => RequestStatus::Running,
    }
}

/// Applies `event` to `state` at `now`. `seed` spreads the back-off (use the request id).
///
/// # Errors
/// [`IllegalTransition`] if the state cannot have this event.
pub fn next(state: &Issuance, event: Event, now: Timestamp, seed: u64) -> Result<Step, IllegalTransition> {
    let mut step = transition(state, event.clone(), now, seed)?;
    if let Some(note) = Note::of(&event, &step) {
        step.state.history.push(now, state.phase.name(), note);
    }
    if let Some(note) = Note::of_turn(&state.route, &step.state.route) {
        step.state.history.push(now, step.state.phase.name(), note);
    }
    Ok(step)
}

fn transition(state: &Issuance, event: Event, now: Timestamp, seed: u64) -> Result<Step, IllegalTransition> {
    let illegal = |event: &Event| IllegalTransition {
        phase: state.phase.name(),
        event: format!("{event:?}"),
    };
    match (&state.phase, event) {
        (_, Event::Resumed) => Ok(resume(state, now)),
        // A late repeat: these phases have values in the zone or are about to.
        (phase, event @ Event::Unpublished) if phase.needs_values() => Err(illegal(&event)),
        (_, Event::Unpublished) => Ok(resume(
            &Issuance {
                cleanup_owed: false,
                ..state.clone()
            },
            now,
        )),
        (Phase::Done { .. } | Phase::Failed, event) => Err(illegal(&event)),
        // The effect of `KeyStored` is to send the CSR: it may have been done already.
        (Phase::KeyStored { .. } | Phase::Finalizing { .. }, event @ Event::Cancelled) => {
            Err(illegal(&event))
        }
        (_, Event::Cancelled) => Ok(fail(state, &cancelled(), false, now, seed)),
        (_, Event::Failed { failure, reached_ca }) => Ok(fail(state, &failure, reached_ca, now, seed)),
        // On hold no value stays in the zone.
        (phase, event @ Event::Deferred { .. }) if phase.needs_values() => Err(illegal(&event)),
        (_, Event::Deferred { until, reason }) => Ok(hold(state, until, &reason, now, seed)),
        (_, Event::NotYet { not_before, reason }) => Ok(wait(state, not_before, &reason, now, seed)),
        (Phase::Queued, Event::OrderCreated { order_url }) => {
            let counted = Issuance {
                attempts: state.attempts + 1,
                orders: state.orders + 1,
                ..state.clone()
            };
            Ok(enter(&counted, Phase::Ordered { order_url }, now))
        }
        (Phase::Ordered { order_url }, Event::ChallengesLoaded { progress, challenges }) => {
            let order_url = order_url.clone();
            Ok(match progress {
                OrderProgress::Pending if challenges.is_empty() => {
                    enter(state, Phase::Validating { order_url }, now)
                }
                OrderProgress::Pending => enter(
                    state,
                    Phase::Challenged {
                        order_url,
                        challenges,
                    },
                    now,
                ),
                OrderProgress::Ready => enter(state, Phase::Ready { order_url }, now),
                // Only we finalize, and this state has no key: the order belongs to a life that is lost.
                OrderProgress::Processing | OrderProgress::Valid => {
                    fail(state, &keyless_order(&order_url), false, now, seed)
                }
            })
        }
        (
            Phase::Challenged {
                order_url,
                challenges,
            },
            Event::Published { changes },
        ) => {
            let (order_url, challenges) = (order_url.clone(), challenges.clone());
            Ok(enter(
                state,
                Phase::Published {
                    order_url,
                    challenges,
                    changes,
                },
                now,
            ))
        }
        (
            Phase::Published {
                order_url,
                challenges,
                ..
            },
            Event::InSync,
        ) => {
            let (order_url, challenges) = (order_url.clone(), challenges.clone());
            Ok(enter(
                state,
                Phase::InSync {
                    order_url,
                    challenges,
                },
                now,
            ))
        }
        (Phase::InSync { order_url, .. }, Event::Propagated) => Ok(enter(
            state,
            Phase::Propagated {
                order_url: order_url.clone(),
            },
            now,
        )),
        (Phase::Propagated { order_url }, Event::ChallengesAccepted) => Ok(enter(
            state,
            Phase::Validating {
                order_url: order_url.clone(),
            },
            now,
        )),
        (Phase::Validating { order_url }, Event::OrderPolled { progress }) => {
            let order_url = order_url.clone();
            Ok(match progress {
                OrderProgress::Pending => wait(state, None, "the CA is validating", now, seed),
                OrderProgress::Ready => enter(state, Phase::Ready { order_url }, now),
                OrderProgress::Processing | OrderProgress::Valid => {
                    fail(state, &keyless_order(&order_url), false, now, seed)
                }
            })
        }
        (Phase::Ready { order_url }, Event::KeyStored { key_ref, .. }) => Ok(enter(
            state,
            Phase::KeyStored {
                order_url: order_url.clone(),
                key_ref,
            },
            now,
        )),
        (Phase::KeyStored { order_url, key_ref }, Event::Finalized) => {
            let (order_url, key_ref) = (order_url.clone(), key_ref.clone());
            Ok(enter(state, Phase::Finalizing { order_url, key_ref }, now))
        }
        (Phase::Finalizing { .. }, Event::CertificateRecorded { certificate_id }) => {
            let solved = Issuance {
                last_problem: None,
                ..state.clone()
            };
            Ok(end(&solved, Phase::Done { certificate_id }, now))
        }
        (_, event) => Err(illegal(&event)),
    }
}

fn cancelled() -> Failure {
    Failure::new(
        Class::Permanent,
        Stage::Request,
        Cause::Cancelled,
        "cancelled by a client",
    )
}

fn keyless_order(order_url: &str) -> Failure {
    Failure::new(
        Class::OrderLost,
        Stage::Request,
        Cause::KeylessOrder,
        format!("order {order_url} was finalized without a key of ours"),
    )
}

/// What the present phase asks for, again: the cleanup that an ended or waiting issuance owes, the rest of a wait,
/// or the phase's own effects.
fn resume(state: &Issuance, now: Timestamp) -> Step {
    let ended = matches!(state.phase, Phase::Done { .. } | Phase::Failed);
    // A failure or a hold dates the phase to the moment of its next try. It never leaves one that needs its values,
    // so a date ahead of us there is another worker's clock.
    let backing_off = !ended && !state.phase.needs_values() && state.since > now;
    let effects = match (ended || backing_off, state.cleanup_owed) {
        (true, true) => vec![Effect::Unpublish],
        (true, false) => vec![],
        (false, _) => effects(&state.phase),
    };
    let wake_at = backing_off.then_some(state.since);
    Step {
        state: state.clone(),
        status: status(&state.phase),
        effects,
        wake_at,
        error: None,
    }
}

/// Enters a phase: its effects are due at once. The obligation to clean up opens before the first value is written.
fn enter(state: &Issuance, phase: Phase, now: Timestamp) -> Step {
    let cleanup_owed = state.cleanup_owed || matches!(phase, Phase::Challenged { .. });
    let effects = effects(&phase);
    let status = status(&phase);
    let state = Issuance {
        phase,
        since: now,
        polls: 0,
        cleanup_owed,
        why: None,
        held_since: None,
        route: state.route.clone().progressed(),
        ..state.clone()
    };
    Step {
        state,
        status,
        effects,
        wake_at: None,
        error: None,
    }
}

/// Ends the issuance, in success or failure.
pub(super) fn end(state: &Issuance, phase: Phase, now: Timestamp) -> Step {
    let effects = if state.cleanup_owed {
        vec![Effect::Unpublish]
    } else {
        vec![]
    };
    let step = enter(state, phase, now);
    let failures = if step.status == RequestStatus::Success {
        0
    } else {
        step.state.failures
    };
    Step {
        state: Issuance {
            failures,
            ..step.state
        },
        effects,
        ..step
    }
}
