//! Since when our own rights keep an issuance from going on.

use serde::{Deserialize, Serialize};

use super::phase::Phase;
use crate::words::Timestamp;

/// A step that our own role, credentials or KMS key did not allow. It is known until that step is done, whatever is
/// repeated before it, so that its deadline counts from the first look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// When it was denied first.
    pub since: Timestamp,
    /// The furthest phase in which something was ([`Phase::place`]).
    pub(super) place: u8,
}

impl Denied {
    /// Denied in this phase, once more or for the first time.
    pub(super) fn again(before: Option<Self>, phase: &Phase, now: Timestamp) -> Self {
        let place = phase.place();
        Self {
            since: before.map_or(now, |known| known.since),
            place: before.map_or(place, |known| known.place.max(place)),
        }
    }

    /// What is left of it in a phase that was come to.
    pub(super) fn on_entering(self, phase: &Phase) -> Option<Self> {
        (self.place >= phase.place()).then_some(self)
    }

    /// What is left of it once the phase's own step was answered.
    pub(super) fn on_answer(self, phase: &Phase) -> Option<Self> {
        (self.place > phase.place()).then_some(self)
    }
}
