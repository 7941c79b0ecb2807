//! What happened to a request, in a few words each.

use serde::{Deserialize, Serialize};

use super::{
    route::Route,
    state::{Event, OrderProgress, Step},
};
use crate::words::{Timestamp, clip};

/// Entries that are kept; the oldest goes first. All together stay under 16 KB.
const KEPT: usize = 50;
/// Characters of one entry's words.
const WORDS: usize = 160;

/// One thing that happened. It holds the words of CAs, name servers and our own errors, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// In which phase ([`Phase::name`](super::state::Phase::name)).
    pub phase: String,
    /// What, in a few words.
    pub what: String,
    /// The problem type, if something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether it only says that something is awaited: the next such entry of the phase takes its place.
    #[serde(default, skip_serializing_if = "is_false")]
    waiting: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The last things that happened, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(Vec<Entry>);

impl History {
    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(super) fn push(&mut self, at: Timestamp, phase: &str, note: Note) {
        let entry = Entry {
            at,
            phase: phase.to_owned(),
            what: clip(&note.what, WORDS),
            problem: note.problem.map(|kind| clip(&kind, WORDS)),
            waiting: note.waiting,
        };
        match self.0.last_mut() {
            Some(last) if last.waiting && entry.waiting && last.phase == entry.phase => {
                // A server looked at fifty times is one line: since when, and what it said last.
                last.what = entry.what;
                last.problem = entry.problem;
            }
            _ => self.0.push(entry),
        }
        let extra = self.0.len().saturating_sub(KEPT);
        self.0.drain(..extra);
    }
}

/// An entry before it has a time and a place.
#[derive(Debug)]
pub(super) struct Note {
    what: String,
    problem: Option<String>,
    waiting: bool,
}

impl Note {
    pub(super) fn done(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            problem: None,
            waiting: false,
        }
    }

    fn waiting(what: String) -> Self {
        Self {
            waiting: true,
            ..Self::done(what)
        }
    }

    /// That another account takes over.
    pub(super) fn of_turn(before: &Route, after: &Route) -> Option<Self> {
        let turned = before.at() != after.at() && !before.legs().is_empty();
        let (at, of) = (after.at() + 1, after.legs().len());
        turned.then(|| Self::done(format!("goes on with account {at} of {of}")))
    }

    /// What a step is remembered by. `None`: it changed nothing that a person would look for.
    pub(super) fn of(event: &Event, step: &Step) -> Option<Self> {
        if let Some(error) = &step.error {
            return Some(Self {
                problem: step.state.last_problem.as_ref().map(|p| p.cause.urn()),
                ..Self::done(error)
            });
        }
        Some(match event {
            Event::Resumed | Event::Unpublished | Event::Cancelled | Event::Failed { .. } => return None,
            Event::OrderCreated { .. } => Self::done("order created"),
            Event::ChallengesLoaded { challenges, .. } if challenges.is_empty() => {
                Self::done("the CA has all names authorized already")
            }
            Event::ChallengesLoaded { challenges, .. } => {
                Self::done(format!("{} TXT values to publish", challenges.len()))
            }
            Event::Published { .. } => Self::done("Route53 took the TXT values"),
            Event::InSync => Self::done("Route53 is in sync"),
            Event::Propagated => Self::done("every authoritative server has the TXT values"),
            Event::ChallengesAccepted => Self::done("the CA was told to look"),
            Event::OrderPolled {
                progress: OrderProgress::Pending,
            } => Self::waiting("the CA is validating".into()),
            Event::OrderPolled { .. } => Self::done("the CA has all names authorized"),
            Event::KeyStored { about: None, .. } => Self::done("key and CSR stored"),
            Event::KeyStored {
                about: Some(about), ..
            } => Self::done(format!("key and CSR stored: {about}")),
            Event::Finalized => Self::done("the CA took the CSR"),
            Event::CertificateRecorded { certificate_id } => {
                Self::done(format!("certificate {certificate_id} recorded"))
            }
            Event::NotYet { reason, .. } => Self::waiting(format!("not yet: {reason}")),
            Event::Deferred { reason, .. } => Self::waiting(format!("on hold: {reason}")),
        })
    }
}
