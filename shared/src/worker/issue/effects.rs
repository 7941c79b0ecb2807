//! Effects that concern one issuance alone.

use std::time::Duration;

use super::job::Job;
use crate::worker::issuer::Issuer as Worker;
use crate::{
    acme::{CaAccount, OrderTerms},
    dns::Visibility,
};
use certmint_core::{
    issuance::{Challenge, Effect, Event, OrderProgress},
    provider::Provider,
    words::{AccountId, Cause, Failure},
};

/// Failures before any order was made, after which it no longer says what it replaces.
const REPLACING_TRIES: u32 = 3;

/// A failure, and whether the CA judged the try.
pub(in crate::worker) struct Fault {
    failure: Failure,
    reached_ca: bool,
}

impl Fault {
    fn is_outage(&self) -> bool {
        self.failure.is_outage()
    }
}

impl<E: Into<Failure>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self {
            failure: error.into(),
            reached_ca: false,
        }
    }
}

impl Worker {
    /// Does it and says what happened.
    pub(in crate::worker) async fn perform(&self, job: &mut Job, effect: Effect) -> Event {
        let (account, asks_ca) = (job.request.account(), asks_ca(&effect));
        let ordering = matches!(effect, Effect::NewOrder);
        let done = match self.accounts.provider(account).await {
            Err(failure) => Err(failure.into()),
            Ok(provider) => {
                if asks_ca && let Some(hold) = self.hold(job, provider).await {
                    return hold;
                }
                let done = self.try_perform(job, provider, effect).await;
                if asks_ca {
                    self.learn(account, provider, ordering, &done).await;
                    // A CA that is away is no failure of this request.
                    if done.as_ref().is_err_and(Fault::is_outage)
                        && let Some(hold) = self.hold(job, provider).await
                    {
                        return hold;
                    }
                }
                done
            }
        };
        match done {
            Ok(event) => event,
            Err(Fault { failure, reached_ca }) => {
                self.came_to_nothing(job, &failure).await;
                Event::Failed { failure, reached_ca }
            }
        }
    }

    /// Tells the rate ledger of a failure that ends an order.
    pub(in crate::worker) async fn came_to_nothing(&self, job: &Job, failure: &Failure) {
        if let Ok(provider) = self.accounts.provider(job.request.account()).await {
            self.limiter
                .came_to_nothing(&job.request, provider, failure, self.now())
                .await;
        }
    }

    /// A CA that is known to be away is not asked, where the issuance can wait without values in the zone.
    async fn hold(&self, job: &Job, provider: &Provider) -> Option<Event> {
        if job.request.issuance.phase.needs_values() {
            return None;
        }
        let (until, reason) = self.health.hold(provider, self.now()).await?;
        // Not all in the same moment.
        let spread = Duration::from_secs(job.request.id.get() % 10);
        let until = until.plus(spread);
        Some(Event::Deferred { until, reason })
    }

    /// What an answer, or none, says of the CA and of the account.
    async fn learn(
        &self,
        account: AccountId,
        provider: &Provider,
        ordering: bool,
        done: &Result<Event, Fault>,
    ) {
        match done {
            // A limit of the ledger is no word of the CA.
            Ok(Event::Deferred { .. }) => {}
            Ok(_) => self.health.answered(provider.id).await,
            Err(fault) if fault.is_outage() => {
                let detail = &fault.failure.problem.detail;
                self.health.away(provider, detail, self.now()).await;
            }
            Err(Fault { failure, .. }) if failure.problem.cause.is_acme() => {
                self.health.answered(provider.id).await;
                if failure.blames_account(ordering) {
                    self.accounts.mark_account_failed(account, failure).await;
                }
            }
            Err(_) => {}
        }
    }

    async fn try_perform(&self, job: &Job, provider: &Provider, effect: Effect) -> Result<Event, Fault> {
        // These two need no CA: whether its account can be had now is not their question.
        match &effect {
            Effect::CheckPropagation { challenges } => return self.check_propagation(challenges).await,
            Effect::StoreKey { .. } => return self.store_key(job).await,
            _ => {}
        }
        let account = self
            .accounts
            .get(job.request.account())
            .await
            .map_err(|failure| {
                // A registration that the CA refused is a try that the CA judged.
                let reached_ca = failure.problem.cause.is_acme();
                Fault { failure, reached_ca }
            })?;
        let done = self.perform_as(&account, job, provider, effect).await;
        match done {
            Err(Fault { failure, reached_ca }) => {
                let class = failure.class;
                let judged = self.accounts.confirm_refusal(&account, Err(failure)).await;
                judged.map_err(|failure| Fault {
                    reached_ca: reached_ca && failure.class == class,
                    failure,
                })
            }
            done => done,
        }
    }

