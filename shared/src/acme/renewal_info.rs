//! ACME Renewal Information (RFC 9773), read without the account: its URL is a plain GET (§4.1).

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use instant_acme::{CertificateIdentifier, Error};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::{extensions::ParsedExtension, parse_x509_certificate, pem::parse_x509_pem};

use super::{ca::AcmeRenewalInfo, call::Call, client::AcmeCa};
use certmint_core::{
    renewal::{RenewalInfo, Window},
    words::{Failure, Timestamp, clip},
};

/// Characters of an explanation's URL that are kept.
const URL: usize = 500;

/// The unique identifier of a certificate (RFC 9773 §4.1): its authority key identifier and its serial number, both
/// base64url. `None` for a certificate without an authority key identifier, or for no certificate.
#[must_use]
pub fn certificate_id(pem: &str) -> Option<String> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, leaf) = parse_x509_certificate(&pem.contents).ok()?;
    let authority = leaf.iter_extensions().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
        _ => None,
    })?;
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    Some(format!("{}.{}", encode(authority.0), encode(leaf.raw_serial())))
}

/// The same as the ACME library takes it.
pub(super) fn identifier(id: &str) -> Option<CertificateIdentifier<'_>> {
    let (authority, serial) = id.split_once('.')?;
    Some(CertificateIdentifier {
        authority_key_identifier: authority.into(),
        serial: serial.into(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Information {
    suggested_window: Suggested,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Suggested {
    start: String,
    end: String,
}

fn moment(text: &str) -> Result<Timestamp, Error> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|t| Timestamp::from_secs(t.unix_timestamp()))
        .map_err(|_| Error::Str("the renewal window has no RFC 3339 dates"))
}

/// The suggested window and where it is explained.
fn parse(bytes: &[u8]) -> Result<(Window, Option<String>), Error> {
    let answer: Information = serde_json::from_slice(bytes)?;
    let window = Window {
        start: moment(&answer.suggested_window.start)?,
        end: moment(&answer.suggested_window.end)?,
    };
    // RFC 9773 §4.2: the end is after the start; a window that is not is no window.
    if window.end < window.start {
        return Err(Error::Str("the renewal window ends before it starts"));
    }
    let url = answer
        .explanation_url
        .filter(|u| u.starts_with("https://") || u.starts_with("http://"));
    Ok((window, url.map(|u| clip(&u, URL))))
}

#[async_trait]
impl AcmeRenewalInfo for AcmeCa {
    async fn renewal_info(
        &self,
        directory_url: &str,
        certificate_id: &str,
    ) -> Result<Option<RenewalInfo>, Failure> {
        let call = self.call(directory_url).await?;
        let Some(base) = &call.directory().renewal_info else {
            return Ok(None);
        };
        let (window, explanation_url) = call.checked(ask(&call, base, certificate_id).await)?;
        let head = call.last();
        Ok(Some(RenewalInfo {
            window,
            explanation_url,
            retry_after: head.retry_after.map(|at| at.since(head.received)),
        }))
    }
}

async fn ask(call: &Call, base: &str, certificate_id: &str) -> Result<(Window, Option<String>), Error> {
    let url = format!("{}/{certificate_id}", base.trim_end_matches('/'));
    let answer = call.get(&url).await?;
    if answer.parts.status.is_success() {
        return parse(&answer.body);
    }
    Err(match serde_json::from_slice(&answer.body) {
        Ok(problem) => Error::Api(problem),
        Err(_) => Error::Str("the answer is no renewal information"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The certificate of RFC 9773, appendix A.
    const EXAMPLE: &str = "-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

    #[test]
    fn the_identifier_is_that_of_the_standard() {
        let id = certificate_id(EXAMPLE).unwrap();
        assert_eq!(id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        assert_eq!(certificate_id("nonsense"), None);
    }

    #[test]
    fn an_answer_is_read_and_nonsense_refused() {
        let answer = |start: &str, end: &str, url: &str| {
            parse(
                format!(
                    r#"{{"suggestedWindow":{{"start":"{start}","end":"{end}"}},"explanationURL":"{url}"}}"#
                )
                .as_bytes(),
            )
        };
        let (window, url) = answer(
            "2025-01-02T04:00:00Z",
            "2025-01-03T04:00:00.5Z",
            "https://ca.test/why",
        )
        .unwrap();
        assert_eq!(window.start.to_string(), "2025-01-02T04:00:00Z");
        assert_eq!(window.end.to_string(), "2025-01-03T04:00:00Z");
        assert_eq!(url.as_deref(), Some("https://ca.test/why"));
        assert_eq!(
            answer("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z", "javascript:1")
                .unwrap()
                .1,
            None
        );
        assert!(answer("2025-01-04T04:00:00Z", "2025-01-03T04:00:00Z", "").is_err());
        assert!(answer("soon", "2025-01-03T04:00:00Z", "").is_err());
        assert!(parse(b"{}").is_err());
    }
}
