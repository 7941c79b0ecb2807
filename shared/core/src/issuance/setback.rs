//! Waits, holds and failures: what does not bring an issuance further.

use std::time::Duration;

use super::{
    denied::Denied,
    failover::Switch,
    phase::{Order, OrderStage, Phase},
    state::Issuance,
    step::{Step, end, resume},
};
use crate::words::{Cause, Class, Failure, RequestId, Stage, Timestamp, clip};

/// Looks at something that lags start this close together and double, up to [`POLL_OFTEN`] at first and [`POLL_MAX`] at
/// last.
const POLL_MIN: Duration = Duration::from_millis(200);
const POLL_MAX: Duration = Duration::from_secs(15);
/// What is in order within a minute as a rule is looked at this often, and less often the longer it takes: the part of
/// the time so far that may be added to it.
const POLL_OFTEN: Duration = Duration::from_millis(1500);
const POLL_PART: u32 = 20;

/// How long an issuance may be on hold without a try. The longest window of a CA's limit is a week; a right of ours that is
/// missing gets as long.
const HOLD_PATIENCE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Characters of a reason.
const REASON: usize = 600;

/// How long a phase may say "not yet", and whose delay that is. Route53 is in sync within 60 seconds as a rule; a CA's
/// own deadline for a validation is minutes.
const fn patience(phase: &Phase) -> (Duration, Stage) {
    match phase.stage() {
        Some(OrderStage::Published { .. } | OrderStage::InSync { .. }) => {
            (Duration::from_secs(10 * 60), Stage::Dns)
        }
        Some(OrderStage::Validating) => (Duration::from_secs(15 * 60), Stage::Request),
        _ => (Duration::from_secs(60 * 60), Stage::Request),
    }
}

fn reason(text: &str) -> Option<String> {
    Some(clip(text, REASON))
}

/// "Not yet": look again soon, or give up when the phase has used up its patience.
pub(super) fn wait(
    state: &Issuance,
    not_before: Option<Timestamp>,
    why: &str,
    now: Timestamp,
    seed: u64,
) -> Step {
    let (patience, stage) = patience(&state.phase);
    if now.since(state.since) >= patience {
        let detail = format!("gave up waiting in phase {}: {why}", state.phase.name());
        let failure = Failure::new(Class::Transient, stage, Cause::Deadline, detail);
        return fail(state, &failure, now, seed);
    }
    let often = POLL_OFTEN.max(now.since(state.since) / POLL_PART);
    let poll = POLL_MIN.saturating_mul(1 << state.polls.min(10));
    let poll = poll.min(often).min(POLL_MAX);
    // A server's own moment is kept, but not past the deadline: then it is time to give up, not to sleep on.
    let deadline = state.since.plus(patience);
    let told = not_before.unwrap_or(Timestamp::ZERO).min(deadline);
    let state = Issuance {
        polls: state.polls + 1,
        why: reason(why),
        denied: state.denied.and_then(|denied| denied.on_answer(&state.phase)),
        ..state.clone()
    };
    Step {
        wake_at: Some(now.plus(poll).max(told)),
        ..Step::to(state)
    }
}

/// On hold: nothing was tried and nothing is counted, until the moment given.
pub(super) fn hold(state: &Issuance, until: Timestamp, why: &str, now: Timestamp, seed: u64) -> Step {
    let held_since = state.held_since.unwrap_or(now);
    if now.since(held_since) >= HOLD_PATIENCE {
        let days = HOLD_PATIENCE.as_secs() / 86_400;
        let detail = format!("was on hold for {days} days: {why}");
        let failure = Failure::new(Class::Permanent, Stage::Request, Cause::HeldTooLong, detail);
        return fail(state, &failure, now, seed);
    }
    let until = until
        .min(held_since.plus(HOLD_PATIENCE))
        .max(now.plus(Duration::from_secs(1)));
    let held = Issuance {
        held_since: Some(held_since),
        ..state.clone()
    };
    let failover = state.failover.clone();
    match failover.held(&state.phase, until, why, state.failures, now) {
        Ok(switch) => fail_over(held, switch, why, now),
        Err(failover) => {
            let state = Issuance {
                since: until,
                polls: 0,
                why: reason(why),
                failover,
                ..held
            };
            Step::pause(state, Some(until))
        }
    }
}

/// What others have to end is looked at again after this long at least, and a quarter of the time so far, up to the most: the
/// CA has another request's order done in a minute as a rule, and a role that was wrong for ten minutes costs two more.
const LOOKS: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10 * 60));

/// When to look again at what has lasted since then.
fn next_look(since: Timestamp, now: Timestamp, seed: u64) -> Timestamp {
    let spread = Duration::from_secs(seed % 5);
    now.plus((now.since(since) / 4).clamp(LOOKS.0, LOOKS.1) + spread)
}

/// On hold until the order that another request has came to an end. It is two certificates that are wanted, and an order
/// makes one.
pub(super) fn await_order(
    state: &Issuance,
    order_url: &str,
    by: RequestId,
    now: Timestamp,
    seed: u64,
) -> Step {
    let until = next_look(state.held_since.unwrap_or(now), now, seed);
    let why = format!(
        "the CA answers with order {order_url}, which request {by} of the same account and names has: ordered anew \
         when that is over"
    );
    let awaiting = Issuance {
        awaited_order: Some(order_url.to_owned()),
        ..state.clone()
    };
    hold(&awaiting, until, &why, now, seed)
}

