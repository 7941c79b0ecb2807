//! What signs a call, and how (RFC 8555 §6.2): JWS in flattened JSON.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use instant_acme::Error;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ca::CaAccount;

/// A public key (RFC 7517; the members of RFC 7518 §6).
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Jwk {
    Ec {
        crv: &'static str,
        kty: &'static str,
        x: String,
        y: String,
    },
    Rsa {
        e: String,
        kty: &'static str,
        n: String,
    },
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    /// A key that the CA need not know: newAccount, and revocation by the certificate's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<Jwk>,
    /// An account by its URL, or an external account by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    url: &'a str,
}

/// A signed message.
#[derive(Serialize)]
pub(super) struct Jws {
    protected: String,
    payload: String,
    signature: String,
}

impl Jws {
    fn new<S: AsRef<[u8]>>(
        header: &Header<'_>,
        payload: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<S, Error>,
    ) -> Result<Self, Error> {
        let (protected, payload) = (encode(serde_json::to_vec(header)?), encode(payload));
        let signature = encode(sign(format!("{protected}.{payload}").as_bytes())?);
        Ok(Self {
            protected,
            payload,
            signature,
        })
    }

    /// RFC 8555 §7.3.4: an account's public key, signed with the HMAC key of an external account.
    pub(super) fn of_external_account(kid: &str, secret: &[u8], key: &Jwk, url: &str) -> Result<Self, Error> {
        let header = Header {
            alg: "HS256",
            jwk: None,
            kid: Some(kid),
            nonce: None,
            url,
        };
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self::new(&header, &serde_json::to_vec(key)?, |message| {
            Ok(hmac::sign(&secret, message))
        })
    }
}

/// A private key with its JWS algorithm (RFC 7518 §3.1).
enum Key {
    /// ES256 or ES384, by its curve.
    Ec {
        pair: EcdsaKeyPair,
        curve: &'static str,
        algorithm: &'static str,
    },
    /// RS256.
    Rsa(RsaKeyPair),
}

/// Who signs: an account by its URL, else the key itself.
pub(super) struct Signer {
    key: Key,
    account: Option<String>,
}

impl Signer {
    /// Reads PKCS#8 PEM: ECDSA on P-256 or P-384, or RSA.
    pub(super) fn of_key(pem: &SecretString) -> Result<Self, Error> {
        let der = der(pem)?;
        let der = der.secret_pkcs8_der();
        let ec = |pair, curve, algorithm| Key::Ec {
            pair,
            curve,
            algorithm,
        };
        let key = if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            ec(pair, "P-256", "ES256")
        } else if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der) {
            ec(pair, "P-384", "ES384")
        } else {
            RsaKeyPair::from_pkcs8(der)
                .map(Key::Rsa)
                .map_err(|_| Error::KeyRejected)?
        };
        Ok(Self { key, account: None })
    }

    pub(super) fn of_account(account: &CaAccount) -> Result<Self, Error> {
        Ok(Self {
            account: Some(account.registration_uri.clone()),
            ..Self::of_key(&account.key)?
        })
    }

    /// The public half.
    pub(super) fn jwk(&self) -> Result<Jwk, Error> {
        match &self.key {
            Key::Ec { pair, curve, .. } => {
                // RFC 7518 §6.2.1: an uncompressed point is 0x04, x, y.
                let point = pair.public_key().as_ref().get(1..).ok_or(Error::Crypto)?;
                let (x, y) = point.split_at_checked(point.len() / 2).ok_or(Error::Crypto)?;
                Ok(Jwk::Ec {
                    crv: curve,
                    kty: "EC",
                    x: encode(x),
                    y: encode(y),
                })
            }
            Key::Rsa(pair) => {
                let public = pair.public_key();
                let part = |n: aws_lc_rs::io::Positive<'_>| encode(n.big_endian_without_leading_zero());
                Ok(Jwk::Rsa {
                    e: part(public.exponent()),
                    kty: "RSA",
                    n: part(public.modulus()),
                })
            }
        }
    }

    /// RFC 7638: the members of a key are written in the order of their names, without spaces.
    pub(super) fn thumbprint(&self) -> Result<String, Error> {
        Ok(encode(Sha256::digest(serde_json::to_vec(&self.jwk()?)?)))
    }

    /// Signs a payload. Without a nonce it is a message that lies in another (RFC 8555 §7.3.5).
    pub(super) fn sign(&self, nonce: Option<&str>, url: &str, payload: &[u8]) -> Result<Jws, Error> {
        let alg = match &self.key {
            Key::Ec { algorithm, .. } => algorithm,
            Key::Rsa(_) => "RS256",
        };
        let kid = self.account.as_deref();
        let jwk = match kid {
            Some(_) => None,
            None => Some(self.jwk()?),
        };
        let header = Header {
            alg,
            jwk,
            kid,
            nonce,
            url,
        };
        Jws::new(&header, payload, |message| self.key.sign(message))
    }
}

impl Key {
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

pub(super) fn der(pem: &SecretString) -> Result<PrivatePkcs8KeyDer<'static>, Error> {
    PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| Error::KeyRejected)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
