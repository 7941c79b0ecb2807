//! Requests from their claim to their hand-back, in waves.
//!
//! In a wave every issuance does, in bounded parallel, what concerns it alone; then all that wait for DNS are served
//! together: one change batch a zone, one look at each change. What lags is looked at again within the invocation if that
//! is soon, else it is handed back with the time to look.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{
    StreamExt,
    future::{Either, select},
    stream,
};

use super::{
    issue::{issuer::Issuer, job::Job},
    pulse::Pulse,
    report::Report,
    settings::WorkerSettings,
    watch::Watch,
};
use crate::{
    clock::Timer,
    store::{Claim, Heartbeats, RequestStore, StoreError},
};
use certmint_core::{
    issuance::RequestStatus,
    words::{RequestId, Timestamp},
};

/// Claims requests and drives them.
pub(super) struct Pass {
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) issuer: Issuer,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) settings: WorkerSettings,
    pub(super) heartbeats: Arc<dyn Heartbeats>,
    pub(super) watch: Watch,
    /// Names this process in leases, with the number of the pass.
    pub(super) owner: String,
    pub(super) passes: AtomicU64,
}

/// What a look for work found.
#[derive(Default)]
struct Found {
    claimed: Vec<Job>,
    /// A worker that holds what is due may be dead.
    is_watched: bool,
}

impl Pass {
    fn now(&self) -> Timestamp {
        self.timer.now()
    }

    /// Works while its heart beats. A pass has a name of its own: what an earlier one could not hand back is free as soon
    /// as that one has ended.
    pub(super) async fn run(&self, stop_at: Timestamp, deadline: Timestamp) -> Report {
        let name = format!("{}-{}", self.owner, self.passes.fetch_add(1, Ordering::Relaxed));
        let (heartbeats, timer) = (self.heartbeats.clone(), self.timer.clone());
        let pulse = Arc::new(Pulse::new(name, heartbeats, timer, self.settings));
        let report = {
            let (work, keep) = (self.work(&pulse, stop_at, deadline), pulse.keep());
            match select(pin!(work), pin!(keep)).await {
                Either::Left((report, _)) => report,
                Either::Right((never, _)) => match never {},
            }
        };
        pulse.end().await;
        report
    }

    /// Takes up what is due until nothing is left in hand. A list that cannot be read leaves those in hand alone; it is
    /// read again after the next wave.
    async fn work(&self, pulse: &Arc<Pulse>, stop_at: Timestamp, deadline: Timestamp) -> Report {
        let mut report = Report::default();
        let mut jobs = Vec::new();
        let mut idle = Duration::ZERO;
        loop {
            let mut is_watched = false;
            if self.now() < stop_at {
                let room = self.settings.batch_size - jobs.len();
                match self.claim_due(pulse, deadline, room).await {
                    Ok(found) => {
                        report.claimed += found.claimed.len();
                        jobs.extend(found.claimed);
                        is_watched = found.is_watched;
                    }
                    Err(error) => report.errors.note("due requests", &error),
                }
            }
            if jobs.is_empty() {
                // Nobody else may be here to see that a worker is gone.
                if is_watched && self.now().plus(self.settings.beat) < stop_at {
                    self.timer.sleep(self.settings.beat).await;
                    continue;
                }
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

    /// Claims what is due and in nobody's hands, or in those of a worker that is gone. A request that cannot be read is
    /// quarantined and stops nobody.
    async fn claim_due(
        &self,
        pulse: &Arc<Pulse>,
        deadline: Timestamp,
        room: usize,
    ) -> Result<Found, StoreError> {
        if room == 0 {
            return Ok(Found::default());
        }
        let now = self.now();
        let due = self.requests.due_requests(now, room).await?;
        let others = due.held.iter().filter(|held| held.worker != pulse.worker());
        let sight = self
            .watch
            .look(others.map(|held| held.worker.clone()).collect())
            .await?;
        let left = due
            .held
            .iter()
            .filter(|held| sight.gone.contains(&held.worker))
            .map(|held| (held.id, Some(held.worker.as_str())));
        let free = due.free.iter().map(|id| (*id, None));
        // Those that somebody left were due first.
        let wanted: Vec<_> = left.chain(free).take(room).collect();
        if !wanted.is_empty() {
            pulse.begin().await?;
        }
        // Where nobody watches the heartbeat, the lease ends by the clock, after the invocation.
        let lease = deadline.since(now) + self.settings.lease_margin;
        let claims = wanted.into_iter().map(|(id, gone)| {
            let claim = Claim {
                gone,
                ..Claim::new(pulse.worker(), now, lease, self.settings.skew)
            };
            self.claim(id, claim, pulse)
        });
        let claimed: Vec<Option<Job>> = stream::iter(claims)
            .buffer_unordered(self.settings.parallelism)
            .collect()
            .await;
        Ok(Found {
            claimed: claimed.into_iter().flatten().collect(),
            is_watched: sight.is_silent,
        })
    }

    async fn claim(&self, id: RequestId, claim: Claim<'_>, pulse: &Arc<Pulse>) -> Option<Job> {
        let (store, now) = (&self.requests, claim.now);
        match store.claim_request(id, &claim).await {
            Ok(Some(request)) => Some(Job::new(request, now, pulse.clone())),
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
