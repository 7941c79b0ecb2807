//! What the order of a renewal replaces, and where its certificate goes.

use crate::{
    ca::certificate_id,
    store::{CertificateStore, RenewalStore, StoreError},
};
use certmint_core::{
    certificate::{Certificate, RenewAs},
    issuance::Request,
    words::{Failure, Timestamp},
};

/// What an order replaces.
pub(in crate::worker) struct Replaced {
    /// The certificate's identifier (RFC 9773 §4.1).
    pub(in crate::worker) identifier: String,
    /// Whether the CA's window for it is open.
    pub(in crate::worker) in_window: bool,
}

/// What the order of a renewal replaces. Only the account that has a certificate may replace it (RFC 9773 §5).
pub(in crate::worker) async fn replaced_by(
    certificates: &dyn CertificateStore,
    renewals: &dyn RenewalStore,
    request: &Request,
    now: Timestamp,
) -> Result<Option<Replaced>, Failure> {
    let Some(id) = request.renews else {
        return Ok(None);
    };
    let certificate = match certificates.certificate(id).await {
        Ok(certificate) => certificate,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if certificate.account_id != Some(request.account()) {
        return Ok(None);
    }
    let mut renewals = renewals.renewals(std::slice::from_ref(&certificate)).await?;
    let window = renewals.pop().and_then(|r| r.window);
    Ok(certificate_id(&certificate.cert_pem).map(|identifier| Replaced {
        identifier,
        in_window: window.is_some_and(|w| w.start <= now),
    }))
}

/// Records a certificate: in the place of the one that the request renews or as its successor, if that still exists.
pub(in crate::worker) async fn keep(
    certificates: &dyn CertificateStore,
    renewals: &dyn RenewalStore,
    request: &Request,
    certificate: Certificate,
) -> Result<Certificate, StoreError> {
    let fence = (request.id, request.lease.fence);
    let Some(id) = request.renews else {
        return certificates.record_certificate(certificate, Some(request)).await;
    };
    let kept = match request.renew_as {
        RenewAs::New => renewals.succeed_certificate(id, certificate.clone(), fence).await,
        RenewAs::Replace => {
            let in_place = Certificate {
                id,
                ..certificate.clone()
            };
            renewals.replace_certificate(in_place, fence).await
        }
    };
    match kept {
        Err(StoreError::NotFound {
            kind: "certificate", ..
        }) => certificates.record_certificate(certificate, Some(request)).await,
        answer => answer,
    }
}
