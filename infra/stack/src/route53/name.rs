//! Names as Route53 keeps them.

use std::{cmp::Ordering, fmt, iter, str::FromStr};

use serde::{Deserialize, Serialize};

/// RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;
/// RFC 1035 §2.3.4, on the wire: a length octet for each label and one for the root.
const MAX_NAME: usize = 255;

/// A name in Route53's own spelling: lower case, a final dot, and every octet but `a-z 0-9 - _` as three **octal**
/// digits (`*.example.com` is `\052.example.com.`; Developer Guide, "DNS domain name format"). Two spellings of one
/// name are equal.
///
/// Ordered as ListResourceRecordSets orders: the labels reversed, with the dots, as ASCII. So a name is followed
/// directly by all names below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there, or two dots in a row.
    #[error("Domain label is empty")]
    EmptyLabel,
    /// RFC 1035 §2.3.4.
    #[error("Domain label is too long")]
    LongLabel,
    /// RFC 1035 §2.3.4.
    #[error("Domain name is too long")]
    TooLong,
    /// Route53 takes U-labels as A-labels only.
    #[error("Domain name contains a character outside ASCII")]
    NotAscii,
    /// A backslash at the end, or an octal code over 377.
    #[error("Domain name contains a bad escape code")]
    BadEscape,
}

impl DnsName {
    /// From labels as they are on the wire, without the root's.
    ///
    /// # Errors
    /// If a label or the whole is empty or too long.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, NameError> {
        let mut name = String::new();
        let mut wire = 1;
        for label in labels {
            if label.is_empty() {
                return Err(NameError::EmptyLabel);
            }
            if label.len() > MAX_LABEL {
                return Err(NameError::LongLabel);
            }
            wire += 1 + label.len();
            for octet in label.iter().map(u8::to_ascii_lowercase) {
                match octet {
                    b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(octet)),
                    other => name.push_str(&format!("\\{other:03o}")),
                }
            }
            name.push('.');
        }
        match wire {
            1 => Err(NameError::EmptyLabel),
            2..=MAX_NAME => Ok(Self(name)),
            _ => Err(NameError::TooLong),
        }
    }

    /// The spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `other` or below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        // A dot that belongs to a label is spelled `\056`.
        self.0
            .strip_suffix(&other.0)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The name without its first label; `None` above a single label.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_once('.')?;
        (!rest.is_empty()).then(|| Self(rest.to_owned()))
    }

    /// `*.` and this name.
    #[must_use]
    pub fn wildcard(&self) -> Self {
        Self(format!("\\052.{}", self.0))
    }

    fn reversed(&self) -> impl Iterator<Item = u8> {
        let labels = self.0.trim_end_matches('.').rsplit('.');
        labels.flat_map(|label| label.bytes().chain(iter::once(b'.')))
    }
}

impl Ord for DnsName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.reversed().cmp(other.reversed())
    }
}

impl PartialOrd for DnsName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for DnsName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if !text.is_ascii() {
            return Err(NameError::NotAscii);
        }
        let mut labels = vec![Vec::new()];
        let mut rest = text.as_bytes();
        while let Some((&octet, mut tail)) = rest.split_first() {
            match (octet, labels.last_mut()) {
                (b'.', _) if tail.is_empty() => {}
                (b'.', _) => labels.push(Vec::new()),
                (b'\\', Some(label)) => {
                    let (octet, after) = unescape(tail).ok_or(NameError::BadEscape)?;
                    label.push(octet);
                    tail = after;
                }
                (octet, Some(label)) => label.push(octet),
                (_, None) => {}
            }
            rest = tail;
        }
        Self::from_labels(labels.iter().map(Vec::as_slice))
    }
}

/// What stands after a backslash: three octal digits, or any other octet for itself.
pub(super) fn unescape(text: &[u8]) -> Option<(u8, &[u8])> {
    if let Some((code, tail)) = text.split_first_chunk::<3>()
        && code.iter().all(|d| (b'0'..=b'7').contains(d))
    {
        let code = code
            .iter()
            .fold(0_u16, |code, digit| code * 8 + u16::from(digit - b'0'));
        return u8::try_from(code).ok().map(|octet| (octet, tail));
    }
    text.split_first().map(|(&octet, tail)| (octet, tail))
}

impl TryFrom<String> for DnsName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> Self {
        name.0
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    #[test]
    fn every_spelling_of_a_name_is_one() {
        assert_eq!(name("*.Example.COM").as_str(), "\\052.example.com.");
        assert_eq!(name("\\052.example.com."), name("*.example.com"));
        assert_eq!(name("a\\056b.test").as_str(), "a\\056b.test.");
        assert_eq!(name("a\\.b.test"), name("a\\056b.test"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, why) in [
            ("", NameError::EmptyLabel),
            (".", NameError::EmptyLabel),
            ("a..b", NameError::EmptyLabel),
            ("bücher.test", NameError::NotAscii),
            ("a\\", NameError::BadEscape),
            ("a\\777.test", NameError::BadEscape),
            (&"a".repeat(64), NameError::LongLabel),
            (&"abcdefg.".repeat(32), NameError::TooLong),
        ] {
            assert_eq!(text.parse::<DnsName>(), Err(why), "{text}");
        }
    }

    #[test]
    fn order_is_that_of_the_reversed_labels_with_their_dots() {
        let mut names = ["b.test", "a.z.test", "z.test", "z-a.test", "test", "*.z.test"].map(name);
        names.sort();
        let order = names.each_ref().map(DnsName::as_str);
        // `-` stands before `.` in ASCII.
        assert_eq!(
            order,
            [
                "test.",
                "b.test.",
                "z-a.test.",
                "z.test.",
                "\\052.z.test.",
                "a.z.test."
            ]
        );
    }

    #[test]
    fn a_name_is_within_its_ancestors_only() {
        assert!(name("a.example.test").is_within(&name("example.test")));
        assert!(!name("anexample.test").is_within(&name("example.test")));
        assert!(!name("x\\056example.test").is_within(&name("example.test")));
        assert_eq!(name("a.test").parent(), Some(name("test")));
        assert_eq!(name("test").parent(), None);
    }
}
