//! A step, and the ways into a phase and on from it.

use super::{
    effect::{CaEffect, Effect, ZoneEffect},
    phase::{Order, OrderStage, Phase},
    state::Issuance,
    status::RequestStatus,
};
use crate::words::Timestamp;

/// What [`next()`](super::next()) says. A state that [must be](Issuance::must_be_stored) is stored before the effects run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The new state.
    pub state: Issuance,
    /// What a client sees.
    pub status: RequestStatus,
    /// What to do, in this order.
    pub effects: Vec<Effect>,
    /// When to look again, if nothing is to be done now; `None` when ended or when effects are to run at once.
    pub wake_at: Option<Timestamp>,
    /// A new `last_error`, if this step failed.
    pub error: Option<String>,
}

impl Step {
    /// Into this state, with nothing to do and nothing to wait for.
    pub(super) fn to(state: Issuance) -> Self {
        Self {
            status: state.phase.status(),
            state,
            effects: vec![],
            wake_at: None,
            error: None,
        }
    }

    /// Into this state until then, without values that no CA looks at in the zone.
    pub(super) fn pause(state: Issuance, until: Option<Timestamp>) -> Self {
        Self {
            effects: cleanup(&state),
            wake_at: until,
            ..Self::to(state)
        }
    }
}

/// The removal of what may be in a zone. A value that is taken out while the CA may look costs an authorization, so
/// it stays until its order is through or given up, whatever fails meanwhile.
pub(super) fn cleanup(state: &Issuance) -> Vec<Effect> {
    match state.cleanup_owed && !state.phase.may_be_looked_at() {
        true => vec![ZoneEffect::Unpublish.into()],
        false => vec![],
    }
}

/// What to do in a phase.
fn effects(phase: &Phase) -> Vec<Effect> {
    match phase {
        Phase::Queued => vec![CaEffect::NewOrder.into()],
        Phase::Ordered(order) => vec![effect(order.clone())],
        Phase::Done { .. } | Phase::Failed => vec![],
    }
}

fn effect(order: Order) -> Effect {
    let order_url = order.url;
    match order.stage {
        OrderStage::Created => CaEffect::LoadChallenges { order_url }.into(),
        OrderStage::Challenged { challenges } => ZoneEffect::Publish { challenges }.into(),
        OrderStage::Published { changes, .. } => ZoneEffect::CheckInSync { changes }.into(),
        OrderStage::InSync { challenges } => Effect::CheckPropagation { challenges },
        OrderStage::Propagated => CaEffect::AcceptChallenges { order_url }.into(),
        OrderStage::Validating => CaEffect::PollOrder { order_url }.into(),
        OrderStage::Ready => Effect::StoreKey,
        OrderStage::KeyStored { key_ref } => CaEffect::Finalize { order_url, key_ref }.into(),
        OrderStage::Finalizing { key_ref } => CaEffect::RecordCertificate { order_url, key_ref }.into(),
    }
}

/// Enters a phase: its effects are due at once. The obligation to clean up opens before the first value is written.
pub(super) fn enter(state: &Issuance, phase: Phase, now: Timestamp) -> Step {
    let publishes = matches!(phase.stage(), Some(OrderStage::Challenged { .. }));
    let effects = effects(&phase);
    let state = Issuance {
        denied: state.denied.and_then(|denied| denied.on_entering(&phase)),
        phase,
        since: now,
        polls: 0,
        cleanup_owed: state.cleanup_owed || publishes,
        why: None,
        awaited_order: None,
        held_since: None,
        failover: state.failover.clone().progressed(),
        ..state.clone()
    };
    Step {
        effects,
        ..Step::to(state)
    }
}

/// Ends the issuance, in success or failure.
pub(super) fn end(state: &Issuance, phase: Phase, now: Timestamp) -> Step {
    let step = enter(state, phase, now);
    Step {
        effects: cleanup(&step.state),
        ..step
    }
}

/// What the present phase asks for, again: the cleanup that an ended or waiting issuance owes, the rest of a wait,
/// or the phase's own effects.
pub(super) fn resume(state: &Issuance, now: Timestamp) -> Step {
    let ended = state.phase.has_ended();
    // A failure or a hold dates the phase to the moment of its next try. It never leaves one that needs its values,
    // so a date ahead of us there is another worker's clock.
    let backing_off = !ended && !state.phase.needs_values() && state.since > now;
    match ended || backing_off {
        true => Step::pause(state.clone(), backing_off.then_some(state.since)),
        false => Step {
            effects: effects(&state.phase),
            ..Step::to(state.clone())
        },
    }
}
