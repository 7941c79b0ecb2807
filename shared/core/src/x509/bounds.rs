//! How much a chain may hold. It was written by others: its parts are counted before any of them is compared with another.
//!
//! Whoever compares them afterwards does so in one sorted pass all the same; the bounds keep what is left small.

use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralSubtree, NameConstraints},
    x509::X509Name,
};

/// Certificates of a chain. NSS, which has the lowest bound of what browsers use, takes as many (`CERT_MAX_CERT_CHAIN`).
const MOST_CERTIFICATES: usize = 20;
/// Names of a certificate. CAs put up to a hundred into one.
const MOST_NAMES: usize = 1_000;
/// Attributes of a distinguished name, in all its parts together. Names that people use have less than ten.
const MOST_ATTRIBUTES: usize = 100;
/// Octets of a distinguished name, which messages show. RFC 5280 appendix A.1 has upper bounds of 64 for most attributes.
const MOST_OCTETS: usize = 8 * 1024;
/// Subtrees of a CA's name constraints, permitted and excluded ones together.
const MOST_SUBTREES: usize = 1_000;

/// More than is looked at, in words without a subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{whose} has {found} {what}; at most {most} are taken")]
pub(super) struct TooMuch {
    whose: String,
    what: &'static str,
    found: usize,
    most: usize,
}

fn at_most(whose: &str, what: &'static str, found: usize, most: usize) -> Result<(), TooMuch> {
    match found <= most {
        true => Ok(()),
        false => Err(TooMuch {
            whose: whose.to_owned(),
            what,
            found,
            most,
        }),
    }
}

/// How many certificates there are, before any of them is read.
pub(super) fn check_count(certificates: usize) -> Result<(), TooMuch> {
    at_most("it", "certificates", certificates, MOST_CERTIFICATES)
}

/// What one certificate holds, which stands in the chain at this place. An extension that cannot be read is nobody's work.
pub(super) fn check(certificate: &X509Certificate<'_>, place: usize) -> Result<(), TooMuch> {
    let whose = match place {
        0 => "it".to_owned(),
        place => format!("certificate {} of the chain", place + 1),
    };
    for (name, attributes, octets) in [
        (
            certificate.issuer(),
            "attributes in its issuer's name",
            "octets in its issuer's name",
        ),
        (
            certificate.subject(),
            "attributes in its subject",
            "octets in its subject",
        ),
    ] {
        at_most(&whose, attributes, attributes_of(name), MOST_ATTRIBUTES)?;
        at_most(&whose, octets, name.as_raw().len(), MOST_OCTETS)?;
    }
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        at_most(&whose, "names", names.value.general_names.len(), MOST_NAMES)?;
    }
    if let Ok(Some(constraints)) = certificate.name_constraints() {
        let (permitted, excluded) = subtrees(constraints.value);
        let found = permitted.len() + excluded.len();
        at_most(&whose, "subtrees in its nameConstraints", found, MOST_SUBTREES)?;
    }
    Ok(())
}

fn attributes_of(name: &X509Name<'_>) -> usize {
    name.iter_attributes().count()
}

/// The permitted and the excluded ones.
pub(super) fn subtrees<'a, 'c>(
    constraints: &'a NameConstraints<'c>,
) -> (&'a [GeneralSubtree<'c>], &'a [GeneralSubtree<'c>]) {
    let of = |trees: &'a Option<Vec<GeneralSubtree<'c>>>| trees.as_deref().unwrap_or_default();
    (
        of(&constraints.permitted_subtrees),
        of(&constraints.excluded_subtrees),
    )
}
