//! Parameters in a URL.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;

use super::answer::invalid;
use crate::route53::{name::DnsName, refusal::Refusal};

/// The parameters of a list.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decoded(key), percent_decoded(value))
        });
        Self(pairs.collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn name(&self, key: &str) -> Result<Option<DnsName>, Refusal> {
        let parsed = self.get(key).map(|name| name.parse().map_err(|why| (name, why)));
        parsed
            .transpose()
            .map_err(|(name, why)| invalid(&Refusal::name(name, why).message))
    }

    /// More than the greatest page is allowed and answered with the greatest page.
    pub(super) fn max_items(&self, most: usize) -> Result<usize, Refusal> {
        match self.get("maxitems").map(str::parse) {
            None => Ok(most),
            Some(Ok(0) | Err(_)) => Err(invalid("MaxItems must be a positive number")),
            Some(Ok(items)) => Ok(most.min(items)),
        }
    }
}

/// RFC 3986 §2.1, and `+` for a blank as forms have it.
fn percent_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, tail)) = rest.split_first() {
        let code = tail.split_first_chunk::<2>().filter(|_| octet == b'%');
        let code = code.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let plain = if octet == b'+' { b' ' } else { octet };
        let (octet, after) = code.unwrap_or((plain, tail));
        octets.push(octet);
        rest = after;
    }
    String::from_utf8_lossy(&octets).into_owned()
}
