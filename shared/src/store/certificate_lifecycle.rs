//! Certificates deleted, restored, revoked, expired.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    certificate::{
        Certificate, CertificateSource, Lifecycle, RESTORABLE, Revocation, RevocationReason, RevokedBy,
    },
    words::{CertificateId, Timestamp, clip},
};

/// Octets of a CA's refusal that are kept.
const REFUSAL: usize = 1000;

/// What becomes of certificates. Each call is one read and one transaction, on condition that the certificate still
/// is as it was read; against another writer it is tried again.
#[async_trait]
pub trait CertificateLifecycle: Send + Sync {
    /// Deletes it, unless a website uses it ([`StoreError::WrongState`]): it can be restored for [`RESTORABLE`], then
    /// a chore removes it. Deleted already is success.
    async fn delete_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError>;
    /// Takes the deletion back. Not deleted is success.
    async fn restore_certificate(&self, id: CertificateId, now: Timestamp)
    -> Result<Certificate, StoreError>;
    /// Writes the pointers to a certificate by its names ([`Chore::IndexNames`](certmint_core::chore::Chore::IndexNames)).
    /// [`StoreError::NotFound`] if it is gone. A repeat writes the same.
    async fn index_names(&self, id: CertificateId) -> Result<(), StoreError>;
    /// Removes it and its index entries if it was deleted [`RESTORABLE`] ago; a chore for its key is written in the
    /// same transaction. Anything else is left alone; gone already is success.
    async fn remove_certificate(&self, id: CertificateId, now: Timestamp) -> Result<(), StoreError>;
    /// Writes down that a client wants it revoked, with a chore to do it; for
    /// [`KeyCompromise`](RevocationReason::KeyCompromise) also that its key is
    /// [compromised](super::CertificateRelations::is_compromised). Refused ([`StoreError::WrongState`]) is a deleted
    /// one, one that no account ordered unless its own key signs, and that where we have no key. Revoked or asked for
    /// already is success and keeps its reason; after a refusal of the CA it is asked for anew.
    async fn revoke_certificate(
        &self,
        id: CertificateId,
        reason: RevocationReason,
        by: RevokedBy,
        now: Timestamp,
    ) -> Result<Certificate, StoreError>;
    /// Writes down what the CA said to a revocation that is open: done, or why not. `version` may have been replaced
    /// since it was asked for.
    async fn settle_revocation(
        &self,
        id: CertificateId,
        version: u64,
        refusal: Option<&str>,
        now: Timestamp,
    ) -> Result<Certificate, StoreError>;
    /// Moves it to the list of the expired, if its time is over.
    async fn expire_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError>;
}

fn wrong(certificate: &Certificate, state: impl Into<String>, needed: &'static str) -> StoreError {
    StoreError::WrongState {
        kind: "certificate",
        id: certificate.id.to_string(),
        state: state.into(),
        needed,
    }
}

/// What a deletion makes of it, while so many websites use it: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`] if a website uses it.
pub fn deleted(certificate: &Certificate, websites: u64, now: Timestamp) -> Result<Lifecycle, StoreError> {
    let lifecycle = certificate.lifecycle.clone();
    if lifecycle.deleted_at.is_some() {
        return Ok(lifecycle);
    }
    if websites > 0 {
        let state = format!("used by {websites} websites");
        return Err(wrong(certificate, state, "no active binding; unbind it first"));
    }
    Ok(Lifecycle {
        deleted_at: Some(now),
        ..lifecycle
    })
}

/// What a client's wish to revoke makes of it: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`] if it is deleted, or we have not what is to sign.
pub fn revoking(
    certificate: &Certificate,
    reason: RevocationReason,
    by: RevokedBy,
    now: Timestamp,
) -> Result<Lifecycle, StoreError> {
    let lifecycle = certificate.lifecycle.clone();
    if lifecycle.deleted_at.is_some() {
        return Err(wrong(certificate, "deleted", "one that is not; restore it first"));
    }
    let ordered = certificate.source == CertificateSource::Acme && certificate.account_id.is_some();
    if by == RevokedBy::Account && !ordered {
        let needed = "one that was issued through ACME, or by certificateKey";
        return Err(wrong(certificate, "not from an ACME account", needed));
    }
    if by != RevokedBy::Account && !certificate.has_key() {
        let needed = "its key in our vault; revoke it by account";
        return Err(wrong(certificate, "without its private key", needed));
    }
    if lifecycle.revocation.as_ref().is_some_and(|r| r.error.is_none()) {
        return Ok(lifecycle);
    }
    let revocation = Some(Revocation {
        reason,
        by,
        asked_at: now,
        revoked_at: None,
        error: None,
    });
    Ok(Lifecycle {
        revocation,
        ..lifecycle
    })
}

/// What the CA's answer makes of it: for every store the same.
#[must_use]
pub fn settled(certificate: &Certificate, refusal: Option<&str>, now: Timestamp) -> Lifecycle {
    let mut lifecycle = certificate.lifecycle.clone();
    if let Some(revocation) = lifecycle.revocation.as_mut().filter(|r| r.is_open()) {
        match refusal {
            None => revocation.revoked_at = Some(now),
            Some(why) => revocation.error = Some(clip(why, REFUSAL)),
        }
    }
    lifecycle
}

/// Whether it is to be removed for good: for every store the same.
#[must_use]
pub fn is_to_be_removed(certificate: &Certificate, now: Timestamp) -> bool {
    let deleted_at = certificate.lifecycle.deleted_at;
    deleted_at.is_some_and(|at| at.plus(RESTORABLE) <= now)
}
