//! A CSR's DER (RFC 2986 §4) in its parts. Attributes are other people's words to their CA, such as a challengePassword in
//! whatever kind of string: only the one that asks for extensions is read.

use std::collections::BTreeSet;

use x509_parser::{
    asn1_rs::{Any, BitString, Class, Oid, Tag},
    cri_attributes::ExtensionRequest,
    extensions::X509Extension,
    oid_registry::OID_PKCS9_EXTENSION_REQUEST,
    prelude::FromDer,
    x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name},
};

use super::csr_error::CsrError;

/// CertificationRequest.
pub(super) struct Parts<'a> {
    /// CertificationRequestInfo: what is signed.
    pub(super) signed: &'a [u8],
    pub(super) subject: X509Name<'a>,
    pub(super) key: SubjectPublicKeyInfo<'a>,
    /// Those that are asked for.
    pub(super) extensions: Vec<X509Extension<'a>>,
    pub(super) algorithm: AlgorithmIdentifier<'a>,
    pub(super) signature: BitString<'a>,
}

/// One value, and what is behind it.
type Read<'a, T> = Result<(&'a [u8], T), CsrError>;

fn read<'a, T, E>(from: &'a [u8]) -> Read<'a, T>
where
    T: FromDer<'a, E>,
{
    T::from_der(from).map_err(|_| CsrError::Syntax)
}

/// The contents of a value with this tag.
fn within(from: &[u8], tag: Tag) -> Read<'_, &[u8]> {
    let (rest, any) = read::<Any<'_>, _>(from)?;
    match any.class() == Class::Universal && any.tag() == tag {
        true => Ok((rest, any.data)),
        false => Err(CsrError::Syntax),
    }
}

impl<'a> Parts<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, CsrError> {
        let (behind, request) = within(der, Tag::Sequence)?;
        if !behind.is_empty() {
            return Err(CsrError::Rest(behind.len()));
        }
        let (rest, info) = within(request, Tag::Sequence)?;
        let signed = request.get(..request.len() - rest.len()).unwrap_or_default();
        let (rest, algorithm) = read(rest)?;
        let (rest, signature) = read(rest)?;
        let (info, _version) = within(info, Tag::Integer)?;
        let (info, subject) = read(info)?;
        let (attributes, key) = read(info)?;
        match rest.is_empty() {
            true => Ok(Self {
                signed,
                subject,
                key,
                extensions: extensions(attributes)?,
                algorithm,
                signature,
            }),
            false => Err(CsrError::Syntax),
        }
    }
}

/// What the attributes ask for. Some tools leave the field out where it is empty.
fn extensions(field: &[u8]) -> Result<Vec<X509Extension<'_>>, CsrError> {
    if field.is_empty() {
        return Ok(vec![]);
    }
    let (rest, field) = read::<Any<'_>, _>(field)?;
    if !rest.is_empty() || field.class() != Class::ContextSpecific || field.tag() != Tag(0) {
        return Err(CsrError::Syntax);
    }
    let (mut attributes, mut found) = (field.data, Vec::new());
    while !attributes.is_empty() {
        let (rest, attribute) = read::<Any<'_>, _>(attributes)?;
        attributes = rest;
        let values = match read::<Oid<'_>, _>(attribute.data) {
            Ok((values, kind)) if kind == OID_PKCS9_EXTENSION_REQUEST => values,
            _ => continue,
        };
        let unreadable = || CsrError::Unreadable("request for extensions");
        let (behind, mut values) = within(values, Tag::Set).map_err(|_| unreadable())?;
        if !behind.is_empty() {
            return Err(unreadable());
        }
        while !values.is_empty() {
            let (more, requested) = ExtensionRequest::from_der(values).map_err(|_| unreadable())?;
            found.extend(requested.extensions);
            values = more;
        }
    }
    let mut seen = BTreeSet::new();
    match found
        .iter()
        .map(|e| e.oid.to_id_string())
        .find(|oid| !seen.insert(oid.clone()))
    {
        Some(oid) => Err(CsrError::Twice(oid)),
        None => Ok(found),
    }
}
