//! Signatures on certificates and CSRs: what public and private CAs use is verified, the rest is named.

use aws_lc_rs::signature::{self as aws, RsaPssSaltLength, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::{
    asn1_rs::{BitString, Oid, oid},
    public_key::PublicKey,
    signature_algorithm::RsaSsaPssParams,
    x509::{AlgorithmIdentifier, SubjectPublicKeyInfo},
};

/// Why a signature does not stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum SignatureError {
    /// It is not by this key, or not on this.
    #[error("the signature is wrong")]
    Wrong,
    /// We cannot tell: another kind of signature, key or parameters.
    #[error("{0} cannot be verified here")]
    Unsupported(String),
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// How a signature is made.
enum Scheme {
    Ecdsa(Hash),
    RsaPkcs1(Hash),
    RsaPss(Hash, u16),
    Ed25519,
}

/// A curve of a public key.
#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

// RFC 5758 §3.2, RFC 8017 appendix C, RFC 8410 §3, RFC 3279 §2.2.
const ECDSA: [(Oid<'static>, Hash); 4] = [
    (oid!(1.2.840.10045.4.1), Hash::Sha1),
    (oid!(1.2.840.10045.4.3.2), Hash::Sha256),
    (oid!(1.2.840.10045.4.3.3), Hash::Sha384),
    (oid!(1.2.840.10045.4.3.4), Hash::Sha512),
];
const RSA_PKCS1: [(Oid<'static>, Hash); 4] = [
    (oid!(1.2.840.113549.1.1.5), Hash::Sha1),
    (oid!(1.2.840.113549.1.1.11), Hash::Sha256),
    (oid!(1.2.840.113549.1.1.12), Hash::Sha384),
    (oid!(1.2.840.113549.1.1.13), Hash::Sha512),
];
const RSA_PSS: Oid<'static> = oid!(1.2.840.113549.1.1.10);
const MGF1: Oid<'static> = oid!(1.2.840.113549.1.1.8);
const ED25519: Oid<'static> = oid!(1.3.101.112);
/// RFC 8017 appendix B.1.
const HASHES: [(Oid<'static>, Hash); 4] = [
    (oid!(1.3.14.3.2.26), Hash::Sha1),
    (oid!(2.16.840.1.101.3.4.2.1), Hash::Sha256),
    (oid!(2.16.840.1.101.3.4.2.2), Hash::Sha384),
    (oid!(2.16.840.1.101.3.4.2.3), Hash::Sha512),
];
/// RFC 5480 §2.1.1.1.
const CURVES: [(Oid<'static>, Curve); 3] = [
    (oid!(1.2.840.10045.3.1.7), Curve::P256),
    (oid!(1.3.132.0.34), Curve::P384),
    (oid!(1.3.132.0.35), Curve::P521),
];
/// Others that people meet, for their names (RFC 3279 §2.2, RFC 8410 §3, RFC 9881 §2).
const NAMED: [(Oid<'static>, &str); 8] = [
    (oid!(1.2.840.113549.1.1.4), "md5WithRSAEncryption"),
    (oid!(1.2.840.113549.1.1.14), "sha224WithRSAEncryption"),
    (oid!(1.2.840.10045.4.3.1), "ecdsa-with-SHA224"),
    (oid!(1.2.840.10040.4.3), "dsa-with-sha1"),
    (oid!(1.3.101.113), "Ed448"),
    (oid!(2.16.840.1.101.3.4.3.17), "ML-DSA-44"),
    (oid!(2.16.840.1.101.3.4.3.18), "ML-DSA-65"),
    (oid!(2.16.840.1.101.3.4.3.19), "ML-DSA-87"),
];

fn find<T: Copy, const N: usize>(table: &[(Oid<'static>, T); N], oid: &Oid<'_>) -> Option<T> {
    table
        .iter()
        .find(|(known, _)| known == oid)
        .map(|(_, found)| *found)
}

fn unsupported(what: impl Into<String>) -> SignatureError {
    SignatureError::Unsupported(what.into())
}

/// Checks a signature on `signed`.
///
/// # Errors
/// [`SignatureError`].
pub(super) fn verify(
    algorithm: &AlgorithmIdentifier<'_>,
    key: &SubjectPublicKeyInfo<'_>,
    signature: &BitString<'_>,
    signed: &[u8],
) -> Result<(), SignatureError> {
    let scheme = scheme_of(algorithm)?;
    let with = |algorithm: &'static dyn VerificationAlgorithm| {
        UnparsedPublicKey::new(algorithm, &key.subject_public_key.data)
            .verify(signed, &signature.data)
            .map_err(|_| SignatureError::Wrong)
    };
    match scheme {
        Scheme::Ed25519 => with(&aws::ED25519),
        Scheme::RsaPkcs1(_) | Scheme::RsaPss(..) if !is_usual_rsa(key, &scheme) => {
            Err(unsupported("RSA by a key of that size"))
        }
        Scheme::RsaPkcs1(hash) => with(match hash {
            Hash::Sha1 => &aws::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Hash::Sha384 => &aws::RSA_PKCS1_2048_8192_SHA384,
            Hash::Sha512 => &aws::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        }),
        Scheme::RsaPss(hash, salt) => {
            let parameters = match hash {
                Hash::Sha1 => return Err(unsupported("RSASSA-PSS with SHA-1")),
                Hash::Sha256 => aws::RSA_PSS_2048_8192_SHA256,
                Hash::Sha384 => aws::RSA_PSS_2048_8192_SHA384,
                Hash::Sha512 => aws::RSA_PSS_2048_8192_SHA512,
            };
            let parameters = parameters.with_pss_salt_length(RsaPssSaltLength::Custom(salt));
            parameters
                .verify_sig(&key.subject_public_key.data, signed, &signature.data)
                .map_err(|_| SignatureError::Wrong)
        }
        Scheme::Ecdsa(hash) => {
            let curve = curve_of(key)?;
            with(match (curve, hash) {
                (Curve::P256, Hash::Sha1) => &aws::ECDSA_P256_SHA1_ASN1,
                (Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
                (Curve::P256, Hash::Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
                (Curve::P256, Hash::Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
                (Curve::P384, Hash::Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
                (Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
                (Curve::P384, Hash::Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
                (Curve::P384, Hash::Sha1) => return Err(unsupported("ecdsa-with-SHA1 by a key on P-384")),
                (Curve::P521, Hash::Sha1) => &aws::ECDSA_P521_SHA1_ASN1,
                (Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
                (Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
                (Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
            })
        }
    }
}

/// Whether the key has a size that the library verifies; another one says nothing of the signature.
fn is_usual_rsa(key: &SubjectPublicKeyInfo<'_>, scheme: &Scheme) -> bool {
    let least = match scheme {
        Scheme::RsaPss(..) | Scheme::RsaPkcs1(Hash::Sha384) => 2048,
        _ => 1024,
    };
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => (least..=8192).contains(&rsa.key_size()),
        // Another kind of key made no such signature.
        _ => true,
    }
}

/// The algorithm's name if its hash is one that no client trusts any more (CA/B Forum Baseline Requirements §7.1.3.2).
#[must_use]
pub(super) fn weakness(algorithm: &AlgorithmIdentifier<'_>) -> Option<&'static str> {
    match scheme_of(algorithm) {
        Ok(Scheme::RsaPkcs1(Hash::Sha1)) => Some("sha1WithRSAEncryption"),
        Ok(Scheme::Ecdsa(Hash::Sha1)) => Some("ecdsa-with-SHA1"),
        Ok(Scheme::RsaPss(Hash::Sha1, _)) => Some("RSASSA-PSS with SHA-1"),
        _ => None,
    }
}

fn scheme_of(algorithm: &AlgorithmIdentifier<'_>) -> Result<Scheme, SignatureError> {
    let oid = &algorithm.algorithm;
    if let Some(hash) = find(&ECDSA, oid) {
        return Ok(Scheme::Ecdsa(hash));
    }
    if let Some(hash) = find(&RSA_PKCS1, oid) {
        return Ok(Scheme::RsaPkcs1(hash));
    }
    if *oid == ED25519 {
        return Ok(Scheme::Ed25519);
    }
    if *oid != RSA_PSS {
        let name = find(&NAMED, oid).map(str::to_owned);
        return Err(unsupported(
            name.unwrap_or_else(|| format!("the signature algorithm {oid}")),
        ));
    }
    pss(algorithm)
}

/// RFC 4055 §3.1.
fn pss(algorithm: &AlgorithmIdentifier<'_>) -> Result<Scheme, SignatureError> {
    let parameters = algorithm.parameters.as_ref();
    let parameters = parameters.and_then(|any| RsaSsaPssParams::try_from(any).ok());
    let parameters = parameters.ok_or_else(|| unsupported("RSASSA-PSS without readable parameters"))?;
    let hash_oid = parameters.hash_algorithm_oid();
    let hash = find(&HASHES, hash_oid);
    let hash = hash.ok_or_else(|| unsupported(format!("RSASSA-PSS with the hash {hash_oid}")))?;
    let mask = parameters.mask_gen_algorithm();
    let mask = mask.map_err(|_| unsupported("RSASSA-PSS without a readable mask generation function"))?;
    if mask.mgf != MGF1 || find(&HASHES, &mask.hash) != Some(hash) {
        return Err(unsupported(
            "RSASSA-PSS whose mask is not MGF1 with the hash of the signature",
        ));
    }
    if parameters.trailer_field() != 1 {
        return Err(unsupported("RSASSA-PSS with another trailer field than 1"));
    }
    let salt = u16::try_from(parameters.salt_length());
    let salt = salt.map_err(|_| unsupported("RSASSA-PSS with so long a salt"))?;
    Ok(Scheme::RsaPss(hash, salt))
}

fn curve_of(key: &SubjectPublicKeyInfo<'_>) -> Result<Curve, SignatureError> {
    let parameters = key.algorithm.parameters.as_ref();
    let oid = parameters.and_then(|any| any.as_oid().ok());
    let oid = oid.ok_or_else(|| unsupported("ECDSA by a key without a named curve"))?;
    find(&CURVES, &oid).ok_or_else(|| unsupported(format!("ECDSA by a key on the curve {oid}")))
}
