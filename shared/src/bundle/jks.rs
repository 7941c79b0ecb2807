//! Java's own key store, version 2: for software that cannot read PKCS#12 (Java reads that since version 9 by
//! default). Its protection of the key is SHA-1 without rounds: the password stands between a finder and the key, and
//! little else.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::contents::{Bundle, BundleError, Contents, random};

const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const PRIVATE_KEY_ENTRY: u32 = 1;
/// Hashed in between password and contents.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// AlgorithmIdentifier of the key protector: 1.3.6.1.4.1.42.2.17.1.1 with NULL.
const PROTECTOR: [u8; 16] = [
    0x30, 0x0E, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A, 0x02, 0x11, 0x01, 0x01, 0x05, 0x00,
];
const HASH: usize = 20;

pub(super) fn write(
    contents: &Contents<'_>,
    password: &SecretString,
    created_at_millis: u64,
) -> Result<Bundle, BundleError> {
    // Java hashes a password as big-endian UTF-16.
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(
        password
            .expose_secret()
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
    );
    let certificates = contents.certificates()?;
    let mut out = Zeroizing::new(Vec::with_capacity(16 * 1024));
    for number in [MAGIC, VERSION, 1, PRIVATE_KEY_ENTRY] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    text(&mut out, &contents.alias.to_ascii_lowercase())?;
    out.extend_from_slice(&created_at_millis.to_be_bytes());
    bytes(&mut out, &protected(contents.key.der(), &password)?)?;
    number(&mut out, certificates.len())?;
    for certificate in &certificates {
        text(&mut out, "X.509")?;
        bytes(&mut out, certificate)?;
    }
    let seal = hash(&[&password, WHITENER, &out]);
    out.extend_from_slice(&seal);
    Ok(out)
}

fn too_long() -> BundleError {
    BundleError::Write("a part is too long".into())
}

fn number(out: &mut Vec<u8>, value: usize) -> Result<(), BundleError> {
    let value = u32::try_from(value).map_err(|_| too_long())?;
    out.extend_from_slice(&value.to_be_bytes());
    Ok(())
}

fn bytes(out: &mut Vec<u8>, part: &[u8]) -> Result<(), BundleError> {
    number(out, part.len())?;
    out.extend_from_slice(part);
    Ok(())
}

/// ASCII only: there it is what Java's modified UTF-8 is.
fn text(out: &mut Vec<u8>, part: &str) -> Result<(), BundleError> {
    let length = u16::try_from(part.len()).map_err(|_| too_long())?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(part.as_bytes());
    Ok(())
}

fn hash(parts: &[&[u8]]) -> [u8; HASH] {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; HASH];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// EncryptedPrivateKeyInfo (RFC 5958 §3): salt, the key under a stream of hashes, a hash of the key.
fn protected(key: &[u8], password: &[u8]) -> Result<Vec<u8>, BundleError> {
    let salt = random::<HASH>()?;
    let mut sealed = salt.to_vec();
    let mut stream = salt;
    for block in key.chunks(HASH) {
        stream = hash(&[password, &stream]);
        sealed.extend(block.iter().zip(stream).map(|(a, b)| a ^ b));
    }
    sealed.extend_from_slice(&hash(&[password, key]));
    let mut octets = der(0x04, &sealed);
    let mut inner = PROTECTOR.to_vec();
    inner.append(&mut octets);
    Ok(der(0x30, &inner))
}

/// Tag, length (X.690 §8.1.3), value.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|b| *b == 0).collect();
    let mut out = vec![tag];
    match (value.len(), significant.len()) {
        (0..=127, _) => out.push(value.len().to_be_bytes()[7]),
        (_, count) => {
            out.push(0x80 | count.to_be_bytes()[7]);
            out.extend(significant);
        }
    }
    out.extend_from_slice(value);
    out
}