/// Our own role, credentials or KMS key do not allow the next step. That is nothing that the request or its CA did: it stays
/// where it can go on from, its values with it, nothing is counted, and what is missing is shown at once. It ends by that
/// only after the patience of a hold.
pub(super) fn deny(state: &Issuance, failure: &Failure, now: Timestamp, seed: u64) -> Step {
    let failure = &failure.bounded();
    let denied = Denied::again(state.denied, &state.phase, now);
    let end = denied.since.plus(HOLD_PATIENCE);
    if now >= end {
        let days = HOLD_PATIENCE.as_secs() / 86_400;
        let detail = format!("{}; tried for {days} days", failure.problem.detail);
        let failure = Failure::new(
            Class::Permanent,
            failure.stage,
            failure.problem.cause.clone(),
            detail,
        );
        return fail(state, &failure, now, seed);
    }
    let until = next_look(denied.since, now, seed).min(end);
    let sentence = failure.sentence();
    let phase = match &state.phase {
        // Nothing was asked of the CA since: its order need not be read again for each look.
        Phase::Ordered(order) if matches!(order.stage, OrderStage::Challenged { .. }) => state.phase.clone(),
        phase => retry_from(phase.clone()),
    };
    let state = Issuance {
        since: if phase.needs_values() { now } else { until },
        phase,
        polls: 0,
        why: reason(&sentence),
        last_problem: Some(failure.problem.clone()),
        denied: Some(denied),
        ..state.clone()
    };
    Step {
        error: Some(sentence),
        ..Step::pause(state, Some(until))
    }
}

/// Goes on with another account: a new order there, at once or when it can be used. Values of the one that is left are
/// taken out of the zone first.
fn fail_over(state: Issuance, switch: Switch, why: &str, now: Timestamp) -> Step {
    let state = Issuance {
        phase: Phase::Queued,
        awaited_order: None,
        since: switch.from.unwrap_or(now),
        polls: 0,
        why: reason(why),
        failover: switch.to,
        ..state
    };
    match (state.cleanup_owed, switch.from) {
        (false, None) => resume(&state, now),
        (_, from) => Step::pause(state, from),
    }
}

/// Where a transient failure goes on. A phase that counts on values reads the order again and publishes what is still
/// asked for: after a long wait their lease may be over, or the order may be through. What stands costs no change of a
/// zone.
fn retry_from(phase: Phase) -> Phase {
    match phase {
        Phase::Ordered(order) if order.stage.needs_values() => Order::created(order.url),
        phase => phase,
    }
}

/// The state with the failure counted. A try is counted once: when its order was made, or when the CA refused to make
/// one. "Later" is no refusal, nor is a fault on its side or a nonce that it did not like. A limit with its moment needs
/// no back-off.
fn count(state: &Issuance, failure: &Failure, not_before: Option<Timestamp>) -> Issuance {
    let refused = matches!(failure.class, Class::Permanent | Class::OrderLost);
    let judged = refused && failure.problem.cause.is_acme() && state.phase == Phase::Queued;
    Issuance {
        attempts: state.attempts + u32::from(judged),
        orders: state.orders + u32::from(judged),
        failures: state.failures + u32::from(not_before.is_none()),
        last_problem: Some(failure.problem.clone()),
        ..state.clone()
    }
}

/// It went wrong: ended, tried again later, or tried with another account.
pub(super) fn fail(state: &Issuance, failure: &Failure, now: Timestamp, seed: u64) -> Step {
    let failure = &failure.bounded();
    let (limited, not_before) = match failure.class {
        // A moment that is past says nothing (a date header and a clock that differ).
        Class::RateLimited { not_before } => (true, not_before.filter(|at| *at > now)),
        _ => (false, None),
    };
    let state = count(state, failure, not_before);
    let failures = state.failures;
    let lost = failure.class == Class::OrderLost;
    let spent = !limited && state.is_spent(failures, lost);
    let retry_at = not_before.unwrap_or_else(|| now.plus(state.backoff_after(failures, seed)));
    let sentence = failure.sentence();
    let failover = state.failover.clone();
    let step = match failover.after(failure, &state.phase, failures, retry_at, now) {
        Ok(switch) if !spent => fail_over(state, switch, &sentence, now),
        _ if spent || failure.class == Class::Permanent => {
            let step = end(&state, Phase::Failed, now);
            let why = reason(&sentence);
            let state = Issuance { why, ..step.state };
            Step { state, ..step }
        }
        stays => {
            let state = Issuance {
                phase: match lost {
                    true => Phase::Queued,
                    false => retry_from(state.phase),
                },
                since: retry_at,
                polls: 0,
                why: reason(&sentence),
                held_since: None,
                failover: stays.err().unwrap_or(state.failover),
                ..state
            };
            Step::pause(state, Some(retry_at))
        }
    };
    Step {
        error: Some(sentence),
        ..step
    }
}
