//! Issuing, put together from its steps.

use std::sync::Arc;

use super::{
    ca_steps::CaSteps,
    dns_steps::DnsSteps,
    failures::Failures,
    job::{Job, SoloEffect},
    key_reuse::KeyReuse,
    key_steps::KeySteps,
    limiter::Limiter,
    new_order::NewOrders,
    ordered::as_ordered,
    pace::Pace,
    places::Places,
    record::Recorder,
};
use crate::{
    acme::Ca,
    clock::Timer,
    denials::Denials,
    dns::{DnsView, DnsZones, ledger::Ledger},
    lanes::Lanes,
    store::{CertificateRelations, CertificateStore, RateLedger, RenewalStore, RequestStore, TxtLedger},
    vault::KeyVault,
    worker::{accounts::Accounts, health::Health, settings::WorkerSettings},
};
use certmint_core::{
    issuance::{CaEffect, Event},
    provider::Providers,
    words::{Failure, Timestamp},
};

/// The world as issuing sees it.
pub(in crate::worker) struct IssueAdapters {
    pub(in crate::worker) requests: Arc<dyn RequestStore>,
    pub(in crate::worker) certificates: Arc<dyn CertificateStore>,
    pub(in crate::worker) renewals: Arc<dyn RenewalStore>,
    pub(in crate::worker) relations: Arc<dyn CertificateRelations>,
    pub(in crate::worker) challenges: Arc<dyn TxtLedger>,
    pub(in crate::worker) rates: Arc<dyn RateLedger>,
    pub(in crate::worker) vault: Arc<dyn KeyVault>,
    pub(in crate::worker) ca: Arc<dyn Ca>,
    pub(in crate::worker) zones: Arc<dyn DnsZones>,
    pub(in crate::worker) view: Arc<dyn DnsView>,
    pub(in crate::worker) clock: Arc<dyn Timer>,
    pub(in crate::worker) providers: Providers,
}

/// Does the effects of claimed requests.
pub(in crate::worker) struct Issuer {
    requests: Arc<dyn RequestStore>,
    accounts: Arc<Accounts>,
    failures: Failures,
    ca: CaSteps,
    keys: KeySteps,
    dns: DnsSteps,
    clock: Arc<dyn Timer>,
}

impl Issuer {
    pub(in crate::worker) fn new(
        adapters: IssueAdapters,
        accounts: Arc<Accounts>,
        health: Arc<Health>,
        denials: Arc<Denials>,
        settings: WorkerSettings,
    ) -> Self {
        let a = adapters;
        let limiter = Arc::new(Limiter::new(a.rates));
        let failures = Failures {
            accounts: accounts.clone(),
            limiter: limiter.clone(),
            denials,
            clock: a.clock.clone(),
        };
        let keys = KeySteps {
            vault: a.vault.clone(),
            reuse: KeyReuse {
                certificates: a.certificates.clone(),
                relations: a.relations,
                vault: a.vault,
            },
        };
        let ca = CaSteps {
            ca: a.ca.clone(),
            accounts: accounts.clone(),
            health,
            // A CA is asked for many accounts at once, and for none of them as much as it can take.
            of_account: Lanes::by_key(settings.parallelism),
            of_ca: Lanes::by_key(settings.parallelism * 2),
            orders: NewOrders {
                ca: a.ca,
                certificates: a.certificates.clone(),
                renewals: a.renewals.clone(),
                requests: a.requests.clone(),
                limiter,
                clock: a.clock.clone(),
            },
            keys: keys.clone(),
            recorder: Recorder {
                certificates: a.certificates,
                renewals: a.renewals,
                keys: keys.clone(),
                providers: a.providers,
                clock: a.clock.clone(),
            },
            clock: a.clock.clone(),
        };
        let dns = DnsSteps {
            requests: a.requests.clone(),
            ledger: Ledger::new(a.zones.clone(), a.challenges, a.clock.clone()),
            zones: a.zones.clone(),
            looks: Lanes::new(1, settings.parallelism),
            places: Places::new(a.zones, a.view, a.clock.clone()),
            pace: Pace::default(),
            failures: failures.clone(),
            settings,
            clock: a.clock.clone(),
        };
        Self {
            requests: a.requests,
            accounts,
            failures,
            ca,
            keys,
            dns,
            clock: a.clock,
        }
    }

    /// What was learned of accounts is read anew.
    pub(in crate::worker) async fn forget_accounts(&self) {
        self.accounts.evict_all().await;
    }

    /// Runs a job's own effects until it ends, waits, or needs what is done for others, too; none is begun after
    /// `stop_at`.
    pub(in crate::worker) async fn advance(&self, mut job: Job, stop_at: Timestamp) -> Job {
        while self.clock.now() < stop_at {
            let Some(effect) = job.next_alone(self.clock.now()) else {
                break;
            };
            match effect {
                SoloEffect::Locate(challenges) => self.dns.locate(&mut job, &challenges).await,
                SoloEffect::Release => self.dns.release(&mut job).await,
                SoloEffect::Ca(effect) => {
                    let event = self.ask(&job, effect).await;
                    self.apply(&mut job, event).await;
                }
                SoloEffect::CheckPropagation(challenges) => {
                    let seen = self.dns.places.check_propagation(&challenges).await;
                    self.apply(&mut job, seen).await;
                }
                SoloEffect::StoreKey => {
                    let stored = self.store_key(&job).await;
                    self.apply(&mut job, stored).await;
                }
            }
        }
        job
    }

    async fn apply(&self, job: &mut Job, done: Result<Event, Failure>) {
        let event = match done {
            Ok(event) => event,
            Err(failure) => self.failures.event(&job.request, failure).await,
        };
        job.apply(event, &*self.requests, self.clock.now()).await;
    }

    async fn ask(&self, job: &Job, effect: CaEffect) -> Result<Event, Failure> {
        let provider = self.accounts.provider(job.request.account()).await?;
        let request = &as_ordered(&job.request, provider);
        self.ca.perform(request, provider, effect).await
    }

    async fn store_key(&self, job: &Job) -> Result<Event, Failure> {
        let provider = self.accounts.provider(job.request.account()).await?;
        self.keys.store(&as_ordered(&job.request, provider)).await
    }

    /// Which of the jobs whose turn it is are served together now; and those that wait for company
    /// or for their zones.
    pub(in crate::worker) fn rounds(&self, jobs: Vec<Job>, bring_company: bool) -> (Vec<Vec<Job>>, Vec<Job>) {
        self.dns.rounds(jobs, bring_company)
    }

    /// Serves jobs of one round.
    pub(in crate::worker) async fn serve(&self, jobs: Vec<Job>) -> Vec<Job> {
        self.dns.serve(jobs).await
    }
}
