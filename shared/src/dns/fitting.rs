//! Which hosted zones there are for a name.

use super::Zone;
use certmint_core::words::Fqdn;

/// How fresh an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// What was kept for a while will do.
    Kept,
    /// Nothing that was kept: what is final is said only then.
    Anew,
}

/// The hosted zones that hold a name, by suffix alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fitting {
    /// Public ones, the longest first. Several may have one name.
    pub zones: Vec<Zone>,
    /// The longest private one, which no CA sees.
    pub private: Option<Fqdn>,
}

impl Fitting {
    /// The longest public one, which need not be the one that the public DNS asks.
    #[must_use]
    pub fn longest(&self) -> Option<&Zone> {
        self.zones.first()
    }

    /// The public ones of a name.
    #[must_use]
    pub fn named(&self, name: &Fqdn) -> Vec<&Zone> {
        self.zones.iter().filter(|zone| zone.name == *name).collect()
    }
}
