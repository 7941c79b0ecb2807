//! What happened to a request, in a few words each.

use serde::{Deserialize, Serialize};

use crate::words::{Timestamp, clip};

/// Entries that are kept; the oldest goes first. All together stay under 16 KB.
const KEPT: usize = 50;
/// Octets of one entry's words.
const WORDS: usize = 160;

/// One thing that happened. It holds the words of CAs, name servers and our own errors, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// In which phase ([`Phase::name`](super::Phase::name)).
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

impl Entry {
    /// Something that was done.
    pub(super) fn done(at: Timestamp, phase: &str, what: &str) -> Self {
        Self {
            at,
            phase: phase.to_owned(),
            what: clip(what, WORDS),
            problem: None,
            waiting: false,
        }
    }

    /// Something that went wrong.
    pub(super) fn failed(at: Timestamp, phase: &str, what: &str, problem: Option<String>) -> Self {
        Self {
            problem: problem.map(|kind| clip(&kind, WORDS)),
            ..Self::done(at, phase, what)
        }
    }

    /// Something that is awaited.
    pub(super) fn waiting(at: Timestamp, phase: &str, what: &str) -> Self {
        Self::done(at, phase, what).awaited()
    }

    /// The same as something that is awaited.
    pub(super) fn awaited(self) -> Self {
        Self {
            waiting: true,
            ..self
        }
    }
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

    pub(super) fn push(&mut self, entry: Entry) {
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
