//! The names of one certificate.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    name::{DomainName, NameError},
    text::hex,
};

/// Names in one request. Let's Encrypt and Google Trust Services both accept 100.
pub const MAX_NAMES: usize = 100;

/// One to 100 different names, in the order they were sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<DomainName>", into = "Vec<DomainName>")]
pub struct NameSet(Vec<DomainName>);

/// Why a list is no set of names for one certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameSetError {
    /// No name.
    #[error("is empty; send at least one name")]
    Empty,
    /// Over [`MAX_NAMES`].
    #[error("has {0} names; at most {MAX_NAMES} fit in one certificate")]
    TooMany(usize),
    /// One of them is no name.
    #[error("[{index}] {source}")]
    Name {
        /// Its place in the list.
        index: usize,
        /// Why.
        source: NameError,
    },
}

impl NameSet {
    /// Parses and deduplicates a client's list. The limit holds for the list as it was sent.
    ///
    /// # Errors
    /// The first thing wrong with the list.
    pub fn parse<S: AsRef<str>>(list: &[S]) -> Result<Self, NameSetError> {
        Self::parse_each(list, |_| Ok(()))
    }

    /// The same for names that a CA is to validate: each has room for its challenge.
    ///
    /// # Errors
    /// The first thing wrong with the list.
    pub fn parse_for_order<S: AsRef<str>>(list: &[S]) -> Result<Self, NameSetError> {
        Self::parse_each(list, DomainName::check_challenge)
    }

    fn parse_each<S: AsRef<str>>(
        list: &[S],
        check: impl Fn(&DomainName) -> Result<(), NameError>,
    ) -> Result<Self, NameSetError> {
        if list.len() > MAX_NAMES {
            return Err(NameSetError::TooMany(list.len()));
        }
        let one = |(index, s): (usize, &S)| {
            let name = s.as_ref().parse().and_then(|name| check(&name).map(|()| name));
            name.map_err(|source| NameSetError::Name { index, source })
        };
        let names = list.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?;
        Self::try_from(names)
    }

    /// The names.
    #[must_use]
    pub fn as_slice(&self) -> &[DomainName] {
        &self.0
    }

    /// The names as strings, for JSON.
    #[must_use]
    pub fn strings(&self) -> Vec<&str> {
        self.0.iter().map(DomainName::as_str).collect()
    }

    /// Each name that a star of the same set covers, with that star.
    pub fn covered(&self) -> impl Iterator<Item = (&DomainName, &DomainName)> {
        let star = |name: &DomainName| self.0.iter().find(|star| *star != name && star.covers(name));
        self.0.iter().filter_map(move |name| Some((name, star(name)?)))
    }

    /// The names that no star of the set covers: a certificate with these is good for all of them.
    #[must_use]
    pub fn without_covered(&self) -> Self {
        let covered: BTreeSet<&DomainName> = self.covered().map(|(name, _)| name).collect();
        Self(
            self.0
                .iter()
                .filter(|name| !covered.contains(name))
                .cloned()
                .collect(),
        )
    }

    /// The same for the same names in any order: SHA-256 of the sorted names, hex.
    #[must_use]
    pub fn set_key(&self) -> String {
        set_key(&self.0)
    }
}

/// See [`NameSet::set_key`]; for names of a certificate, which may be more.
pub fn set_key(names: &[DomainName]) -> String {
    let mut names: Vec<&str> = names.iter().map(DomainName::as_str).collect();
    names.sort_unstable();
    // No name holds a line break.
    hex(&Sha256::digest(names.join("\n").as_bytes()))
}

/// Each name once, where it stood first.
#[must_use]
pub fn without_repeats(names: impl IntoIterator<Item = DomainName>) -> Vec<DomainName> {
    let mut seen = BTreeSet::new();
    let names = names.into_iter();
    names.filter(|name| seen.insert(name.clone())).collect()
}

impl TryFrom<Vec<DomainName>> for NameSet {
    type Error = NameSetError;

    fn try_from(list: Vec<DomainName>) -> Result<Self, NameSetError> {
        let names = without_repeats(list);
        match names.len() {
            0 => Err(NameSetError::Empty),
            n if n > MAX_NAMES => Err(NameSetError::TooMany(n)),
            _ => Ok(Self(names)),
        }
    }
}

impl From<NameSet> for Vec<DomainName> {
    fn from(set: NameSet) -> Self {
        set.0
    }
}
