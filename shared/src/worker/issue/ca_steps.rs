//! Effects that need an answer of the CA.

use std::{sync::Arc, time::Duration};

use super::{key_steps::KeySteps, new_order::NewOrders, record::Recorder};
use crate::{
    acme::{Ca, CaAccount},
    lanes::Lanes,
    worker::{accounts::Accounts, health::Health},
};
use certmint_core::{
    clock::Clock,
    issuance::{CaEffect, Event, OrderProgress, Request},
    provider::Provider,
    words::{AccountId, Failure, ProviderId},
};

/// Asks the CA.
pub(super) struct CaSteps {
    pub(super) ca: Arc<dyn Ca>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) health: Arc<Health>,
    pub(super) of_account: Lanes<AccountId>,
    pub(super) of_ca: Lanes<ProviderId>,
    pub(super) orders: NewOrders,
    pub(super) keys: KeySteps,
    pub(super) recorder: Recorder,
    pub(super) clock: Arc<dyn Clock>,
}

impl CaSteps {
    /// Asks, unless the CA is known to be away, and learns from the answer. A CA that hangs is asked for a bounded number
    /// of requests at once; the others wait for their turn and find out what those have found.
    pub(super) async fn perform(
        &self,
        request: &Request,
        provider: &Provider,
        effect: CaEffect,
    ) -> Result<Event, Failure> {
        let _turn = self.of_account.enter(&request.account()).await;
        if let Some(hold) = self.hold(request, provider).await {
            return Ok(hold);
        }
        // What it takes to read an account's key is not the time of others at its CA.
        let known = self.accounts.get(request.account()).await;
        let _turn_at_ca = self.of_ca.enter(&provider.id).await;
        if let Some(hold) = self.hold(request, provider).await {
            return Ok(hold);
        }
        let (ordering, began) = (effect == CaEffect::NewOrder, self.clock.now());
        let done = match known {
            Ok(_) => self.ask(request, provider, effect).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &done {
            let now = self.clock.now();
            self.health.failed(provider, failure, now.since(began), now).await;
        }
        self.learn(request.account(), provider, ordering, &done).await;
        // A CA that is away is no failure of this request.
        if done.as_ref().is_err_and(Failure::is_outage)
            && let Some(hold) = self.hold(request, provider).await
        {
            return Ok(hold);
        }
        done
    }

    /// A CA that is known to be away is not asked, where the issuance does not count on values in a zone.
    async fn hold(&self, request: &Request, provider: &Provider) -> Option<Event> {
        if request.issuance.phase.needs_values() {
            return None;
        }
        let (until, reason) = self.health.hold(provider, self.clock.now()).await?;
        // Not all in the same moment.
        let spread = Duration::from_secs(request.id.get() % 10);
        let until = until.plus(spread);
        Some(Event::Deferred { until, reason })
    }

    /// What an answer, or none, says of the CA and of the account.
    async fn learn(
        &self,
        account: AccountId,
        provider: &Provider,
        ordering: bool,
        done: &Result<Event, Failure>,
    ) {
        match done {
            // A limit of the ledger is no word of the CA, nor is an order that another request has.
            Ok(Event::Deferred { .. } | Event::OrderTaken { .. }) => {}
            Ok(_) => self.health.answered(provider.id).await,
            Err(failure) => {
                if failure.problem.cause.is_acme() {
                    self.health.answered(provider.id).await;
                }
                if failure.blames_account(ordering) {
                    self.accounts.mark_account_failed(account, failure).await;
                }
            }
        }
    }

    /// Asks once more where the CA forgot the account: it is registered anew then. A CA that does not know even that one
    /// is believed.
    async fn ask(&self, request: &Request, provider: &Provider, effect: CaEffect) -> Result<Event, Failure> {
        let account = self.accounts.get(request.account()).await?;
        let done = self.ask_as(&account, request, provider, effect.clone()).await;
        let done = self.accounts.confirm_refusal(&account, done).await;
        if !done.as_ref().is_err_and(Failure::is_unknown_account) {
            return done;
        }
        self.accounts.forget(&account).await?;
        let account = self.accounts.get(request.account()).await?;
        let done = self.ask_as(&account, request, provider, effect).await;
        self.accounts.confirm_refusal(&account, done).await
    }

    async fn ask_as(
        &self,
        account: &CaAccount,
        request: &Request,
        provider: &Provider,
        effect: CaEffect,
    ) -> Result<Event, Failure> {
        match effect {
            CaEffect::NewOrder => self.orders.order(request, provider, account).await,
            CaEffect::LoadChallenges { order_url } => {
                let view = self.ca.order(account, &order_url, true).await?;
                Ok(Event::ChallengesLoaded {
                    progress: view.progress,
                    challenges: view.challenges,
                })
            }
            CaEffect::AcceptChallenges { order_url } => {
                self.ca.accept_challenges(account, &order_url).await?;
                Ok(Event::ChallengesAccepted)
            }
            CaEffect::PollOrder { order_url } => {
                let view = self.ca.order(account, &order_url, false).await?;
                Ok(match view.progress {
                    OrderProgress::Pending => Event::NotYet {
                        not_before: view.not_before,
                        reason: "the CA is validating".into(),
                    },
                    progress => Event::OrderPolled { progress },
                })
            }
            CaEffect::Finalize { order_url, key_ref } => {
                let csr = self.keys.csr(request, &key_ref).await?;
                self.ca.finalize(account, &order_url, &csr).await?;
                Ok(Event::Finalized)
            }
            CaEffect::RecordCertificate { order_url, key_ref } => {
                match self.ca.certificate(account, &order_url).await? {
                    Some(pem) => self.recorder.record(request, account, key_ref, &pem).await,
                    None => Ok(Event::NotYet {
                        not_before: None,
                        reason: "the CA is issuing".into(),
                    }),
                }
            }
        }
    }
}
