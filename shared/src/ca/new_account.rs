//! newAccount with a key that exists already (RFC 8555 §7.3) and an external account binding (§7.3.4).
//!
//! The ACME library binds an external account only to a key that it makes itself and shows after the CA has seen
//! it. Ours must be in the vault before: a crash in between would spend the binding and lose the key.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use http::{Method, Request};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Eab, http::AcmeHttp};
use crate::domain::Email;

/// Tries against badNonce (RFC 8555 §6.5).
const NONCE_TRIES: usize = 5;

/// A text that is no base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not base64url; send the HMAC key as the CA shows it")]
pub struct EabKeyError;

/// Reads an EAB HMAC key: base64url with or without padding; non-zero trailing bits are accepted, since clients'
/// examples have them.
///
/// # Errors
/// If the text is no base64url, or empty.
pub fn decode_eab_key(key: &SecretString) -> Result<Zeroizing<Vec<u8>>, EabKeyError> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&URL_SAFE, lenient)
        .decode(key.expose_secret())
        .map_err(|_| EabKeyError)?;
    if bytes.is_empty() {
        Err(EabKeyError)
    } else {
        Ok(Zeroizing::new(bytes))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The CA's directory (RFC 8555 §7.1.1).
pub(super) async fn read_directory(http: &AcmeHttp, url: &str) -> Result<Value, Error> {
    let (ok, bytes) = read(send(http, Method::GET, url, None).await?).await?;
    if ok {
        Ok(serde_json::from_slice(&bytes)?)
    } else {
        Err(Error::Str("the answer is no directory"))
    }
}

/// Registers `key` and returns the account URL; a known key returns its account.
pub(super) async fn new_account(
    http: &AcmeHttp,
    directory: &Value,
    key_pkcs8: &[u8],
    email: &Email,
    eab: Option<&Eab>,
) -> Result<String, Error> {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key_pkcs8)
        .map_err(|_| Error::KeyRejected)?;
    let url = |name: &str| {
        directory
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or(Error::Str("directory lacks a URL"))
    };
    let (new_nonce, new_account) = (url("newNonce")?, url("newAccount")?);
    // RFC 7518 §6.2.1: an uncompressed point is 0x04, x, y.
    let point = key.public_key().as_ref();
    let (x, y) = point
        .get(1..)
        .and_then(|p| p.split_at_checked(32))
        .ok_or(Error::Crypto)?;
    let jwk = json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)});
    let mut payload = json!({"termsOfServiceAgreed": true, "contact": [format!("mailto:{email}")]});
    if let Some(eab) = eab {
        let secret = decode_eab_key(&eab.hmac_key).map_err(|e| Error::Other(Box::new(e)))?;
        let protected = encode(json!({"alg": "HS256", "kid": eab.kid, "url": new_account}).to_string());
        let inner = encode(jwk.to_string());
        let mac = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            format!("{protected}.{inner}").as_bytes(),
        );
        payload["externalAccountBinding"] =
            json!({"protected": protected, "payload": inner, "signature": encode(mac)});
    }
    let payload = encode(payload.to_string());
    let mut last = Error::Str("no nonce");
    for _ in 0..NONCE_TRIES {
        let nonce = header(&send(http, Method::HEAD, &new_nonce, None).await?, "replay-nonce")
            .ok_or(Error::Str("no nonce"))?;
        let protected =
            encode(json!({"alg": "ES256", "jwk": jwk, "nonce": nonce, "url": new_account}).to_string());
        let signature = key
            .sign(&SystemRandom::new(), format!("{protected}.{payload}").as_bytes())
            .map_err(|_| Error::Crypto)?;
        let body = json!({"protected": protected, "payload": payload, "signature": encode(signature)});
        let answer = send(http, Method::POST, &new_account, Some(body.to_string())).await?;
        let location = header(&answer, "location");
        let (ok, bytes) = read(answer).await?;
        if ok {
            return location.ok_or(Error::Str("no account URL"));
        }
        let problem: Problem = serde_json::from_slice(&bytes)?;
        let stale = problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce");
        last = Error::Api(problem);
        if !stale {
            break;
        }
    }
    Err(last)
}

pub(super) async fn send(
    http: &AcmeHttp,
    method: Method,
    url: &str,
    body: Option<String>,
) -> Result<BytesResponse, Error> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("user-agent", concat!("certmint/", env!("CARGO_PKG_VERSION")))
        .header("content-type", "application/jose+json")
        .body(
            body.map(|b| BodyWrapper::from(b.into_bytes()))
                .unwrap_or_default(),
        )?;
    http.request(request).await
}

pub(super) async fn read(mut answer: BytesResponse) -> Result<(bool, bytes::Bytes), Error> {
    let ok = answer.parts.status.is_success();
    Ok((ok, answer.body.into_bytes().await.map_err(Error::Other)?))
}

fn header(answer: &BytesResponse, name: &str) -> Option<String> {
    answer.parts.headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_clients_send_them() {
        for good in [
            "your_eab_hmac_key_here",
            "AAAA",
            "AAA=",
            "AAA",
            "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
        ] {
            assert!(decode_eab_key(&good.into()).is_ok(), "{good}");
        }
        for bad in ["", "a", "not base64!", "AA+A"] {
            assert!(decode_eab_key(&bad.into()).is_err(), "{bad}");
        }
    }
}
