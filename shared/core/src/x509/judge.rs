//! A chain as a TLS client would judge it (RFC 5280 §6). Order and signatures are [`chain`](super::chain)'s matter.

use x509_parser::certificate::X509Certificate;

use super::{certificate::moment, distinguished_name, name_constraints::Allowed, signature::weakness};
use crate::words::Timestamp;

/// What a client may have against a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Every client refuses it.
    Refused(String),
    /// Some clients refuse it, or we cannot tell; a private CA may mean it so.
    Warning(String),
}

/// What clients have against a chain that is in order, its first certificate being a website's.
pub(super) fn concerns(chain: &[X509Certificate<'_>], dns_names: &[String], now: Timestamp) -> Vec<Concern> {
    let Some((leaf, issuers)) = chain.split_first() else {
        return vec![];
    };
    let mut found = of_leaf(leaf);
    if is_alone(chain) {
        found.push(of_self_signed(leaf));
    }
    // One that only carries its issuer's new key does not count (RFC 5280 §4.2.1.9).
    let mut below = 0;
    for issuer in issuers {
        found.extend(of_issuer(issuer, below, dns_names, now));
        below += usize::from(!is_anchor(issuer));
    }
    // Nobody checks how an anchor is signed.
    found.extend(chain.iter().filter(|c| !is_anchor(c)).filter_map(|certificate| {
        let algorithm = weakness(&certificate.signature_algorithm)?;
        let subject = certificate.subject();
        Some(Concern::Warning(format!(
            "{subject} is signed with {algorithm}, which clients no longer accept"
        )))
    }));
    found
}

/// Whether it names itself as its issuer: a client has it, or not, and does not judge it by the chain.
pub(super) fn is_anchor(certificate: &X509Certificate<'_>) -> bool {
    distinguished_name::same(certificate.issuer(), certificate.subject())
}

/// Whether it is a single certificate that names itself as its issuer, as `openssl req -x509` makes them: a website's own,
/// also where it calls itself a CA.
pub(super) fn is_alone(chain: &[X509Certificate<'_>]) -> bool {
    matches!(chain, [only] if is_anchor(only))
}

fn of_self_signed(certificate: &X509Certificate<'_>) -> Concern {
    let trust = "it is its own issuer: only clients that were told to trust it accept it";
    Concern::Warning(match certificate.is_ca() {
        true => format!("{trust}, and they then accept whatever else its key signs (CA:TRUE)"),
        false => trust.to_owned(),
    })
}

fn of_leaf(leaf: &X509Certificate<'_>) -> Vec<Concern> {
    let mut found = Vec::new();
    match leaf.extended_key_usage() {
        Ok(Some(usage)) if !usage.value.any && !usage.value.server_auth => found.push(Concern::Refused(
            "its extended key usage does not allow TLS servers (serverAuth)".into(),
        )),
        Ok(_) => {}
        Err(_) => found.push(unreadable("its extended key usage")),
    }
    match leaf.key_usage() {
        Ok(Some(usage)) if !usage.value.digital_signature() => {
            found.push(Concern::Warning(
                "its key usage has no digitalSignature, which TLS 1.3 needs".into(),
            ));
        }
        Ok(_) => {}
        Err(_) => found.push(unreadable("its key usage")),
    }
    found
}

fn unreadable(what: &str) -> Concern {
    Concern::Warning(format!("{what} cannot be read, so it was not checked"))
}

/// `below`: how many issuers stand between it and the website's certificate.
fn of_issuer(
    issuer: &X509Certificate<'_>,
    below: usize,
    dns_names: &[String],
    now: Timestamp,
) -> Vec<Concern> {
    let mut found = Vec::new();
    let subject = issuer.subject();
    let refused = |why: String| Concern::Refused(format!("the issuer {subject} {why}"));
    let warning = |why: String| Concern::Warning(format!("the issuer {subject} {why}"));
    match issuer.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca => {
            let most = constraints.value.path_len_constraint;
            if most.is_some_and(|most| below > most as usize) {
                found.push(refused(format!(
                    "allows {} issuers below it (pathLenConstraint), and there are {below}",
                    most.unwrap_or_default()
                )));
            }
        }
        // Roots of version 1 have no extensions.
        Ok(None) if is_anchor(issuer) && issuer.version().0 == 0 => {}
        Ok(_) => found.push(refused("is no CA (basicConstraints)".into())),
        Err(_) => found.push(unreadable(&format!("whether the issuer {subject} is a CA"))),
    }
    match issuer.key_usage() {
        Ok(Some(usage)) if !usage.value.key_cert_sign() => {
            found.push(refused("may not sign certificates (keyUsage)".into()));
        }
        Ok(_) => {}
        Err(_) => found.push(unreadable(&format!("the key usage of the issuer {subject}"))),
    }
    let (from, until) = (
        moment(issuer.validity().not_before),
        moment(issuer.validity().not_after),
    );
    if until <= now || from > now {
        let text = format!("is valid from {from} to {until}, and now is {now}");
        found.push(match is_anchor(issuer) {
            true => warning(text),
            false => refused(text),
        });
    }
    match issuer.extended_key_usage() {
        Ok(Some(usage)) if !usage.value.any && !usage.value.server_auth => {
            found.push(warning(
                "has an extended key usage without TLS servers (serverAuth), which browsers refuse".into(),
            ));
        }
        _ => {}
    }
    match issuer.name_constraints() {
        Ok(Some(constraints)) => {
            let allowed = Allowed::new(constraints.value);
            let not_allowed = dns_names.iter().find(|name| !allowed.allows(name));
            found.extend(
                not_allowed.map(|name| refused(format!("may not issue for {name} (nameConstraints)"))),
            );
        }
        Ok(None) => {}
        Err(_) => found.push(unreadable(&format!(
            "the name constraints of the issuer {subject}"
        ))),
    }
    found
}
