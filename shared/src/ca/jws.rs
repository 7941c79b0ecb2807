//! Signed calls that the ACME library does not make the way we need them (RFC 8555 §6.2): JWS in flattened JSON.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use serde_json::{Value, json};

use super::http::AcmeHttp;

/// Tries against badNonce (RFC 8555 §6.5).
const NONCE_TRIES: usize = 5;

/// A key that signs, with its JWS algorithm (RFC 7518 §3.1).
pub(super) enum SigningKey {
    /// ES256 or ES384, by its curve.
    Ec {
        pair: EcdsaKeyPair,
        curve: &'static str,
        algorithm: &'static str,
    },
    /// RS256.
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Reads PKCS#8: ECDSA on P-256 or P-384, or RSA.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let ec = |pair, curve, algorithm| Self::Ec {
            pair,
            curve,
            algorithm,
        };
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(ec(pair, "P-256", "ES256"));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der) {
            return Ok(ec(pair, "P-384", "ES384"));
        }
        RsaKeyPair::from_pkcs8(der)
            .map(Self::Rsa)
            .map_err(|_| Error::KeyRejected)
    }

    /// The public half (RFC 7517; the members of RFC 7518 §6).
    pub(super) fn jwk(&self) -> Result<Value, Error> {
        match self {
            Self::Ec { pair, curve, .. } => {
                // RFC 7518 §6.2.1: an uncompressed point is 0x04, x, y.
                let point = pair.public_key().as_ref().get(1..).ok_or(Error::Crypto)?;
                let (x, y) = point.split_at_checked(point.len() / 2).ok_or(Error::Crypto)?;
                Ok(json!({"crv": curve, "kty": "EC", "x": encode(x), "y": encode(y)}))
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let part = |n: aws_lc_rs::io::Positive<'_>| encode(n.big_endian_without_leading_zero());
                Ok(json!({"e": part(public.exponent()), "kty": "RSA", "n": part(public.modulus())}))
            }
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec { algorithm, .. } => algorithm,
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match self {
            Self::Ec { pair, .. } => {
                let signature = pair.sign(&random, message).map_err(|_| Error::Crypto)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| Error::Crypto)?;
                Ok(signature)
            }
        }
    }
}

/// Who signs, as the protected header says it.
#[derive(Clone, Copy)]
pub(super) enum Identity<'a> {
    /// A key that the CA need not know: newAccount, and revocation by the certificate's key.
    Jwk,
    /// An account, by its URL.
    Kid(&'a str),
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A JWS. Without a nonce it is one that lies in another (RFC 8555 §7.3.5).
pub(super) fn sign(
    key: &SigningKey,
    identity: Identity<'_>,
    nonce: Option<&str>,
    url: &str,
    payload: &Value,
) -> Result<Value, Error> {
    let mut header = json!({"alg": key.algorithm(), "url": url});
    match identity {
        Identity::Jwk => header["jwk"] = key.jwk()?,
        Identity::Kid(kid) => header["kid"] = kid.into(),
    }
    if let Some(nonce) = nonce {
        header["nonce"] = nonce.into();
    }
    let (protected, payload) = (encode(header.to_string()), encode(payload.to_string()));
    let signature = key.sign(format!("{protected}.{payload}").as_bytes())?;
    Ok(json!({"protected": protected, "payload": payload, "signature": encode(signature)}))
}

/// What the CA said to a signed call that it took.
pub(super) struct Answer {
    pub(super) location: Option<String>,
}

/// One of the directory's URLs.
pub(super) fn url_of(directory: &Value, name: &str) -> Result<String, Error> {
    let url = directory.get(name).and_then(Value::as_str);
    url.map(str::to_owned).ok_or(Error::Str("directory lacks a URL"))
}

/// POSTs a signed payload with a fresh nonce; a nonce that the CA does not like is replaced. A problem document is
/// [`Error::Api`].
pub(super) async fn post(
    http: &AcmeHttp,
    directory: &Value,
    url: &str,
    key: &SigningKey,
    identity: Identity<'_>,
    payload: &Value,
) -> Result<Answer, Error> {
    let new_nonce = url_of(directory, "newNonce")?;
    let mut last = Error::Str("no nonce");
    for _ in 0..NONCE_TRIES {
        let nonce = header(&send(http, Method::HEAD, &new_nonce, None).await?, "replay-nonce")
            .ok_or(Error::Str("no nonce"))?;
        let body = sign(key, identity, Some(&nonce), url, payload)?;
        let answer = send(http, Method::POST, url, Some(body.to_string())).await?;
        let location = header(&answer, "location");
        let (ok, bytes) = read(answer).await?;
        if ok {
            return Ok(Answer { location });
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

pub(super) async fn read(mut answer: BytesResponse) -> Result<(bool, Bytes), Error> {
    let ok = answer.parts.status.is_success();
    Ok((ok, answer.body.into_bytes().await.map_err(Error::Other)?))
}

fn header(answer: &BytesResponse, name: &str) -> Option<String> {
    answer.parts.headers.get(name)?.to_str().ok().map(str::to_owned)
}
