//! DNS names that a public CA can certify.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fqdn::Fqdn;

/// Names in one request. Let's Encrypt and Google Trust Services both accept 100.
pub const MAX_NAMES: usize = 100;

/// A normalised DNS name: lower case, A-labels, no final dot, maybe with `*.` in front.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// Why a text is no name for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("is empty; send a name such as www.example.com")]
    Empty,
    /// An address.
    #[error("is an IP address; DNS-01 certifies names only")]
    IpAddress,
    /// A single label.
    #[error("has no dot; send a full name such as www.example.com")]
    NoDot,
    /// A star that is not the whole first label.
    #[error("has a star that is not the whole first label; only *.example.com is possible")]
    Wildcard,
    /// RFC 1035 §2.3.4.
    #[error("has a label over 63 octets")]
    LongLabel,
    /// RFC 1035 §2.3.4.
    #[error("is over 253 octets")]
    TooLong,
    /// Letters, digits, hyphen (RFC 5890 §2.3.1).
    #[error("has a character, hyphen position or empty label that a host name cannot have")]
    Syntax,
    /// A U-label or A-label that IDNA rejects or that does not round-trip.
    #[error("is not valid IDNA; check the international label")]
    Idna,
    /// The name, or the wildcard's base, is a public suffix.
    #[error("is a public suffix; nobody can be issued a certificate for it")]
    PublicSuffix,
}

impl DomainName {
    /// The name as it stands in the certificate.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it starts with `*.`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without `*.`: the ACME identifier's value for the authorization (RFC 8555 §7.1.3).
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }

    /// Whether a certificate with this name is valid for `other`: the same, or a star for its first label
    /// (RFC 6125 §6.4.3).
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let under = || {
            let (_, parent) = other.0.split_once('.')?;
            (self.is_wildcard() && self.base() == parent && !other.is_wildcard()).then_some(())
        };
        self == other || under().is_some()
    }

    /// The part that was bought from a registrar, by the Public Suffix List; the name itself where the list has none.
    #[must_use]
    pub fn registered(&self) -> &str {
        psl::domain_str(self.base()).unwrap_or_else(|| self.base())
    }

    /// Where the CA looks for the challenge (RFC 8555 §8.4).
    #[must_use]
    pub fn challenge_fqdn(&self) -> Fqdn {
        Fqdn::new(&format!("_acme-challenge.{}", self.base()))
    }
}

fn is_ip(s: &str) -> bool {
    s.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok()
        || s.split('.')
            .all(|l| !l.is_empty() && l.bytes().all(|b| b.is_ascii_digit()))
}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(s: &str) -> Result<Self, NameError> {
        if s.is_empty() {
            return Err(NameError::Empty);
        }
        if s.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(NameError::Syntax);
        }
        let s = s.strip_suffix('.').unwrap_or(s);
        let (wildcard, base) = match s.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, s),
        };
        if base.contains('*') {
            return Err(NameError::Wildcard);
        }
        if base.is_empty() {
            return Err(NameError::Empty);
        }
        if is_ip(base) {
            return Err(NameError::IpAddress);
        }
        if base.split('.').any(str::is_empty) {
            return Err(NameError::Syntax);
        }
        let ascii = to_a_labels(base)?;
        if ascii.split('.').any(|l| l.len() > 63) {
            return Err(NameError::LongLabel);
        }
        if ascii.len() + if wildcard { 2 } else { 0 } > 253 {
            return Err(NameError::TooLong);
        }
        let ldh = |l: &str| {
            !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !ascii.split('.').all(ldh) {
            return Err(NameError::Syntax);
        }
        // IDNA mapping can turn full-width digits into an address.
        if is_ip(&ascii) {
            return Err(NameError::IpAddress);
        }
        if !ascii.contains('.') {
            return Err(NameError::NoDot);
        }
        if psl::suffix_str(&ascii) == Some(ascii.as_str()) && psl_is_listed(&ascii) {
            return Err(NameError::PublicSuffix);
        }
        Ok(Self(if wildcard { format!("*.{ascii}") } else { ascii }))
    }
}

/// The list's default rule `*` makes every unknown top-level name a suffix; only listed suffixes count.
fn psl_is_listed(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|s| s.is_known())
}

fn to_a_labels(base: &str) -> Result<String, NameError> {
    if base.is_ascii()
        && !base
            .to_ascii_lowercase()
            .split('.')
            .any(|l| l.starts_with("xn--"))
    {
        return Ok(base.to_ascii_lowercase());
    }
    let ascii = idna::domain_to_ascii(base).map_err(|_| NameError::Idna)?;
    // An A-label that does not round-trip would certify another name than the one that was meant.
    let (unicode, result) = idna::domain_to_unicode(&ascii);
    let again = idna::domain_to_ascii(&unicode).map_err(|_| NameError::Idna)?;
    if result.is_err() || again != ascii {
        return Err(NameError::Idna);
    }
    Ok(ascii)
}

impl TryFrom<String> for DomainName {
    type Error = NameError;

    fn try_from(s: String) -> Result<Self, NameError> {
        s.parse()
    }
}

impl From<DomainName> for String {
    fn from(n: DomainName) -> Self {
        n.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
        if list.len() > MAX_NAMES {
            return Err(NameSetError::TooMany(list.len()));
        }
        let names = list
            .iter()
            .enumerate()
            .map(|(index, s)| {
                s.as_ref()
                    .parse()
                    .map_err(|source| NameSetError::Name { index, source })
            })
            .collect::<Result<Vec<DomainName>, _>>()?;
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
    let digest = Sha256::digest(names.join("\n").as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

impl TryFrom<Vec<DomainName>> for NameSet {
    type Error = NameSetError;

    fn try_from(list: Vec<DomainName>) -> Result<Self, NameSetError> {
        let mut names: Vec<DomainName> = Vec::with_capacity(list.len());
        for name in list {
            if !names.contains(&name) {
                names.push(name);
            }
        }
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
