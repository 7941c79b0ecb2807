//! newAccount with a key that exists already (RFC 8555 §7.3) and an external account binding (§7.3.4).
//!
//! The ACME library binds an external account only to a key that it makes itself and shows after the CA has seen
//! it. Ours must be in the vault before: a crash in between would spend the binding and lose the key.

use aws_lc_rs::hmac;
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::Method;
use instant_acme::Error;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Eab,
    http::AcmeHttp,
    jws::{Identity, SigningKey, encode, post, read, send, url_of},
};
use certmint_core::words::Email;

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
    let key = SigningKey::from_pkcs8(key_pkcs8)?;
    let url = url_of(directory, "newAccount")?;
    let mut payload = json!({"termsOfServiceAgreed": true, "contact": [format!("mailto:{email}")]});
    if let Some(eab) = eab {
        payload["externalAccountBinding"] = bind(eab, &key.jwk()?, &url)?;
    }
    let answer = post(http, directory, &url, &key, Identity::Jwk, &payload).await?;
    answer.location.ok_or(Error::Str("no account URL"))
}

/// RFC 8555 §7.3.4: the account's public key, signed with the CA's HMAC key.
fn bind(eab: &Eab, jwk: &Value, url: &str) -> Result<Value, Error> {
    let secret = decode_eab_key(&eab.hmac_key).map_err(|e| Error::Other(Box::new(e)))?;
    let protected = encode(json!({"alg": "HS256", "kid": eab.kid, "url": url}).to_string());
    let payload = encode(jwk.to_string());
    let mac = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &secret),
        format!("{protected}.{payload}").as_bytes(),
    );
    Ok(json!({"protected": protected, "payload": payload, "signature": encode(mac)}))
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
