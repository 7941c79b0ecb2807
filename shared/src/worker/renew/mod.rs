//! Renewals: looks at those that are due, asks their CA, and makes the requests.

mod looks;
mod replace;

use std::{sync::Arc, time::Duration};

use self::looks::Looks;
pub(super) use self::replace::{keep, replaced_by};
use super::{accounts::Accounts, health::Health, report::Done, settings::WorkerSettings};
use crate::{
    acme::Ca,
    clock::Timer,
    denials::Denials,
    renewal_request::RenewalRequests,
    store::{CertificateStore, RenewalStore, StoreError},
};
use certmint_core::{
    certificate::Certificate,
    issuance::MAX_ATTEMPTS,
    renewal::Renewal,
    words::{NameSet, Timestamp},
};

/// Looks begin within this time of a pass.
const BUDGET: Duration = Duration::from_secs(30);

/// Begins the renewals that are due.
pub(super) struct Renewals {
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) renewals: Arc<dyn RenewalStore>,
    pub(super) requests: RenewalRequests,
    pub(super) ca: Arc<dyn Ca>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) health: Arc<Health>,
    pub(super) clock: Arc<dyn Timer>,
    pub(super) settings: WorkerSettings,
    pub(super) denials: Arc<Denials>,
}

impl Renewals {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks at what is due, a bounded number a pass, and makes the requests that are called for; the pass goes on
    /// with them. An error of one stays with that one. What a CA that is silent keeps from being looked at stays due, and
    /// takes up the turn of no other.
    pub(super) async fn run(&self, stop_at: Timestamp) -> Done {
        Looks::new(self, stop_at.min(self.now().plus(BUDGET))).run().await
    }

    async fn begin(&self, renewal: &Renewal, certificate: &Certificate) -> Result<bool, StoreError> {
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
