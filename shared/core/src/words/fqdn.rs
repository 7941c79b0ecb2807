//! Names in the DNS, as they stand in a zone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::public_suffix;

/// What stands in front of a name where a CA looks for the value (RFC 8555 §8.4).
pub(super) const CHALLENGE: &str = "_acme-challenge.";

/// A fully qualified name in lower case without the final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fqdn(String);

impl Fqdn {
    /// Folds case and drops the final dot.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.trim_end_matches('.').to_ascii_lowercase())
    }

    /// Where a CA looks for the value of a name, which has no star.
    #[must_use]
    pub fn of_challenge(name: &str) -> Self {
        Self::new(&format!("{CHALLENGE}{name}"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This name relative to a zone that holds it (`_acme-challenge.www`); the whole name elsewhere.
    #[must_use]
    pub fn relative_to(&self, zone: &Self) -> &str {
        match self.0.strip_suffix(zone.as_str()) {
            Some(rest) => rest.strip_suffix('.').unwrap_or(&self.0),
            None => &self.0,
        }
    }

    /// The part of it that somebody registered: one label below the public suffix.
    #[must_use]
    pub fn registered_domain(&self) -> Option<&str> {
        let name = self.0.strip_prefix(CHALLENGE).unwrap_or(&self.0);
        // A suffix of the list's private section is somebody's domain, too.
        public_suffix::registered(name).or_else(|| public_suffix::is_private(name).then_some(name))
    }

    /// Whether it is where a CA looks for a value, which nothing else is put at.
    #[must_use]
    pub fn is_challenge(&self) -> bool {
        self.0.starts_with(CHALLENGE)
    }

    /// The name without its first label; `None` above a single label.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self(rest.to_owned()))
    }

    /// The name with another first label.
    #[must_use]
    pub fn sibling(&self, label: &str) -> Self {
        match self.parent() {
            Some(parent) => Self(format!("{label}.{parent}")),
            None => Self(label.to_owned()),
        }
    }

    /// Whether the name is `zone` or below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        self == zone
            || self
                .0
                .strip_suffix(zone.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
