//! Drives the engine: claims what is due, runs effects, stores each new state before its effects.
//!
//! One pass works in waves. In a wave every issuance does, in bounded parallel, what concerns it alone; then all
//! that wait for DNS are served together: one change batch a zone, one look at each change. What lags is looked
//! at again within the invocation if that is soon, else it is handed back with the time to look.

mod accounts;
mod chores;
mod health;
mod issue;
mod renew;
mod settings;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};

pub use self::settings::WorkerSettings;
use self::{
    accounts::Accounts,
    health::Health,
    issue::{
        issuer::{IssueAdapters, Issuer},
        job::Job,
    },
};
use crate::{
    ca::Ca,
    clock::Timer,
    dns::{DnsView, DnsZones},
    store::{Store, StoreError},
    vault::KeyVault,
};
use certmint_core::{
    issuance::RequestStatus,
    provider::Providers,
    words::{RequestId, Timestamp},
};

/// What the worker reaches the world through.
#[derive(Clone)]
pub struct Adapters {
    /// State.
    pub store: Arc<dyn Store>,
    /// Secrets.
    pub vault: Arc<dyn KeyVault>,
    /// The CA.
    pub ca: Arc<dyn Ca>,
    /// Zones we may write.
    pub zones: Arc<dyn DnsZones>,
    /// The DNS that everybody sees.
    pub view: Arc<dyn DnsView>,
    /// The time.
    pub clock: Arc<dyn Timer>,
    /// The configured CAs.
    pub providers: Providers,
}

/// What a pass did, for the log and the answer of the invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Renewals that were begun.
    pub renewals: usize,
    /// Requests that were taken up.
    pub claimed: usize,
    /// Certificates recorded.
    pub succeeded: usize,
    /// Requests that ended without one.
    pub failed: usize,
    /// Requests handed back to be looked at later.
    pub parked: usize,
    /// Chores done.
    pub chores: usize,
    /// Whether the time ran out while work was due.
    pub more: bool,
}

/// Takes issuances from request to certificate.
pub struct Worker {
    adapters: Adapters,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    issuer: Issuer,
    settings: WorkerSettings,
    /// Names this worker in leases.
    owner: String,
}

impl Worker {
    /// A worker that signs its leases with `owner`, which no other running worker has.
    #[must_use]
    pub fn new(adapters: Adapters, settings: WorkerSettings, owner: String) -> Self {
        let health = Arc::new(Health::new(adapters.store.clone()));
        let accounts = Arc::new(Accounts::new(adapters.clone(), health.clone()));
        let issue = IssueAdapters {
            requests: adapters.store.clone(),
            certificates: adapters.store.clone(),
            renewals: adapters.store.clone(),
            relations: adapters.store.clone(),
            challenges: adapters.store.clone(),
            rates: adapters.store.clone(),
            vault: adapters.vault.clone(),
            ca: adapters.ca.clone(),
            zones: adapters.zones.clone(),
            view: adapters.view.clone(),
            clock: adapters.clock.clone(),
            providers: adapters.providers.clone(),
        };
        let issuer = Issuer::new(issue, accounts.clone(), health.clone(), settings);
        Self {
            adapters,
            accounts,
            health,
            issuer,
            settings,
            owner,
        }
    }

    fn now(&self) -> Timestamp {
        self.adapters.clock.now()
    }

    /// Works until nothing is due or `deadline` is near. Any error of one request stays with that request.
    ///
    /// # Errors
    /// Only if the list of due requests cannot be read.
    pub async fn run(&self, deadline: Timestamp) -> Result<Report, StoreError> {
        let stop_at = deadline.minus(self.settings.margin);
        self.accounts.forget().await;
        self.health.load().await;
        let (report, chores) = futures::join!(self.issue(stop_at, deadline), self.chores(stop_at, deadline));
        Ok(Report { chores, ..report? })
    }

    async fn issue(&self, stop_at: Timestamp, deadline: Timestamp) -> Result<Report, StoreError> {
        let mut report = Report {
            renewals: self.renew_due(stop_at).await,
            ..Report::default()
        };
        let mut jobs = Vec::new();
        let mut idle = Duration::ZERO;
        loop {
            if self.now() < stop_at {
                let claimed = self
                    .claim_due(deadline, self.settings.batch_size - jobs.len())
                    .await?;
                report.claimed += claimed.len();
                jobs.extend(claimed);
            }
            if jobs.is_empty() {
                break;
            }
            self.wave(&mut jobs).await;
            self.settle(&mut jobs, &mut report);
            if self.now() >= stop_at {
                report.more = !jobs.is_empty();
                self.hand_back(jobs, &mut report).await;
                break;
            }
            let patience = self.settings.patience.saturating_sub(idle);
            let horizon = self.now().plus(patience).min(stop_at);
            idle += self.pause(&mut jobs, &mut report, horizon).await;
        }
        Ok(report)
    }

