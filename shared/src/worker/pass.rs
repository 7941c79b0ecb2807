//! Requests from their claim to their hand-back, in waves.
//!
//! In a wave every issuance does, in bounded parallel, what concerns it alone; then all that wait for DNS are served
//! together: one change batch a zone, one look at each change. What lags is looked at again within the invocation if that
//! is soon, else it is handed back with the time to look.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};

use super::{
    issue::{issuer::Issuer, job::Job},
    report::Report,
    settings::WorkerSettings,
};
use crate::{
    clock::Timer,
    denials::Denials,
    store::{RequestStore, StoreError},
};
use certmint_core::{
    issuance::RequestStatus,
    words::{RequestId, Timestamp},
};

/// Claims requests and drives them.
pub(super) struct Pass {
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) issuer: Issuer,
    pub(super) denials: Arc<Denials>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) settings: WorkerSettings,
    /// Names this worker in leases.
    pub(super) owner: String,
}

impl Pass {
    fn now(&self) -> Timestamp {
        self.timer.now()
    }

    /// Takes up what is due until nothing is left in hand. A list that cannot be read leaves those in hand alone; it is
    /// read again after the next wave.
    pub(super) async fn run(&self, stop_at: Timestamp, deadline: Timestamp) -> Report {
        let mut report = Report::default();
        let mut jobs = Vec::new();
        let mut idle = Duration::ZERO;
        loop {
            if self.now() < stop_at {
                let room = self.settings.batch_size - jobs.len();
                match self.claim_due(deadline, room).await {
                    Ok(claimed) => {
                        report.claimed += claimed.len();
                        jobs.extend(claimed);
                    }
                    Err(error) => report.errors.note("due requests", &error),
                }
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
        report
    }

    /// Claims what is due. A request that cannot be read is quarantined and stops nobody.
    async fn claim_due(&self, deadline: Timestamp, room: usize) -> Result<Vec<Job>, StoreError> {
        if room == 0 {
            return Ok(vec![]);
        }
        let now = self.now();
        let due = self.requests.due_requests(now, room).await?;
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
        let store = &self.requests;
        match store
            .claim_request(id, &self.owner, now, lease, self.settings.skew)
            .await
        {
            Ok(Some(request)) => Some(Job::new(request, self.denials.clone(), now, self.settings.skew)),
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
                self.denials.note(&error.into());
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
            job.apply(event, &*self.requests, self.now()).await;
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
            self.timer.sleep(wait).await;
        }
        wait
    }

    /// Frees the leases, so that the next run goes on at once.
    async fn hand_back(&self, jobs: Vec<Job>, report: &mut Report) {
        report.parked += jobs.len();
        let free = jobs.into_iter().map(|mut job| async move {
            job.hand_back(&*self.requests, self.now()).await;
        });
        stream::iter(free)
            .buffer_unordered(self.settings.parallelism)
            .collect::<Vec<()>>()
            .await;
    }
}
