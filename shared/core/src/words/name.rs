//! DNS names that a public CA can certify.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    fqdn::{CHALLENGE, Fqdn},
    public_suffix,
};

/// RFC 1035 §2.3.4.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

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
    /// The challenge's name would be over 253 octets (RFC 8555 §8.4).
    #[error("is over 237 octets; with _acme-challenge. in front it is longer than a DNS name can be")]
    NoRoomForChallenge,
    /// Two dots in a row, a dot in front, or a label of characters that IDNA drops.
    #[error("has an empty label; write each dot once, between two labels")]
    EmptyLabel,
    /// Letters, digits, hyphen (RFC 5890 §2.3.1).
    #[error("has a character or hyphen position that a host name cannot have")]
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
    pub const fn is_wildcard(&self) -> bool {
        matches!(self.0.as_bytes(), [b'*', ..])
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
        let parent = other.0.split_once('.').map(|(_, parent)| parent);
        self == other || self.is_wildcard() && parent == Some(self.base())
    }

    /// The part that was bought from a registrar, by the Public Suffix List; the name itself where the list has none.
    #[must_use]
    pub fn registered(&self) -> &str {
        public_suffix::registered(self.base()).unwrap_or_else(|| self.base())
    }

    /// A label with hyphens in the third and fourth place that is no A-label (RFC 5890 §2.3.1), if it has one.
    #[must_use]
    pub fn reserved_label(&self) -> Option<&str> {
        let is_reserved = |label: &&str| label.get(2..4) == Some("--") && !label.starts_with("xn--");
        self.base().split('.').find(is_reserved)
    }

    /// Whether it lies under a suffix of the Public Suffix List, as all names of the public DNS do.
    #[must_use]
    pub fn is_public(&self) -> bool {
        public_suffix::is_below_one(self.base())
    }

    /// Where the CA looks for the challenge (RFC 8555 §8.4).
    #[must_use]
    pub fn challenge_fqdn(&self) -> Fqdn {
        Fqdn::of_challenge(self.base())
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

    /// What a client sent: normalised first, then read by the reader of what is stored, then held against the list of
    /// public suffixes.
    fn from_str(s: &str) -> Result<Self, NameError> {
        let name = Self::read(&normalised(s)?)?;
        if public_suffix::is_icann(name.base()) {
            return Err(NameError::PublicSuffix);
        }
        Ok(name)
    }
}

impl DomainName {
    /// Reads a normalised name, by syntax alone: what was accepted once is not judged again by a newer list of public
    /// suffixes or of IDNA.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(name: &str) -> Result<Self, NameError> {
        let base = name.strip_prefix("*.").unwrap_or(name);
        match () {
            () if base.contains('*') => Err(NameError::Wildcard),
            () if base.is_empty() => Err(NameError::Empty),
            () if is_ip(base) => Err(NameError::IpAddress),
            () if base.split('.').any(str::is_empty) => Err(NameError::EmptyLabel),
            () if base.split('.').any(|l| l.len() > MAX_LABEL) => Err(NameError::LongLabel),
            () if name.len() > MAX_NAME => Err(NameError::TooLong),
            () if !base.split('.').all(is_ldh) => Err(NameError::Syntax),
            () if !base.contains('.') => Err(NameError::NoDot),
            () => Ok(Self(name.to_owned())),
        }
    }

    /// Whether the challenge's name fits into the DNS.
    ///
    /// # Errors
    /// [`NameError::NoRoomForChallenge`].
    pub const fn check_challenge(&self) -> Result<(), NameError> {
        // The star has no part in it (RFC 8555 §8.4), and is two octets.
        let star = if self.is_wildcard() { 2 } else { 0 };
        match self.0.len() - star + CHALLENGE.len() > MAX_NAME {
            true => Err(NameError::NoRoomForChallenge),
            false => Ok(()),
        }
    }
}

/// The name in lower case, in A-labels, without a final dot, whatever kind of dot that is (UTS #46 maps three others).
fn normalised(s: &str) -> Result<String, NameError> {
    if s.is_empty() {
        return Err(NameError::Empty);
    }
    if s.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NameError::Syntax);
    }
    let (star, base) = match s.strip_prefix("*.").filter(|rest| !rest.is_empty()) {
        Some(rest) => ("*.", rest),
        None => ("", s),
    };
    let ascii = to_a_labels(base)?;
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    Ok(format!("{star}{ascii}"))
}

fn is_ldh(label: &str) -> bool {
    !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn to_a_labels(base: &str) -> Result<String, NameError> {
    let lower = base.to_ascii_lowercase();
    if base.is_ascii() && !lower.split('.').any(|l| l.starts_with("xn--")) {
        return Ok(lower);
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

/// What is stored, and what a certificate names.
impl TryFrom<String> for DomainName {
    type Error = NameError;

    fn try_from(s: String) -> Result<Self, NameError> {
        Self::read(&s)
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
