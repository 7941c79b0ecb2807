//! Certificates with their renewals.

use std::collections::HashMap;

use super::wire::CertificateView;
use crate::{api::error::ApiError, store::RenewalStore};
use certmint_core::{
    certificate::Certificate,
    issuance::Request,
    renewal::{self, Halt, Renewal},
    words::{CertificateId, RequestId, Timestamp},
};

/// A certificate with its renewal and the newest request that renews it.
pub(in crate::api) struct Renewed {
    pub(in crate::api) certificate: Certificate,
    pub(in crate::api) renewal: Renewal,
    pub(in crate::api) request: Option<Request>,
}

impl Renewed {
    /// Whether a request is on its way.
    pub(in crate::api) fn renewing(&self) -> bool {
        self.request.as_ref().is_some_and(|r| !r.status.is_final())
    }

    pub(in crate::api) fn last_error(&self) -> Option<String> {
        let of_request = self.request.as_ref().and_then(|r| r.last_error.clone());
        of_request.or_else(|| self.renewal.last_error.clone())
    }

    /// What keeps it from being renewed by itself. What is not ours to renew needs no reason.
    pub(in crate::api) fn halt(&self) -> Option<Halt> {
        let halt = renewal::halt(&self.renewal, &self.certificate);
        halt.filter(|_| self.renewal.renew_at.is_some())
    }

    /// As a list has it.
    pub(super) fn row(self, pem: bool, now: Timestamp) -> CertificateView {
        self.view(now).for_list(pem)
    }

    pub(super) fn view(self, now: Timestamp) -> CertificateView {
        let (halt, renewing, last_error) = (self.halt(), self.renewing(), self.last_error());
        CertificateView::of(self.certificate, now).renewed_by(self.renewal, halt, renewing, last_error)
    }
}

/// Certificates with their renewals: two batch reads at most.
pub(in crate::api) async fn with_renewals(
    store: &dyn RenewalStore,
    certificates: Vec<Certificate>,
) -> Result<Vec<Renewed>, ApiError> {
    let renewals = store.renewals(&certificates).await?;
    let ids: Vec<RequestId> = renewals.iter().filter_map(|r| r.request_id).collect();
    let requests = store.requests_that_renew(&ids).await?;
    let requests: HashMap<RequestId, Request> = requests.into_iter().map(|r| (r.id, r)).collect();
    let mut known: HashMap<CertificateId, Renewal> =
        renewals.into_iter().map(|r| (r.certificate_id, r)).collect();
    let renewed = certificates.into_iter().map(|certificate| {
        // One that cannot be read hides no certificate; nobody can write over it.
        let renewal = known.remove(&certificate.id).unwrap_or_else(|| Renewal {
            last_error: Some("its renewal cannot be read; see the function's log".into()),
            ..renewal::first(&certificate)
        });
        Renewed {
            request: renewal.request_id.and_then(|id| requests.get(&id).cloned()),
            certificate,
            renewal,
        }
    });
    Ok(renewed.collect())
}
