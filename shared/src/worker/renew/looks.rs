//! The looks of a pass at renewals that are due: beside its requests, with a bound for each CA.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};

use super::begin::Renewals;
use crate::{
    acme::certificate_id,
    lanes::{Lanes, within},
    store::StoreError,
    worker::report::Done,
};
use certmint_core::{
    certificate::Certificate,
    renewal::{self, Decision, Renewal, RenewalInfo},
    words::{Cause, CertificateId, Failure, ProviderId, Timestamp},
};

/// A CA that does not say a window in this time is asked for no other one in this pass.
const PATIENCE: Duration = Duration::from_secs(5);
/// Windows that one CA is asked for at once.
const AT_ONE_CA: usize = 4;

/// What became of a look.
enum Look {
    /// It led to a request.
    Began,
    /// It led to none.
    Done,
    /// It failed, and is due still.
    Failed,
    /// It did not take place.
    Left,
}

/// The looks of a pass.
pub(super) struct Looks<'a> {
    of: &'a Renewals,
    until: Timestamp,
    table: Lanes<()>,
    cas: Lanes<ProviderId>,
    /// CAs that did not answer.
    silent: Mutex<BTreeSet<ProviderId>>,
}

impl<'a> Looks<'a> {
    /// Looks that begin before `until`.
    pub(super) fn new(of: &'a Renewals, until: Timestamp) -> Self {
        Self {
            of,
            until,
            table: Lanes::by_key(of.settings.parallelism),
            cas: Lanes::by_key(AT_ONE_CA),
            silent: Mutex::default(),
        }
    }

    pub(super) async fn run(&self) -> Done {
        let mut done = Done::default();
        let (most, mut looked) = (self.of.settings.renewals, 0);
        let mut passed_over: BTreeSet<CertificateId> = BTreeSet::new();
        loop {
            let limit = most + passed_over.len();
            let due = match self.of.renewals.due_renewals(self.of.now(), limit).await {
                Ok(due) => due.into_iter().filter(|id| !passed_over.contains(id)),
                Err(error) => {
                    done.errors.note("due renewals", &error);
                    return done;
                }
            };
            let mut looks: FuturesUnordered<_> = due
                .take(most - looked)
                .map(|id| async move { (id, self.look(id).await) })
                .collect();
            let mut is_left = false;
            while let Some((id, look)) = looks.next().await {
                match look {
                    Look::Began => done.count += 1,
                    Look::Done => {}
                    Look::Failed => drop(passed_over.insert(id)),
                    Look::Left => {
                        passed_over.insert(id);
                        is_left = true;
                        continue;
                    }
                }
                looked += 1;
            }
            if !is_left || looked >= most || self.of.now() >= self.until {
                return done;
            }
        }
    }

    async fn look(&self, id: CertificateId) -> Look {
        self.look_at(id).await.unwrap_or_else(|error| {
            // Written or begun by another worker, or the table is away: it is still due, or no longer.
            tracing::warn!(certificate_id = id.get(), %error, "renewal not looked at");
            self.of.denials.note(&error.into());
            Look::Failed
        })
    }

