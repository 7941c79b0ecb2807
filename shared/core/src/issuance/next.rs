//! The transition function.

use super::{
    event::Event,
    notes,
    phase::{Order, OrderProgress, OrderStage, Phase},
    setback::{await_order, deny, fail, hold, wait},
    state::Issuance,
    step::{Step, end, enter, resume},
};
use crate::words::{Cause, Class, Failure, Stage, Timestamp};

/// An event that this state cannot have. It is a bug or a stale worker; nothing is written for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is not possible in phase {phase}")]
pub struct IllegalTransition {
    /// The phase ([`Phase::name`]).
    pub phase: &'static str,
    /// The event ([`Event::name`]).
    pub event: &'static str,
}

/// Applies `event` to `state` at `now`. `seed` spreads the back-off (use the request id).
///
/// # Errors
/// [`IllegalTransition`] if the state cannot have this event.
pub fn next(state: &Issuance, event: Event, now: Timestamp, seed: u64) -> Result<Step, IllegalTransition> {
    let illegal = IllegalTransition {
        phase: state.phase.name(),
        event: event.name(),
    };
    let mut step = transition(state, &event, now, seed).ok_or(illegal)?;
    for entry in notes::entries(state, &event, &step, now) {
        step.state.history.push(entry);
    }
    Ok(step)
}

/// `None`: not possible.
fn transition(state: &Issuance, event: &Event, now: Timestamp, seed: u64) -> Option<Step> {
    let phase = &state.phase;
    Some(match (phase, event) {
        (_, Event::Resumed) => resume(state, now),
        // A late repeat: these phases have values in the zone or are about to.
        (_, Event::Unpublished) if phase.needs_values() => return None,
        (_, Event::Unpublished) => {
            let clean = Issuance {
                cleanup_owed: false,
                ..state.clone()
            };
            resume(&clean, now)
        }
        (Phase::Done { .. } | Phase::Failed, _) => return None,
        (_, Event::Cancelled) if phase.may_have_sent_csr() => return None,
        (_, Event::Cancelled) => fail(state, &cancelled(), now, seed),
        (_, Event::Failed(failure)) if failure.class == Class::Denied => deny(state, failure, now, seed),
        (_, Event::Failed(failure)) => fail(state, failure, now, seed),
        // What counts on values goes on without asking a CA that is away for a new order.
        (_, Event::Deferred { .. }) if phase.needs_values() => return None,
        (_, Event::Deferred { until, reason }) => hold(state, *until, reason, now, seed),
        (_, Event::NotYet { not_before, reason }) => wait(state, *not_before, reason, now, seed),
        (Phase::Queued, Event::OrderCreated { order_url }) => {
            let counted = Issuance {
                attempts: state.attempts + 1,
                orders: state.orders + 1,
                ..state.clone()
            };
            enter(&counted, Order::created(order_url.clone()), now)
        }
        (Phase::Queued, Event::OrderTaken { order_url, by }) => await_order(state, order_url, *by, now, seed),
        (Phase::Queued, _) => return None,
        (Phase::Ordered(order), event) => return ordered(state, order, event, now, seed),
    })
}

/// What brings an order further.
fn ordered(state: &Issuance, order: &Order, event: &Event, now: Timestamp, seed: u64) -> Option<Step> {
    let lost = || fail(state, &keyless(order), now, seed);
    let stage = match (&order.stage, event) {
        (OrderStage::Created, Event::ChallengesLoaded { progress, challenges }) => match progress {
            OrderProgress::Pending if challenges.is_empty() => OrderStage::Validating,
            OrderProgress::Pending => OrderStage::Challenged {
                challenges: challenges.clone(),
            },
            OrderProgress::Ready => OrderStage::Ready,
            OrderProgress::Processing | OrderProgress::Valid => return Some(lost()),
        },
        (OrderStage::Challenged { challenges }, Event::Published { changes }) => OrderStage::Published {
            challenges: challenges.clone(),
            changes: changes.clone(),
        },
        (OrderStage::Published { challenges, .. }, Event::InSync) => OrderStage::InSync {
            challenges: challenges.clone(),
        },
        (OrderStage::InSync { .. }, Event::Propagated) => OrderStage::Propagated,
        (OrderStage::Propagated, Event::ChallengesAccepted) => OrderStage::Validating,
        (OrderStage::Validating, Event::OrderPolled { progress }) => match progress {
            OrderProgress::Pending => return Some(wait(state, None, "the CA is validating", now, seed)),
            OrderProgress::Ready => OrderStage::Ready,
            OrderProgress::Processing | OrderProgress::Valid => return Some(lost()),
        },
        (OrderStage::Ready, Event::KeyStored { key_ref, .. }) => OrderStage::KeyStored {
            key_ref: key_ref.clone(),
        },
        (OrderStage::KeyStored { key_ref }, Event::Finalized) => OrderStage::Finalizing {
            key_ref: key_ref.clone(),
        },
        (OrderStage::Finalizing { .. }, Event::CertificateRecorded { certificate_id }) => {
            let solved = Issuance {
                failures: 0,
                last_problem: None,
                ..state.clone()
            };
            let certificate_id = *certificate_id;
            return Some(end(&solved, Phase::Done { certificate_id }, now));
        }
        _ => return None,
    };
    Some(enter(state, order.at(stage), now))
}

fn cancelled() -> Failure {
    Failure::new(
        Class::Permanent,
        Stage::Request,
        Cause::Cancelled,
        "cancelled by a client",
    )
}

/// Only we finalize, and these stages have no key: the order belongs to a life that is lost.
fn keyless(order: &Order) -> Failure {
    Failure::new(
        Class::OrderLost,
        Stage::Request,
        Cause::KeylessOrder,
        format!("order {} was finalized without a key of ours", order.url),
    )
}
