//! Requests from their claim to their hand-back.
//!
//! Every issuance does what concerns it alone, beside all others; those that are ready for a change of a zone are served
//! together: one change batch a zone, one look at each change. None of this waits for the slowest. What lags is looked at
//! again within the invocation if that is soon, else it is handed back with the time to look.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};

use super::{
    flights::Flights,
    issue::{
        issuer::Issuer,
        job::{Job, Turn},
    },
    report::Report,
    settings::WorkerSettings,
};
use crate::{
    clock::Timer,
    store::{RequestStore, StoreError},
};
use certmint_core::{
    issuance::RequestStatus,
    words::{RequestId, Timestamp},
};

/// What is due is asked for this often, while there is work in hand.
const CLAIMS: Duration = Duration::from_secs(1);
/// And this often while there may be more.
const CLAIMS_OF_MANY: Duration = Duration::from_millis(250);
/// What is held up takes up no room of others, until this many times the room is in hand.
const HELD_UP: usize = 10;
/// The more is held up, the more is taken up at once, so that what is not is soon among it.
const GROWTH: usize = 3;
/// Work that has not come back so long before the invocation's deadline is given up.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Claims requests and drives them.
pub(super) struct Pass {
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) issuer: Issuer,
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
    /// read again.
    pub(super) async fn run(&self, stop_at: Timestamp, deadline: Timestamp) -> Report {
        let mut report = Report::default();
        let (mut jobs, mut flights) = (Vec::new(), Flights::new(&*self.timer));
        let (mut idle, mut claim_at) = (Duration::ZERO, Timestamp::ZERO);
        let mut is_read = true;
        while self.now() < stop_at {
            let nothing = jobs.is_empty() && flights.is_empty();
            if nothing || self.now() >= claim_at {
                let was_read = is_read;
                let room = self.room(&jobs, &flights);
                let claimed = self.claim_due(deadline, room).await;
                is_read = claimed.is_ok();
                let claimed = claimed.unwrap_or_else(|error| {
                    report.errors.note("due requests", &error);
                    vec![]
                });
                if nothing && claimed.is_empty() && (is_read || !was_read) {
                    return report;
                }
                let is_all = claimed.is_empty() && room > 0;
                claim_at = self.now().plus(if is_all { CLAIMS } else { CLAIMS_OF_MANY });
                report.claimed += claimed.len();
                jobs.extend(claimed);
            }
            self.begin(&mut jobs, &mut flights, stop_at);
            let patience = self.settings.patience.saturating_sub(idle);
            let horizon = self.now().plus(patience).min(stop_at);
            if flights.is_empty() {
                idle += self.pause(&mut jobs, &mut report, horizon).await;
            } else {
                let first = jobs.iter().filter_map(Job::wait_until).min();
                let until = first.map_or(claim_at, |at| at.min(claim_at)).min(stop_at);
                jobs.extend(flights.next(until).await);
            }
            self.settle(&mut jobs, &mut report);
        }
        let late = flights.jobs();
        let came = flights.end(deadline.minus(LAST_WRITES)).await;
        report.parked += late - came.len();
        jobs.extend(came);
        self.settle(&mut jobs, &mut report);
        report.more = late > 0 || !jobs.is_empty();
        self.hand_back(jobs, &mut report).await;
        report
    }

    /// How many more may be taken up: what is held up keeps nobody out, within bounds.
    fn room(&self, jobs: &[Job], flights: &Flights<'_>) -> usize {
        let (most, swift) = (self.settings.batch_size, flights.swift());
        let held_up = flights.jobs() - swift;
        let room = most.max(held_up * GROWTH).saturating_sub(jobs.len() + swift);
        room.min((most * HELD_UP).saturating_sub(jobs.len() + flights.jobs()))
    }

    /// Begins whatever can be done now.
    fn begin<'a>(&'a self, jobs: &mut Vec<Job>, flights: &mut Flights<'a>, stop_at: Timestamp) {
        let (now, mut together) = (self.now(), Vec::new());
        for mut job in std::mem::take(jobs) {
            match job.turn(now) {
                Turn::None => jobs.push(job),
                Turn::Alone => flights.alone(self.issuer.advance(job, stop_at)),
                Turn::Together => together.push(job),
            }
        }
        let (rounds, waiting) = self.issuer.rounds(together, flights.bring_company());
        jobs.extend(waiting);
        for round in rounds {
            flights.together(round.len(), self.issuer.serve(round));
        }
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