    async fn look_at(&self, id: CertificateId) -> Result<Look, StoreError> {
        let turn = self.table.enter(&()).await;
        let of = self.of;
        if of.now() >= self.until {
            return Ok(Look::Left);
        }
        let store = &of.renewals;
        let certificate = match of.certificates.certificate(id).await {
            Ok(certificate) => certificate,
            Err(StoreError::NotFound { .. }) => {
                store.forget_renewal(id).await?;
                return Ok(Look::Done);
            }
            Err(error) => return Err(error),
        };
        let Some(renewal) = store.renewals(std::slice::from_ref(&certificate)).await?.pop() else {
            return Ok(Look::Done);
        };
        let now = of.now();
        // The index lags: somebody looked already.
        if renewal.look_at.is_none_or(|at| at > now) {
            return Ok(Look::Done);
        }
        if let Some(halt) = renewal::halt(&renewal, &certificate) {
            let halted = renewal::halted(&renewal, halt, now);
            tracing::info!(certificate_id = id.get(), why = halt.reason(), "not renewed");
            return store.save_renewal(&halted).await.map(|_| Look::Done);
        }
        let ids: Vec<_> = renewal.request_id.into_iter().collect();
        let request = store.requests_that_renew(&ids).await?.pop();
        let (schedule, is_due) = match renewal::decide(&renewal, request.as_ref(), now) {
            Decision::Keep(renewal) => (*renewal, false),
            Decision::Renew => (renewal, true),
            Decision::Ask => {
                // The table is others' while the CA is waited for.
                drop(turn);
                let Some(asked) = self.ask(&renewal, &certificate).await else {
                    return Ok(Look::Left);
                };
                let moved = asked.renew_at.is_some_and(|at| at <= now);
                let stored = store.save_renewal(&asked).await?;
                if !moved {
                    return Ok(Look::Done);
                }
                (stored, true)
            }
        };
        Ok(match is_due {
            false => store.save_renewal(&schedule).await.map(|_| Look::Done)?,
            true if of.begin(&schedule, &certificate).await? => Look::Began,
            true => Look::Done,
        })
    }

    /// The schedule with what the CA says now; `None`: it was not asked.
    async fn ask(&self, renewal: &Renewal, certificate: &Certificate) -> Option<Renewal> {
        let answer = match self.renewal_info(certificate).await {
            Ok(info) => {
                let now = self.of.now();
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
            Err(NoWindow::NotAsked) => return None,
            Err(NoWindow::Failed { until, why }) => {
                tracing::warn!(
                    certificate_id = certificate.id.get(),
                    why,
                    "no renewal information"
                );
                renewal::failed_look(renewal, until, self.of.now())
            }
        };
        Some(answer)
    }

    async fn renewal_info(&self, certificate: &Certificate) -> Result<Option<RenewalInfo>, NoWindow> {
        let Some(account) = certificate.account_id else {
            return Ok(None);
        };
        let Some(identifier) = certificate_id(&certificate.cert_pem) else {
            return Ok(None);
        };
        let provider = self.of.accounts.provider(account).await.map_err(failed)?;
        let _turn = self.cas.enter(&provider.id).await;
        let now = self.of.now();
        if let Some((until, why)) = self.of.health.hold(provider, now).await {
            let until = Some(until);
            return Err(NoWindow::Failed { until, why });
        }
        if now >= self.until || self.is_silent(provider.id, false) {
            return Err(NoWindow::NotAsked);
        }
        let asked = self.of.ca.renewal_info(&provider.directory_url, &identifier);
        match within(&*self.of.clock, now.plus(PATIENCE), asked).await {
            Some(Ok(info)) => Ok(info),
            Some(Err(failure)) => {
                let now = self.of.now();
                self.of
                    .health
                    .failed(provider, &failure, Duration::ZERO, now)
                    .await;
                if failure.problem.cause == Cause::CaUnreachable {
                    self.is_silent(provider.id, true);
                }
                Err(failed(failure))
            }
            None => {
                self.is_silent(provider.id, true);
                let why = format!(
                    "{} did not say its renewal window within {} seconds",
                    provider.name,
                    PATIENCE.as_secs()
                );
                Err(NoWindow::Failed { until: None, why })
            }
        }
    }

    /// Whether a CA was silent in this pass; from now on, if it is so `now`.
    fn is_silent(&self, provider: ProviderId, now: bool) -> bool {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.contains(&provider) || now && silent.insert(provider)
    }
}

/// Why there is no window.
enum NoWindow {
    /// The CA was not asked.
    NotAsked,
    /// It did not say, and when to try again, if that is known.
    Failed { until: Option<Timestamp>, why: String },
}

fn failed(failure: Failure) -> NoWindow {
    NoWindow::Failed {
        until: None,
        why: failure.problem.detail,
    }
}
