//! Mail addresses.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A mail address that a CA accepts as contact: a dot-atom (RFC 5322 §3.2.3) at a dotted domain, nothing quoted and nothing
/// beyond ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Why a text is no mail address for a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// None at all, or several.
    #[error("is not a mail address; send one address such as ops@example.com")]
    None,
    /// Mail knows such, CAs do not.
    #[error(
        "is written in a way that CAs do not take in a contact (quotes, comments, an address in brackets, a question mark, letters beyond \
         ASCII); send one such as ops@example.com, a domain of other letters as xn--…"
    )]
    Unusual,
}

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The contact URL (RFC 8555 §7.3): whatever would mean something else in a URL is percent-encoded (RFC 6068 §2).
    #[must_use]
    pub fn mailto(&self) -> String {
        let mut url = String::from("mailto:");
        for c in self.0.chars() {
            match c {
                'a'..='z'
                | 'A'..='Z'
                | '0'..='9'
                | '-'
                | '.'
                | '_'
                | '~'
                | '!'
                | '$'
                | '\''
                | '*'
                | '+'
                | '@' => {
                    url.push(c);
                }
                // An address is ASCII.
                other => url.push_str(&format!("%{:02X}", u32::from(other))),
            }
        }
        url
    }

    /// Whether it is the same address for a person, who does not tell case apart.
    #[must_use]
    pub fn is_same(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(s: &str) -> Result<Self, EmailError> {
        let s = s.trim();
        let (local, domain) = s.rsplit_once('@').ok_or(EmailError::None)?;
        // RFC 5321 §4.5.3.1: local part at most 64 octets, a path at most 254.
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=^_`{|}~.".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain_ok = domain.contains('.')
            && domain.split('.').all(|l| {
                !l.is_empty()
                    && l.len() <= 63
                    && !l.starts_with('-')
                    && !l.ends_with('-')
                    && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        if local_ok && domain_ok && s.len() <= 254 {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(match is_unusual(local, domain) {
                true => EmailError::Unusual,
                false => EmailError::None,
            })
        }
    }
}

/// Whether it may be an address all the same (RFC 5322 §3.4.1, RFC 6531).
fn is_unusual(local: &str, domain: &str) -> bool {
    let is_plain = |text: &str| !text.is_empty() && !text.contains([' ', ',', ';', '<', '>', '@', ':']);
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let has_comment = local.contains('(') || domain.contains('(');
    let is_literal = domain.starts_with('[') && domain.ends_with(']');
    let is_wide = !local.is_ascii() || !domain.is_ascii();
    // Boulder takes no contact with one (RFC 8555 §7.3: no header fields).
    let asks = local.contains('?');
    (is_quoted || is_plain(local))
        && (is_literal || is_plain(domain))
        && (is_quoted || has_comment || is_literal || is_wide || asks)
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(s: String) -> Result<Self, EmailError> {
        s.parse()
    }
}

impl From<Email> for String {
    fn from(e: Email) -> Self {
        e.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_means_something_else_in_a_url_is_encoded() {
        for (address, contact) in [
            ("ops@example.com", "mailto:ops@example.com"),
            ("o.p-s_~!$'*+x@example.com", "mailto:o.p-s_~!$'*+x@example.com"),
            ("a#b@example.com", "mailto:a%23b@example.com"),
            ("a&b=c@example.com", "mailto:a%26b%3Dc@example.com"),
            ("a%b@example.com", "mailto:a%25b@example.com"),
            ("a%23b@example.com", "mailto:a%2523b@example.com"),
            ("a/b@example.com", "mailto:a%2Fb@example.com"),
            ("^`{|}@example.com", "mailto:%5E%60%7B%7C%7D@example.com"),
            ("&subject=x@EXAMPLE.com", "mailto:%26subject%3Dx@example.com"),
        ] {
            let email: Email = address.parse().unwrap();
            assert_eq!(email.mailto(), contact);
            let stored = serde_json::to_string(&email).unwrap();
            assert_eq!(serde_json::from_str::<Email>(&stored).unwrap(), email);
        }
    }

    #[test]
    fn what_cas_do_not_take_is_told_from_what_is_no_address() {
        for unusual in [
            r#""o p s"@example.com"#,
            r#""a@b"@example.com"#,
            "ops@[192.0.2.1]",
            "ops(night)@example.com",
            "öps@example.com",
            "a?subject=x@example.com",
            "ops@bücher.example",
        ] {
            assert_eq!(unusual.parse::<Email>(), Err(EmailError::Unusual), "{unusual}");
        }
        for none in [
            "",
            "ops",
            "@example.com",
            "ops@",
            "ops@localhost",
            "a@b@example.com",
            "a@example.com,b@example.com",
            "mailto:ops@example.com",
            "Ops <ops@example.com>",
            ".ops@example.com",
            "o..ps@example.com",
            "ops@-a.com",
            "ops@example..com",
        ] {
            assert_eq!(none.parse::<Email>(), Err(EmailError::None), "{none}");
        }
    }
}
