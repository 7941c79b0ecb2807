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
    denials::Denials,
    dns::{DnsView, DnsZones, ledger::Ledger},
    store::{CertificateRelations, CertificateStore, RateLedger, RenewalStore, RequestStore, TxtLedger},
    vault::KeyVault,
    worker::{accounts::Accounts, health::Health, settings::WorkerSettings},
};
use certmint_core::{clock::Clock, issuance::Event, provider::Providers, words::Failure};

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
    pub(in crate::worker) clock: Arc<dyn Clock>,
    pub(in crate::worker) providers: Providers,
}

/// Does the effects of claimed requests.
pub(in crate::worker) struct Issuer {
    accounts: Arc<Accounts>,
    failures: Failures,
    ca: CaSteps,
    keys: KeySteps,
    places: Places,
    dns: DnsSteps,
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
        let places = Places {
            zones: a.zones.clone(),
            view: a.view,
            clock: a.clock.clone(),
        };
        let ca = CaSteps {
            ca: a.ca.clone(),
            accounts: accounts.clone(),
            health,
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
            requests: a.requests,
            ledger: Ledger::new(a.zones.clone(), a.challenges, a.clock.clone()),
            zones: a.zones,
            places: places.clone(),
            pace: Pace::default(),
            failures: failures.clone(),
            settings,
            clock: a.clock,
        };
        Self {
            accounts,
            failures,
            ca,
            keys,
            places,
            dns,
        }
    }

    /// Does what concerns one issuance and says what happened.
    pub(in crate::worker) async fn perform(&self, job: &Job, effect: SoloEffect) -> Event {
        match self.try_perform(job, effect).await {
            Ok(event) => event,
            Err(failure) => self.failures.event(&job.request, failure).await,
        }
    }

    async fn try_perform(&self, job: &Job, effect: SoloEffect) -> Result<Event, Failure> {
        let provider = self.accounts.provider(job.request.account()).await?;
        let request = &as_ordered(&job.request, provider);
        match effect {
            SoloEffect::Ca(effect) => self.ca.perform(request, provider, effect).await,
            SoloEffect::CheckPropagation(challenges) => self.places.check_propagation(&challenges).await,
            SoloEffect::StoreKey => self.keys.store(request).await,
        }
    }

    /// Serves every job that waits for our zones.
    pub(in crate::worker) async fn serve_dns(&self, jobs: &mut [Job]) {
        self.dns.serve(jobs).await;
    }
}
