//! Alternate chains (RFC 8555 §7.4.2): a CA may offer the same certificate under another root.

use std::{cell::RefCell, future::Future};

use http::{HeaderMap, header::LINK};
use x509_parser::{parse_x509_certificate, pem::Pem};

/// Alternates that are looked at; CAs offer one or two.
const MOST: usize = 8;

/// What the answers of a task said of chains.
#[derive(Clone, Debug, Default)]
pub(super) struct Offered {
    /// The last chain, PEM.
    pub(super) chain: Option<String>,
    /// Where the CA has others.
    pub(super) alternates: Vec<String>,
}

tokio::task_local! {
    static OFFERED: RefCell<Offered>;
}

/// Runs ACME calls and says what their answers offered.
pub(super) async fn noted<T>(calls: impl Future<Output = T>) -> (T, Offered) {
    OFFERED
        .scope(RefCell::default(), async move {
            let value = calls.await;
            (value, OFFERED.with(RefCell::take))
        })
        .await
}

/// Notes a chain that came with these headers. Outside [`noted`] nobody asks.
pub(super) fn note(headers: &HeaderMap, chain: &[u8]) {
    let _ = OFFERED.try_with(|offered| {
        let mut offered = offered.borrow_mut();
        offered.chain = Some(String::from_utf8_lossy(chain).into_owned());
        offered.alternates.extend(alternates(headers));
    });
}

/// `Link: <url>;rel="alternate"` (RFC 8288 §3).
fn alternates(headers: &HeaderMap) -> Vec<String> {
    let links = headers.get_all(LINK).iter().filter_map(|v| v.to_str().ok());
    let urls = links.flat_map(|line| line.split(',')).filter_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let alternate = parameters
            .split(';')
            .any(|p| matches!(p.trim(), r#"rel="alternate""# | "rel=alternate"));
        alternate.then(|| url.to_owned())
    });
    urls.take(MOST).collect()
}

/// The common name of whoever issued the last certificate of a chain: the root that the chain leads to.
pub(super) fn root(chain: &str) -> Option<String> {
    let last = Pem::iter_from_buffer(chain.as_bytes())
        .filter_map(Result::ok)
        .last()?;
    let (_, certificate) = parse_x509_certificate(&last.contents).ok()?;
    let name = certificate.issuer().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternate_links_are_found_among_others() {
        let mut headers = HeaderMap::new();
        for link in [
            r#"<https://ca.test/dir>;rel="index""#,
            r#"<https://ca.test/certZ/1/alternate/1>;rel="alternate""#,
            r#"<https://ca.test/a>; rel=alternate, <https://ca.test/b>;rel="up""#,
        ] {
            headers.append(LINK, link.parse().unwrap());
        }
        assert_eq!(
            alternates(&headers),
            ["https://ca.test/certZ/1/alternate/1", "https://ca.test/a"]
        );
    }
}
