//! Waits, holds and failures: what does not bring an issuance further.

use std::time::Duration;

use super::{
    backoff::backoff,
    issuance::Issuance,
    next::{end, status},
    route::Turn,
    state::{Effect, Phase, Step},
    status::RequestStatus,
};
use crate::words::{Cause, Class, Failure, Stage, Timestamp, clip};

/// Looks at something that lags start this close together and double up to [`POLL_MAX`].
const POLL_MIN: Duration = Duration::from_millis(200);
const POLL_MAX: Duration = Duration::from_secs(15);

/// How long an issuance may be on hold without a try. The longest window of a CA's limit is a week.
const HOLD_PATIENCE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Characters of a reason.
const REASON: usize = 600;

/// How long a phase may say "not yet". Route53 is in sync within 60 seconds as a rule; a CA's own deadline for a
/// validation is minutes.
const fn patience(phase: &Phase) -> Duration {
    match phase {
        Phase::Published { .. } | Phase::InSync { .. } => Duration::from_secs(10 * 60),
        Phase::Validating { .. } => Duration::from_secs(15 * 60),
        _ => Duration::from_secs(60 * 60),
    }
}

/// "Not yet": look again soon, or give up when the phase has used up its patience.
pub(super) fn wait(
    state: &Issuance,
    not_before: Option<Timestamp>,
    reason: &str,
    now: Timestamp,
    seed: u64,
) -> Step {
    if now.since(state.since) >= patience(&state.phase) {
        let stage = match state.phase {
            Phase::Published { .. } | Phase::InSync { .. } => Stage::Dns,
            _ => Stage::Request,
        };
        let detail = format!("gave up waiting in phase {}: {reason}", state.phase.name());
        return fail(
            state,
            &Failure::new(Class::Transient, stage, Cause::Deadline, detail),
            false,
            now,
            seed,
        );
    }
    let poll = POLL_MIN.saturating_mul(1 << state.polls.min(10)).min(POLL_MAX);
    // A server's own moment is kept, but not past the deadline: then it is time to give up, not to sleep on.
    let deadline = state.since.plus(patience(&state.phase));
    let wake_at = now
        .plus(poll)
        .max(not_before.unwrap_or(Timestamp::ZERO).min(deadline));
    let state = Issuance {
        polls: state.polls + 1,
        why: Some(clip(reason, REASON)),
        ..state.clone()
    };
    Step {
        status: status(&state.phase),
        state,
        effects: vec![],
        wake_at: Some(wake_at),
        error: None,
    }
}

/// On hold: nothing was tried and nothing is counted, until the moment given.
pub(super) fn hold(state: &Issuance, until: Timestamp, reason: &str, now: Timestamp, seed: u64) -> Step {
    let held_since = state.held_since.unwrap_or(now);
    if now.since(held_since) >= HOLD_PATIENCE {
        let days = HOLD_PATIENCE.as_secs() / 86_400;
        let detail = format!("was on hold for {days} days: {reason}");
        let failure = Failure::new(Class::Permanent, Stage::Request, Cause::HeldTooLong, detail);
        return fail(state, &failure, false, now, seed);
    }
    let until = until
        .min(held_since.plus(HOLD_PATIENCE))
        .max(now.plus(Duration::from_secs(1)));
    let route = match state.route.clone().held(&state.phase, until, reason, now) {
        Ok(turned) => {
            let state = Issuance {
                held_since: Some(held_since),
                ..state.clone()
            };
            return turn(&state, turned, reason, now);
        }
        Err(route) => route,
    };
    let effects = if state.cleanup_owed {
        vec![Effect::Unpublish]
    } else {
        vec![]
    };
    let state = Issuance {
        since: until,
        polls: 0,
        why: Some(clip(reason, REASON)),
        held_since: Some(held_since),
        route,
        ..state.clone()
    };
    Step {
        status: status(&state.phase),
        state,
        effects,
        wake_at: Some(until),
        error: None,
    }
}

