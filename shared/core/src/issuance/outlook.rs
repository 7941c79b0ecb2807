//! What comes next, in words for clients.

use super::{
    phase::{OrderStage, Phase},
    state::Issuance,
};
#[cfg(doc)]
use crate::words::Way;
use crate::words::{Advice, Problem};

impl Phase {
    /// What is done next here, and what that is in a sentence, if nothing more is known.
    const fn outlook(&self) -> (&'static str, &'static str) {
        match self {
            Self::Queued => ("create_order", "waits for a worker"),
            Self::Ordered(order) => order.stage.outlook(),
            Self::Done { .. } => ("none", "the certificate is recorded"),
            Self::Failed => ("retry", "it ended; a retry starts over"),
        }
    }
}

impl OrderStage {
    const fn outlook(&self) -> (&'static str, &'static str) {
        match self {
            Self::Created => ("load_challenges", "the CA's challenges are read next"),
            Self::Challenged { .. } => ("publish_txt", "the TXT values are written next"),
            Self::Published { .. } => ("check_route53", "Route53 brings the change to its servers"),
            Self::InSync { .. } => ("check_propagation", "the authoritative servers are asked next"),
            Self::Propagated => ("accept_challenges", "the CA is told to look next"),
            Self::Validating => ("poll_order", "the CA is validating"),
            Self::Ready => ("store_key", "the key is made next"),
            Self::KeyStored { .. } => ("finalize", "the CSR is sent next"),
            Self::Finalizing { .. } => ("download_certificate", "the CA is issuing"),
        }
    }
}

impl Issuance {
    /// The next action, a stable word: `create_order`, `load_challenges`, `publish_txt`, `check_route53`,
    /// `check_propagation`, `accept_challenges`, `poll_order`, `store_key`, `finalize`, `download_certificate`,
    /// `remove_txt` (ended, values still in a zone), a client's after a failure ([`Way::as_str`]), `none`.
    #[must_use]
    pub fn next_action(&self) -> &'static str {
        match self.advice() {
            _ if self.phase.has_ended() && self.cleanup_owed => "remove_txt",
            Some(advice) => advice.way.as_str(),
            None => self.phase.outlook().0,
        }
    }

    /// What leads out of its failure.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let failed = matches!(self.phase, Phase::Failed);
        failed.then(|| self.last_problem.as_ref().map_or(Advice::RETRY, Problem::advice))
    }

    /// Why it stands where it stands.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.why.as_deref().unwrap_or(self.phase.outlook().1)
    }
}
