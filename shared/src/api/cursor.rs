//! Cursors as clients have them: where a list goes on, bound to the list.
//!
//! A cursor names its list and its filter by a digest, so that one that was cut, changed, made up or taken from another
//! list is told from one that a page gave. It is no permission: whoever makes a right one up reads what he may read anyway,
//! and a page costs the same from any place.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::error::ApiError;

/// Octets of the digest that stand in a cursor.
const CHECK: usize = 12;
/// Characters of a cursor: the longest place, of a TXT value, has some 350 octets.
const LONGEST: usize = 1024;

/// A list with its filter.
#[derive(Clone, Debug)]
pub(super) struct ListName(String);

impl ListName {
    /// The list at a path, narrowed by what its filter read of the query.
    pub(super) fn new(path: &str, mut filter: Vec<(String, String)>) -> Self {
        filter.sort();
        filter.dedup();
        let mut query = form_urlencoded::Serializer::new(format!("{path}?"));
        Self(query.extend_pairs(filter).finish())
    }

    fn check(&self, place: &[u8]) -> [u8; CHECK] {
        let digest = Sha256::new()
            .chain_update(self.0.as_bytes())
            .chain_update(b"\0")
            .chain_update(place)
            .finalize();
        let mut check = [0; CHECK];
        check.copy_from_slice(&digest[..CHECK]);
        check
    }

    /// The cursor of a place in this list.
    pub(super) fn cursor(&self, place: &str) -> String {
        let octets = [place.as_bytes(), &self.check(place.as_bytes())].concat();
        BASE64_URL_SAFE_NO_PAD.encode(octets)
    }

    /// The place of a cursor that an earlier page of this very list gave.
    pub(super) fn place(&self, cursor: &str) -> Result<String, ApiError> {
        let octets = Some(cursor).filter(|cursor| cursor.len() <= LONGEST);
        let octets = octets.and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok());
        let octets = octets.unwrap_or_default();
        let place = octets
            .split_last_chunk::<CHECK>()
            .filter(|(place, check)| self.check(place) == **check)
            .and_then(|(place, _)| String::from_utf8(place.to_vec()).ok());
        place.ok_or_else(|| {
            let why = "is not one that an earlier page of this list with the same filter gave; leave it out to start again";
            ApiError::value("cursor", why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(path: &str, filter: &[(&str, &str)]) -> ListName {
        let filter = filter
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        ListName::new(path, filter.collect())
    }

    #[test]
    fn a_cursor_is_its_lists_own() {
        let ours = list("/certificates", &[("status", "issued"), ("name", "a.example")]);
        let cursor = ours.cursor("7-3");
        assert_eq!(ours.place(&cursor).as_deref(), Ok("7-3"));
        let same = list("/certificates", &[("name", "a.example"), ("status", "issued")]);
        assert_eq!(same.place(&cursor).as_deref(), Ok("7-3"), "in any order");
        for other in [
            list("/certificates", &[]),
            list("/certificates", &[("status", "issued")]),
            list("/certificates", &[("name", "issued"), ("status", "a.example")]),
            list("/certificates", &[("name", "a.example&status=issued")]),
            list("/accounts", &[("status", "issued"), ("name", "a.example")]),
        ] {
            assert!(other.place(&cursor).is_err(), "{other:?}");
        }
    }

    #[test]
    fn no_other_text_is_one() {
        let ours = list("/requests", &[]);
        let cursor = ours.cursor("7");
        let octets = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for place in 0..octets.len() {
            let mut other = octets.clone();
            other[place] ^= 1;
            assert!(
                ours.place(&BASE64_URL_SAFE_NO_PAD.encode(other)).is_err(),
                "{place}"
            );
            assert!(ours.place(&cursor[..place]).is_err(), "{place}");
        }
        let long = ours.cursor(&"7".repeat(2_000));
        for text in [
            "",
            "7",
            "0",
            "-1",
            "999999999999",
            "18446744073709551616",
            "7-7",
            "ä",
            "\u{0}",
            "%00",
            &long,
        ] {
            assert!(ours.place(text).is_err(), "{text}");
        }
    }
}