/// Another account goes on from the start: an order belongs to its account. Values of the old one are taken out of the
/// zone first.
fn turn(state: &Issuance, turn: Turn, why: &str, now: Timestamp) -> Step {
    let effects = match (state.cleanup_owed, turn.from) {
        (true, _) => vec![Effect::Unpublish],
        (false, None) => vec![Effect::NewOrder],
        (false, Some(_)) => vec![],
    };
    Step {
        status: RequestStatus::Running,
        state: Issuance {
            phase: Phase::Queued,
            since: turn.from.unwrap_or(now),
            polls: 0,
            why: Some(clip(why, REASON)),
            route: turn.route,
            ..state.clone()
        },
        effects,
        wake_at: turn.from,
        error: None,
    }
}

/// Where a transient failure goes on. Values are taken out of the zone while we wait, so a phase that counts on
/// them reads the order again and publishes what is still asked for; the order itself is kept.
fn fall_back(phase: &Phase) -> Phase {
    match phase.clone() {
        Phase::Challenged { order_url, .. }
        | Phase::Published { order_url, .. }
        | Phase::InSync { order_url, .. }
        | Phase::Propagated { order_url }
        | Phase::Validating { order_url } => Phase::Ordered { order_url },
        phase => phase,
    }
}

/// It went wrong: ended, or tried again later.
pub(super) fn fail(state: &Issuance, failure: &Failure, reached_ca: bool, now: Timestamp, seed: u64) -> Step {
    let failure = &failure.bounded();
    // A try is counted once: when its order was made, or when the CA refused to make one. "Later" is no refusal, nor is
    // a fault on its side or a nonce that it did not like.
    let limited = matches!(failure.class, Class::RateLimited { .. });
    let refused = matches!(failure.class, Class::Permanent | Class::OrderLost);
    let judged = reached_ca && refused && matches!(state.phase, Phase::Queued);
    let attempts = state.attempts + u32::from(judged);
    let orders = state.orders + u32::from(judged);
    let not_before = match failure.class {
        // A moment that is past says nothing (a date header and a clock that differ).
        Class::RateLimited { not_before } => not_before.filter(|at| *at > now),
        _ => None,
    };
    // A limit with its moment needs no back-off.
    let failures = state.failures + u32::from(not_before.is_none());
    let last_problem = Some(failure.problem.clone());
    let sentence = failure.sentence();
    let state = Issuance {
        attempts,
        orders,
        failures,
        last_problem,
        ..state.clone()
    };
    let spent = state.is_spent(attempts, failures, failure.class == Class::OrderLost);
    let here = state.route.failures_here(failures);
    let wake_at = not_before.unwrap_or_else(|| now.plus(backoff(here, seed)));
    let route = state.route.clone();
    let route = match route.after(failure, &state.phase, failures, wake_at, now) {
        Ok(turned) if !spent || limited => {
            let step = turn(&state, turned, &sentence, now);
            return Step {
                error: Some(sentence),
                ..step
            };
        }
        Ok(_) => state.route.clone(),
        Err(route) => route,
    };
    let why = Some(clip(&sentence, REASON));
    let error = Some(sentence);
    if failure.class == Class::Permanent || (spent && !limited) {
        let step = end(&state, Phase::Failed, now);
        return Step {
            state: Issuance { why, ..step.state },
            error,
            ..step
        };
    }
    let phase = match failure.class {
        Class::OrderLost => Phase::Queued,
        _ => fall_back(&state.phase),
    };
    let effects = if state.cleanup_owed {
        vec![Effect::Unpublish]
    } else {
        vec![]
    };
    let state = Issuance {
        phase,
        since: wake_at,
        polls: 0,
        why,
        held_since: None,
        route,
        ..state
    };
    Step {
        status: RequestStatus::Running,
        state,
        effects,
        wake_at: Some(wake_at),
        error,
    }
}
