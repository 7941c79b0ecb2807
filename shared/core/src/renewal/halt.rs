//! What keeps a certificate from being renewed by itself, whatever its mode.

use std::time::Duration;

use super::renewal::Renewal;
use crate::{
    certificate::{Certificate, CertificateStatus, Revocation},
    words::{CertificateId, Timestamp},
};

/// A revocation is answered within minutes, as long as its CA can be reached.
const ANSWERED: Duration = Duration::from_secs(60 * 60);
/// A deleted certificate may be restored.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why it is not renewed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Another certificate was made in its stead.
    Succeeded(CertificateId),
    /// A client deleted it.
    Deleted,
    /// Who has it revoked does not want it any more; the CA has not answered yet.
    Revoking,
    /// The CA revoked it.
    Revoked,
}

impl Halt {
    /// The same for a person, with what to do.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Self::Succeeded(id) => format!("renewed as certificate {id}, which is renewed from now on"),
            Self::Deleted => "deleted; restore it first".into(),
            Self::Revoking => "its revocation is under way; trigger or enable-auto renews it".into(),
            Self::Revoked => "revoked; trigger or enable-auto renews it".into(),
        }
    }
}

/// A revocation that stands: done, or not answered yet. One that the CA refused changes nothing.
fn stands(certificate: &Certificate) -> Option<&Revocation> {
    let revocation = certificate.lifecycle.revocation.as_ref();
    revocation.filter(|r| r.error.is_none())
}

/// Whether it can be used now and is wanted: who asks for its names again gets it. One that a client gave up, be it that
/// the CA has not answered, or that somebody else may have its key, is not.
#[must_use]
pub fn serves(renewal: &Renewal, certificate: &Certificate, now: Timestamp) -> bool {
    certificate.status(now) == CertificateStatus::Issued
        && renewal.succeeded_by.is_none()
        && stands(certificate).is_none()
        && !certificate.is_compromised()
}

/// What keeps it from being renewed; a client may want it renewed in spite of its revocation ([`wanted`]).
#[must_use]
pub fn halt(renewal: &Renewal, certificate: &Certificate) -> Option<Halt> {
    if let Some(id) = renewal.succeeded_by {
        return Some(Halt::Succeeded(id));
    }
    if certificate.lifecycle.deleted_at.is_some() {
        return Some(Halt::Deleted);
    }
    let revocation = stands(certificate).filter(|r| renewal.despite != Some(r.asked_at))?;
    Some(match revocation.is_open() {
        true => Halt::Revoking,
        false => Halt::Revoked,
    })
}

/// The renewal as a look leaves it that found it halted: what may change by itself is looked at again.
#[must_use]
pub fn halted(renewal: &Renewal, halt: Halt, now: Timestamp) -> Renewal {
    Renewal {
        look_at: match halt {
            Halt::Succeeded(_) | Halt::Revoked => None,
            Halt::Deleted => Some(now.plus(DAY)),
            Halt::Revoking => Some(now.plus(ANSWERED)),
        },
        updated_at: now,
        ..renewal.clone()
    }
}

/// The same for a certificate that a client wants renewed: if it is revoked, in spite of that and at once.
#[must_use]
pub fn wanted(renewal: &Renewal, certificate: &Certificate, now: Timestamp) -> Renewal {
    match stands(certificate) {
        Some(revocation) if renewal.despite != Some(revocation.asked_at) => Renewal {
            despite: Some(revocation.asked_at),
            renew_at: renewal.renew_at.map(|_| now),
            ..renewal.clone()
        },
        _ => renewal.clone(),
    }
}