    async fn perform_as(
        &self,
        account: &CaAccount,
        job: &Job,
        provider: &Provider,
        effect: Effect,
    ) -> Result<Event, Fault> {
        match effect {
            Effect::NewOrder => self.new_order(job, provider, account).await,
            Effect::LoadChallenges { order_url } => {
                let view = self.adapters.ca.order(account, &order_url, true).await?;
                Ok(Event::ChallengesLoaded {
                    progress: view.progress,
                    challenges: view.challenges,
                })
            }
            Effect::AcceptChallenges { order_url } => {
                self.adapters.ca.accept_challenges(account, &order_url).await?;
                Ok(Event::ChallengesAccepted)
            }
            Effect::PollOrder { order_url } => {
                let view = self.adapters.ca.order(account, &order_url, false).await?;
                Ok(match view.progress {
                    OrderProgress::Pending => Event::NotYet {
                        not_before: view.not_before,
                        reason: "the CA is validating".into(),
                    },
                    progress => Event::OrderPolled { progress },
                })
            }
            Effect::Finalize { order_url, key_ref } => {
                let csr = self.csr(&job.request, &key_ref).await?;
                self.adapters.ca.finalize(account, &order_url, &csr).await?;
                Ok(Event::Finalized)
            }
            Effect::RecordCertificate { order_url, key_ref } => {
                self.record(job, account, &order_url, key_ref).await
            }
            // Done above, or served for all issuances together: a job never hands those out alone.
            Effect::CheckPropagation { .. }
            | Effect::StoreKey { .. }
            | Effect::Publish { .. }
            | Effect::CheckInSync { .. }
            | Effect::Unpublish => Ok(Event::NotYet {
                not_before: None,
                reason: "waits for the shared DNS work".into(),
            }),
        }
    }

    async fn new_order(&self, job: &Job, provider: &Provider, account: &CaAccount) -> Result<Event, Fault> {
        let request = &job.request;
        let mut terms = OrderTerms {
            names: &request.names,
            profile: request.profile.as_deref(),
            replaces: None,
        };
        // What an order replaces is a courtesy (RFC 9773 §5): a CA that makes no order because it stumbles over that must
        // not keep a certificate from being renewed.
        let (orders, failures) = (request.issuance.orders, request.issuance.failures);
        let stumbles = orders == 0 && failures >= REPLACING_TRIES;
        let replaced = match stumbles {
            true => None,
            false => self.replaced_by(request).await?,
        };
        if let Some(replaced) = &replaced {
            terms.replaces = Some(&replaced.identifier);
            let exempt = replaced.in_window;
            if let Some(hold) = self.limiter.admit(request, provider, exempt, self.now()).await? {
                return Ok(hold);
            }
            match self.adapters.ca.new_order(account, &terms).await {
                Err(failure) if failure.problem.cause == Cause::ReplacesRefused => {
                    tracing::info!(
                        request_id = request.id.get(),
                        why = failure.problem.detail,
                        "ordered without replaces"
                    );
                    terms.replaces = None;
                }
                answer => return self.ordered(job, provider, answer).await,
            }
        }
        if let Some(hold) = self.limiter.admit(request, provider, false, self.now()).await? {
            return Ok(hold);
        }
        let answer = self.adapters.ca.new_order(account, &terms).await;
        self.ordered(job, provider, answer).await
    }

    async fn ordered(
        &self,
        job: &Job,
        provider: &Provider,
        answer: Result<String, Failure>,
    ) -> Result<Event, Fault> {
        let request = &job.request;
        match answer {
            Ok(order_url) => Ok(Event::OrderCreated { order_url }),
            Err(failure) => {
                let reached_ca = failure.problem.cause.is_acme();
                let failure = self.limiter.refused(request, provider, failure, self.now()).await;
                Err(Fault { failure, reached_ca })
            }
        }
    }

    async fn check_propagation(&self, challenges: &[Challenge]) -> Result<Event, Fault> {
        let places = self.locate(challenges).await?;
        for place in &places {
            let values: Vec<String> = places
                .iter()
                .filter(|p| p.fqdn == place.fqdn)
                .map(|p| p.value.clone())
                .collect();
            let seen = self
                .adapters
                .view
                .visibility(&place.zone.name, &place.fqdn, &values)
                .await;
            if let Visibility::Lagging(reason) = seen {
                return Ok(Event::NotYet {
                    not_before: None,
                    reason,
                });
            }
        }
        Ok(Event::Propagated)
    }
}

/// Whether an effect needs an answer of the CA.
const fn asks_ca(effect: &Effect) -> bool {
    !matches!(
        effect,
        Effect::CheckPropagation { .. }
            | Effect::StoreKey { .. }
            | Effect::Publish { .. }
            | Effect::CheckInSync { .. }
            | Effect::Unpublish
    )
}
