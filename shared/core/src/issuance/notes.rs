//! What the history says of a step.

use super::{event::Event, history::Entry, phase::OrderProgress, state::Issuance, step::Step};
use crate::words::{Class, Timestamp};

/// What a step is remembered by: what happened before it, and whether another account goes on.
pub(super) fn entries(
    before: &Issuance,
    event: &Event,
    step: &Step,
    now: Timestamp,
) -> impl Iterator<Item = Entry> + use<> {
    let happened = happened(before.phase.name(), event, step, now);
    let failover = failover(before, &step.state, now);
    happened.into_iter().chain(failover)
}

fn failover(before: &Issuance, after: &Issuance, now: Timestamp) -> Option<Entry> {
    let (at, of) = (after.failover.current(), after.failover.candidates().len());
    let moved = before.failover.current() != at;
    moved.then(|| {
        let what = format!("goes on with account {} of {of}", at + 1);
        Entry::done(now, after.phase.name(), &what)
    })
}

/// `None`: it changed nothing that a person would look for.
fn happened(phase: &str, event: &Event, step: &Step, now: Timestamp) -> Option<Entry> {
    let done = |what: &str| Some(Entry::done(now, phase, what));
    let waiting = |what: &str| Some(Entry::waiting(now, phase, what));
    if let Some(error) = &step.error {
        let problem = step.state.last_problem.as_ref().map(|p| p.cause.urn());
        let entry = Entry::failed(now, phase, error, problem);
        // A right that is missing is looked for again and again: one line.
        let is_held = matches!(event, Event::Failed(failure) if failure.class == Class::Denied)
            && !step.state.phase.has_ended();
        return Some(if is_held { entry.awaited() } else { entry });
    }
    match event {
        Event::Resumed | Event::Unpublished | Event::Cancelled | Event::Failed(_) => None,
        Event::OrderCreated { .. } => done("order created"),
        Event::ChallengesLoaded { challenges, .. } => match challenges.len() {
            0 => done("the CA has all names authorized already"),
            n => done(&format!("{n} TXT values to publish")),
        },
        Event::Published { .. } => done("Route53 took the TXT values"),
        Event::InSync => done("Route53 is in sync"),
        Event::Propagated => done("every authoritative server has the TXT values"),
        Event::ChallengesAccepted => done("the CA was told to look"),
        Event::OrderPolled {
            progress: OrderProgress::Pending,
        } => waiting("the CA is validating"),
        Event::OrderPolled { .. } => done("the CA has all names authorized"),
        Event::KeyStored { about, .. } => match about {
            None => done("key and CSR stored"),
            Some(about) => done(&format!("key and CSR stored: {about}")),
        },
        Event::Finalized => done("the CA took the CSR"),
        Event::CertificateRecorded { certificate_id } => {
            done(&format!("certificate {certificate_id} recorded"))
        }
        Event::NotYet { reason, .. } => waiting(&format!("not yet: {reason}")),
        Event::OrderTaken { order_url, by } => {
            waiting(&format!("on hold: request {by} has order {order_url}"))
        }
        Event::Deferred { reason, .. } => waiting(&format!("on hold: {reason}")),
    }
}
