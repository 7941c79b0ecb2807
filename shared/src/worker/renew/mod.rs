//! Renewals: looks at those that are due, asks their CA, and makes the requests.

mod replace;

use std::sync::Arc;

use futures::{StreamExt, stream};

pub(super) use self::replace::{keep, replaced_by};
use super::{accounts::Accounts, health::Health, report::Done, settings::WorkerSettings};
use crate::{
    acme::{Ca, certificate_id},
    denials::Denials,
    renewal_request::RenewalRequests,
    store::{CertificateStore, RenewalStore, StoreError},
};
use certmint_core::{
    certificate::Certificate,
    clock::Clock,
    issuance::MAX_ATTEMPTS,
    renewal::{self, Decision, Renewal, RenewalInfo},
    words::{CertificateId, Failure, NameSet, Timestamp},
};

/// Begins the renewals that are due.
pub(super) struct Renewals {
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) renewals: Arc<dyn RenewalStore>,
    pub(super) requests: RenewalRequests,
    pub(super) ca: Arc<dyn Ca>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) health: Arc<Health>,
    pub(super) denials: Arc<Denials>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: WorkerSettings,
}

impl Renewals {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks at what is due, a bounded number a pass, and makes the requests that are called for; the pass goes on
    /// with them. An error of one stays with that one.
    pub(super) async fn run(&self, stop_at: Timestamp) -> Done {
        let mut done = Done::default();
        let due = match self
            .renewals
            .due_renewals(self.now(), self.settings.renewals)
            .await
        {
            Ok(due) => due,
            Err(error) => {
                done.errors.note("due renewals", &error);
                return done;
            }
        };
        let looks = due.into_iter().map(|id| async move {
            if self.now() >= stop_at {
                return false;
            }
            self.look_at(id).await.unwrap_or_else(|error| {
                // Written or begun by another worker, or the table is away: it is still due, or no longer.
                tracing::warn!(certificate_id = id.get(), %error, "renewal not looked at");
                self.denials.note(&error.into());
                false
            })
        });
        done.count = stream::iter(looks)
            .buffer_unordered(self.settings.parallelism)
            .filter(|begun| futures::future::ready(*begun))
            .count()
            .await;
        done
    }

    /// Whether a request was made.
    async fn look_at(&self, id: CertificateId) -> Result<bool, StoreError> {
        let store = &self.renewals;
        let certificate = match self.certificates.certificate(id).await {
            Ok(certificate) => certificate,
            Err(StoreError::NotFound { .. }) => {
                store.forget_renewal(id).await?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let Some(renewal) = store.renewals(std::slice::from_ref(&certificate)).await?.pop() else {
            return Ok(false);
        };
        let now = self.now();
        // The index lags: somebody looked already.
        if renewal.look_at.is_none_or(|at| at > now) {
            return Ok(false);
        }
        if let Some(halt) = renewal::halt(&renewal, &certificate) {
            let halted = renewal::halted(&renewal, halt, now);
            tracing::info!(certificate_id = id.get(), why = halt.reason(), "not renewed");
            return store.save_renewal(&halted).await.map(|_| false);
        }
        let ids: Vec<_> = renewal.request_id.into_iter().collect();
        let request = store.requests_that_renew(&ids).await?.pop();
        match renewal::decide(&renewal, request.as_ref(), now) {
            Decision::Keep(renewal) => store.save_renewal(&renewal).await.map(|_| false),
            Decision::Renew => self.begin(&renewal, &certificate).await,
            Decision::Ask => {
                let asked = self.ask(&renewal, &certificate).await;
                let moved = asked.renew_at.is_some_and(|at| at <= now);
                let stored = store.save_renewal(&asked).await?;
                if moved {
                    return self.begin(&stored, &certificate).await;
                }
                Ok(false)
            }
        }
    }

    /// The schedule with what the CA says now.
    async fn ask(&self, renewal: &Renewal, certificate: &Certificate) -> Renewal {
        let now = self.now();
        match self.renewal_info(certificate).await {
            Ok(info) => {
                let after = renewal::after_answer(renewal, certificate, info.as_ref(), now);
                if after.renew_at != renewal.renew_at {
                    tracing::info!(
                        certificate_id = certificate.id.get(),
                        renew_at = after.renew_at.map(|at| at.to_string()),
                        explanation = after.explanation_url,
                        "the CA suggests another time to renew"
                    );
                }
                after
            }
            Err((until, why)) => {
                tracing::warn!(
                    certificate_id = certificate.id.get(),
                    why,
                    "no renewal information"
                );
                renewal::failed_look(renewal, until, now)
            }
        }
    }

    /// The CA's answer; else when to try again, if that is known, and why.
    async fn renewal_info(
        &self,
        certificate: &Certificate,
    ) -> Result<Option<RenewalInfo>, (Option<Timestamp>, String)> {
        let unknown = |failure: Failure| (None, failure.problem.detail);
        let Some(account) = certificate.account_id else {
            return Ok(None);
        };
        let Some(identifier) = certificate_id(&certificate.cert_pem) else {
            return Ok(None);
        };
        let provider = self.accounts.provider(account).await.map_err(unknown)?;
        if let Some((until, reason)) = self.health.hold(provider, self.now()).await {
            return Err((Some(until), reason));
        }
        let directory = &provider.directory_url;
        let answer = self.ca.renewal_info(directory, &identifier).await;
        if let Err(failure) = &answer
            && failure.is_outage()
        {
            let detail = &failure.problem.detail;
            self.health.away(provider, detail, self.now()).await;
        }
        answer.map_err(unknown)
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
