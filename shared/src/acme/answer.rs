//! What an answer of a CA says beside its body.

use bytes::Bytes;
use http::{
    HeaderMap, Response, Uri,
    header::{LOCATION, RETRY_AFTER},
    response::Parts,
};

use super::links::{Link, links};
use certmint_core::words::Timestamp;

const REPLAY_NONCE: &str = "replay-nonce";

/// The part of an answer that the callers of the ACME library do not get from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// 0: there was no answer.
    pub(super) status: u16,
    pub(super) received: Timestamp,
    /// When the CA wants to be asked again.
    pub(super) retry_after: Option<Timestamp>,
    pub(super) location: Option<String>,
    pub(super) links: Vec<Link>,
}

impl Head {
    fn of(parts: &Parts, url: &Uri, now: Timestamp) -> Self {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status: parts.status.as_u16(),
            received: now,
            retry_after: text(RETRY_AFTER).and_then(|text| moment(text, now)),
            location: text(LOCATION).map(str::to_owned),
            links: links(&parts.headers, url),
        }
    }

    /// Where links with a relation lead, e.g. `alternate` or `up`.
    pub(super) fn linked(&self, relation: &str) -> impl Iterator<Item = &str> {
        let related = self.links.iter().filter(move |link| link.has(relation));
        related.map(|link| link.url.as_str())
    }
}

/// RFC 9110 §10.2.3: seconds or a date.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse() {
        Ok(seconds) => Some(now.plus(std::time::Duration::from_secs(seconds))),
        Err(_) => httpdate::parse_http_date(text).ok().map(Into::into),
    }
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) head: Head,
    /// Fresh, and not among the headers any more: whoever takes the answer uses it or keeps it for the next call.
    pub(super) nonce: Option<String>,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

impl Answer {
    /// An answer to a request for `url`.
    pub(super) fn new(answer: Response<Bytes>, url: &Uri, now: Timestamp) -> Self {
        let (mut parts, body) = answer.into_parts();
        Self {
            head: Head::of(&parts, url, now),
            nonce: nonce(&mut parts.headers),
            parts,
            body,
        }
    }
}

/// RFC 8555 §6.5.1: base64url, and what is not is ignored.
fn nonce(headers: &mut HeaderMap) -> Option<String> {
    let value = headers.remove(REPLAY_NONCE)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let text = value.to_str().ok()?;
    (!text.is_empty() && text.chars().all(fits)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn answer(headers: &[(&str, &str)]) -> Answer {
        let mut answer = Response::builder().status(201);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let url = Uri::from_static("https://ca.test/order");
        Answer::new(answer.body(Bytes::new()).unwrap(), &url, NOW)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (text, expected) in [
            ("120", Some(NOW.plus(std::time::Duration::from_secs(120)))),
            (" 0 ", Some(NOW)),
            (date, Some(Timestamp::from_secs(784_111_777))),
            (
                "Sunday, 06-Nov-94 08:49:37 GMT",
                Some(Timestamp::from_secs(784_111_777)),
            ),
            ("18446744073709551615", Some(Timestamp::from_millis(i64::MAX))),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(
                answer(&[("retry-after", text)]).head.retry_after,
                expected,
                "{text}"
            );
        }
        assert_eq!(answer(&[]).head.retry_after, None);
    }

    #[test]
    fn what_is_no_nonce_is_ignored() {
        for (text, expected) in [
            ("aZ09-_", Some("aZ09-_")),
            ("", None),
            ("a=", None),
            ("a b", None),
        ] {
            let answer = answer(&[("replay-nonce", text)]);
            assert_eq!(answer.nonce.as_deref(), expected, "{text}");
            assert!(answer.parts.headers.is_empty());
        }
    }

    #[test]
    fn status_place_and_links_are_kept() {
        let head = answer(&[
            ("location", "https://ca.test/account/1"),
            ("link", r#"</dir>;rel="index", </c/1>;rel="alternate""#),
            ("link", r#"</c/2>;rel="alternate""#),
        ])
        .head;
        assert_eq!(head.status, 201);
        assert_eq!(head.location.as_deref(), Some("https://ca.test/account/1"));
        let alternates: Vec<_> = head.linked("alternate").collect();
        assert_eq!(alternates, ["https://ca.test/c/1", "https://ca.test/c/2"]);
    }
}
