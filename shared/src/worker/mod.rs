//! Takes what is due towards its end: renewals are begun, requests taken to their certificates, chores done.
//!
//! A worker is put together from parts that each have the capabilities that they use, and no more: `renew`, `pass` (over
//! `issue`) and `chores`; they share the `accounts` and the `health` of the CAs.

mod accounts;
mod adapters;
mod chores;
mod health;
mod issue;
mod pass;
mod renew;
mod report;
mod settings;
mod wiring;

use std::sync::Arc;

use self::{accounts::Accounts, chores::Chores, health::Health, pass::Pass, renew::Renewals};
pub use self::{adapters::Adapters, report::Report, settings::WorkerSettings};
use crate::denials::Denials;
use certmint_core::words::Timestamp;

/// Takes issuances from request to certificate.
pub struct Worker {
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    denials: Arc<Denials>,
    renewals: Renewals,
    pass: Pass,
    chores: Chores,
    settings: WorkerSettings,
}

impl Worker {
    /// A worker that signs its leases with `owner`, which no other running worker has.
    #[must_use]
    pub fn new(adapters: &Adapters, settings: WorkerSettings, owner: String) -> Self {
        let health = Arc::new(Health::new(adapters.store.health.clone()));
        let accounts = Arc::new(wiring::accounts(adapters, health.clone()));
        let denials = Arc::new(Denials::default());
        Self {
            renewals: wiring::renewals(
                adapters,
                accounts.clone(),
                health.clone(),
                denials.clone(),
                settings,
            ),
            pass: Pass {
                requests: adapters.store.requests.clone(),
                issuer: wiring::issuer(
                    adapters,
                    accounts.clone(),
                    health.clone(),
                    denials.clone(),
                    settings,
                ),
                denials: denials.clone(),
                timer: adapters.clock.clone(),
                settings,
                owner,
            },
            chores: wiring::chores(adapters, &accounts, denials.clone(), settings),
            accounts,
            health,
            denials,
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
        let issue = async {
            let begun = self.renewals.run(stop_at).await;
            (begun, self.pass.run(stop_at, deadline).await)
        };
        let ((begun, mut report), chores) = futures::join!(issue, self.chores.run(stop_at, deadline));
        (report.renewals, report.chores) = (begun.count, chores.count);
        report.errors.absorb(begun.errors);
        report.errors.absorb(chores.errors);
        report
    }
}