    /// Claims what is due. A request that cannot be read is quarantined and stops nobody.
    async fn claim_due(&self, deadline: Timestamp, room: usize) -> Result<Vec<Job>, StoreError> {
        if room == 0 {
            return Ok(vec![]);
        }
        let now = self.now();
        let due = self.adapters.store.due_requests(now, room).await?;
        // The lease outlives the invocation: a worker that was frozen past its end finds its fence taken.
        let lease = deadline.since(now) + self.settings.lease_margin;
        let claims = due.into_iter().map(|id| self.claim(id, now, lease));
        let claimed: Vec<Option<Job>> = stream::iter(claims)
            .buffer_unordered(self.settings.parallelism)
            .collect()
            .await;
        Ok(claimed.into_iter().flatten().collect())
    }

    async fn claim(&self, id: RequestId, now: Timestamp, lease: Duration) -> Option<Job> {
        let store = &self.adapters.store;
        match store
            .claim_request(id, &self.owner, now, lease, self.settings.skew)
            .await
        {
            Ok(Some(request)) => Some(Job::new(request, now, self.settings.skew)),
            Ok(None) => None,
            Err(StoreError::Corrupt { why, .. }) => {
                tracing::error!(request_id = id.get(), %why, alarm = "quarantine", "request cannot be read");
                if let Err(error) = store.quarantine_request(id, &why, now).await {
                    tracing::error!(request_id = id.get(), %error, "quarantine failed");
                }
                None
            }
            Err(error) => {
                tracing::warn!(request_id = id.get(), %error, "claim failed");
                None
            }
        }
    }

    /// One round: each job alone as far as it gets, then the shared DNS work.
    async fn wave(&self, jobs: &mut Vec<Job>) {
        let advance = std::mem::take(jobs).into_iter().map(|job| self.advance(job));
        *jobs = stream::iter(advance)
            .buffer_unordered(self.settings.parallelism)
            .collect()
            .await;
        self.issuer.serve_dns(jobs).await;
    }

    /// Runs a job's own effects until it ends, waits, or needs the shared DNS work.
    async fn advance(&self, mut job: Job) -> Job {
        while let Some(effect) = job.next_alone(self.now()) {
            let event = self.issuer.perform(&job, effect).await;
            job.apply(event, &*self.adapters.store, self.now()).await;
        }
        job
    }

    /// Takes the jobs that are over out of the list.
    fn settle(&self, jobs: &mut Vec<Job>, report: &mut Report) {
        jobs.retain(|job| {
            if !job.is_over() {
                return true;
            }
            match job.request.status {
                RequestStatus::Success => report.succeeded += 1,
                RequestStatus::Failed => report.failed += 1,
                _ => report.parked += 1,
            }
            false
        });
    }

    /// Waits until the first job can go on, if that is before `horizon`; jobs that wait longer are handed back. Says how
    /// long it stood idle.
    async fn pause(&self, jobs: &mut Vec<Job>, report: &mut Report, horizon: Timestamp) -> Duration {
        let now = self.now();
        let (near, far): (Vec<Job>, Vec<Job>) = std::mem::take(jobs)
            .into_iter()
            .partition(|job| job.wait_until().is_none_or(|at| at <= horizon));
        *jobs = near;
        self.hand_back(far, report).await;
        let first = jobs.iter().map(|job| job.wait_until().unwrap_or(now)).min();
        let wait = first.map_or(Duration::ZERO, |at| at.since(now));
        if !wait.is_zero() {
            self.adapters.clock.sleep(wait).await;
        }
        wait
    }

    /// Frees the leases, so that the next run goes on at once.
    async fn hand_back(&self, jobs: Vec<Job>, report: &mut Report) {
        report.parked += jobs.len();
        let free = jobs.into_iter().map(|mut job| async move {
            job.hand_back(&*self.adapters.store, self.now()).await;
        });
        stream::iter(free)
            .buffer_unordered(self.settings.parallelism)
            .collect::<Vec<()>>()
            .await;
    }
}
