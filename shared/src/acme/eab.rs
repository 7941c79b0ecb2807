//! External account bindings (RFC 8555 §7.3.4).

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use instant_acme::Error;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    ca::Eab,
    jws::{Jwk, Jws},
};

/// A text that is no base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not base64url; send the HMAC key as the CA shows it")]
pub struct EabKeyError;

/// Reads an EAB HMAC key: base64url or base64, as CAs show it, with or without padding; non-zero trailing bits are
/// accepted, since clients' examples have them, and white space around it, since people paste it.
///
/// # Errors
/// If the text is neither, or empty.
pub fn decode_eab_key(key: &SecretString) -> Result<Zeroizing<Vec<u8>>, EabKeyError> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let pasted = key.expose_secret().trim();
    // The two alphabets differ in these two characters alone (RFC 4648 §5).
    let url_safe = Zeroizing::new(pasted.replace('+', "-").replace('/', "_"));
    let bytes = GeneralPurpose::new(&URL_SAFE, lenient)
        .decode(url_safe.as_bytes())
        .map_err(|_| EabKeyError)?;
    if bytes.is_empty() {
        Err(EabKeyError)
    } else {
        Ok(Zeroizing::new(bytes))
    }
}

/// Binds the account of a key, at its registration at `url`.
pub(super) fn bind(eab: &Eab, key: &Jwk, url: &str) -> Result<Jws, Error> {
    let secret = decode_eab_key(&eab.hmac_key).map_err(|e| Error::Other(Box::new(e)))?;
    Jws::of_external_account(&eab.kid, &secret, key, url)
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
            "ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab8=",
            "ab-_ab-_ab8=\r\n",
            " AAAA\t",
            "AA+A",
            "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
        ] {
            assert!(decode_eab_key(&good.into()).is_ok(), "{good}");
        }
        for bad in ["", "a", "not base64!", "AA A"] {
            assert!(decode_eab_key(&bad.into()).is_err(), "{bad}");
        }
    }
}
