//! Takes what is due towards its end: renewals are begun, requests taken to their certificates, chores done.
//!
//! A worker is put together from parts that each have the capabilities that they use, and no more: `renew`, `pass` (over
//! `issue`) and `chores`; they share the `accounts` and the `health` of the CAs.

mod accounts;
mod adapters;
mod chores;
mod flights;
mod health;
mod issue;
mod pass;
mod pulse;
mod renew;
mod report;
mod settings;
mod watch;
mod wiring;

use std::sync::{Arc, atomic::AtomicU64};

use self::{accounts::Accounts, chores::Chores, health::Health, pass::Pass, renew::Renewals};
pub use self::{adapters::Adapters, report::Report, settings::WorkerSettings};
use crate::{denials::Denials, wake::Wakes};
use certmint_core::words::Timestamp;

/// Takes issuances from request to certificate.
pub struct Worker {
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    renewals: Renewals,
    pass: Pass,
    chores: Chores,
    denials: Arc<Denials>,
    settings: WorkerSettings,
}

impl Worker {
    /// A worker that signs its leases with `owner`, which no other running worker has.
    #[must_use]
    pub fn new(adapters: &Adapters, settings: WorkerSettings, owner: String) -> Self {
        let health = Arc::new(Health::new(adapters.store.health.clone()));
        let accounts = Arc::new(wiring::accounts(adapters, health.clone()));
        let denials = Arc::new(Denials::default());
        let shared = (accounts.clone(), health.clone(), denials.clone());
        Self {
            renewals: wiring::renewals(adapters, shared.clone(), settings),
            pass: Pass {
                requests: adapters.store.requests.clone(),
                issuer: wiring::issuer(adapters, shared, settings),
                timer: adapters.clock.clone(),
                settings,
                heartbeats: adapters.store.heartbeats.clone(),
                watch: wiring::watch(adapters, settings),
                wakes: Wakes::new(adapters.wakes.clone(), adapters.store.wakes.clone()),
                denials: denials.clone(),
                owner,
                passes: AtomicU64::new(0),
            },
            chores: wiring::chores(adapters, &accounts, denials.clone(), settings),
            denials,
            accounts,
            health,
            settings,
        }
    }

    /// Works until nothing is due or `deadline` is near. Any error of one request stays with that request; a list that
    /// cannot be read delays what stands in it, and the report says so.
    pub async fn run(&self, deadline: Timestamp) -> Report {
        let stop_at = deadline.minus(self.settings.margin);
        self.denials.begin();
        self.accounts.evict_all().await;
        self.health.load().await;
        let (begun, mut report, chores) = futures::join!(
            renew::run(&self.renewals, stop_at),
            self.pass.run(stop_at, deadline),
            chores::run(&self.chores, stop_at, deadline)
        );
        // What was begun when the pass had come to its end.
        if begun.count > 0 && !report.more {
            report.add(self.pass.run(stop_at, deadline).await);
        }
        (report.renewals, report.chores) = (begun.count, chores.count);
        report.errors.absorb(begun.errors);
        report.errors.absorb(chores.errors);
        report
    }
}
