//! What begins a renewal: the request that a certificate's schedule calls for.

use std::sync::Arc;

use crate::{
    acme::Ca,
    clock::Timer,
    denials::Denials,
    renewal_request::RenewalRequests,
    store::{CertificateStore, RenewalStore, StoreError},
    worker::{accounts::Accounts, health::Health, settings::WorkerSettings},
};
use certmint_core::{
    certificate::Certificate,
    issuance::MAX_ATTEMPTS,
    renewal::Renewal,
    words::{NameSet, Timestamp},
};

/// Begins the renewals that are due.
pub(in crate::worker) struct Renewals {
    pub(in crate::worker) certificates: Arc<dyn CertificateStore>,
    pub(in crate::worker) renewals: Arc<dyn RenewalStore>,
    pub(in crate::worker) requests: RenewalRequests,
    pub(in crate::worker) ca: Arc<dyn Ca>,
    pub(in crate::worker) accounts: Arc<Accounts>,
    pub(in crate::worker) health: Arc<Health>,
    pub(in crate::worker) clock: Arc<dyn Timer>,
    pub(in crate::worker) settings: WorkerSettings,
    pub(in crate::worker) denials: Arc<Denials>,
}

impl Renewals {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn begin(
        &self,
        renewal: &Renewal,
        certificate: &Certificate,
    ) -> Result<bool, StoreError> {
        let (Some(account_id), Ok(names)) = (
            certificate.account_id,
            NameSet::try_from(certificate.names.clone()),
        ) else {
            return Ok(false);
        };
        let requests = &self.requests;
        let new = match requests.of(certificate, renewal.terms, account_id, names).await {
            Ok(new) => new,
            Err(error @ StoreError::WrongState { .. }) => {
                let given_up = Renewal {
                    look_at: None,
                    last_error: Some(error.to_string()),
                    updated_at: self.now(),
                    ..renewal.clone()
                };
                return self.renewals.save_renewal(&given_up).await.map(|_| false);
            }
            Err(error) => return Err(error),
        };
        let started = self
            .renewals
            .start_renewal(renewal, new, MAX_ATTEMPTS, self.now());
        let request = started.await?;
        tracing::info!(
            certificate_id = certificate.id.get(),
            request_id = request.id.get(),
            "renewal begun"
        );
        Ok(true)
    }
}
