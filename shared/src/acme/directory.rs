//! A CA's directory (RFC 8555 §7.1.1).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Uri;
use instant_acme::Error;
use serde::Deserialize;

/// What it says, and as it says it. One without the URLs that every CA must have is none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Directory {
    pub(super) new_nonce: String,
    pub(super) new_account: String,
    #[expect(
        dead_code,
        reason = "the ACME library reads it; a directory without it is none"
    )]
    new_order: String,
    pub(super) revoke_cert: Option<String>,
    pub(super) key_change: Option<String>,
    /// RFC 9773 §4.1.
    pub(super) renewal_info: Option<String>,
    #[serde(default)]
    meta: Meta,
    /// For the ACME library, which reads it by itself.
    #[serde(skip)]
    pub(super) document: Bytes,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    /// draft-ietf-acme-profiles §3: names, and words about each.
    #[serde(default)]
    profiles: BTreeMap<String, String>,
}

impl Directory {
    pub(super) fn read(document: Bytes) -> Result<Self, Error> {
        let directory: Self = serde_json::from_slice(&document)?;
        // The ACME library takes it for well-formed.
        directory.new_nonce.parse::<Uri>()?;
        Ok(Self {
            document,
            ..directory
        })
    }

    /// The profiles that it advertises, sorted.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.meta.profiles.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Directory, Error> {
        Directory::read(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn what_every_ca_must_have_is_demanded_and_no_more() {
        let least = r#"{"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a","newOrder":"https://ca.test/o"}"#;
        let directory = read(least).unwrap();
        assert_eq!(directory.document, least);
        assert_eq!((directory.renewal_info, directory.meta.profiles.len()), (None, 0));
        for name in ["newNonce", "newAccount", "newOrder"] {
            assert!(read(&least.replace(name, "other")).is_err(), "{name}");
        }
        assert!(read(&least.replace("https://ca.test/n", "no URL")).is_err());
        assert!(read("[]").is_err());
    }

    #[test]
    fn profiles_are_those_of_meta() {
        let text = r#"{"newNonce":"/n","newAccount":"/a","newOrder":"/o","renewalInfo":"/r","meta":{"website":"w","profiles":{"b":"2","a":"1"}}}"#;
        let directory = read(text).unwrap();
        assert_eq!(directory.profiles().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(directory.renewal_info.as_deref(), Some("/r"));
        // The ACME library reads no other form.
        assert!(read(&text.replace(r#""1""#, "1")).is_err());
    }
}
