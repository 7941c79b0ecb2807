//! Requests from their claim to their hand-back.
//!
//! Every issuance does what concerns it alone, beside all others; those that are ready for a change of a zone are served
//! together: one change batch a zone, one look at each change. None of this waits for the slowest. What lags is looked at
//! again within the invocation if that is soon, else it is handed back with the time to look.

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
    future::{Either, join, select},
    stream,
};

use super::{
    flights::Flights,
    issue::{
        issuer::Issuer,
        job::{Job, Turn},
    },
    pulse::Pulse,
    report::Report,
    settings::WorkerSettings,
    watch::Watch,
};
use crate::{
    clock::Timer,
    denials::Denials,
    store::{Claim, Heartbeats, RequestStore, StoreError},
    wake::Wakes,
};
use certmint_core::{
    issuance::RequestStatus,
    words::{RequestId, Timestamp},
};

/// While there is work in hand, what is due is asked for again after this; after twice as long each time that there is
/// nothing, up to a bound: new work wakes a worker of its own.
const CLAIMS: Duration = Duration::from_millis(250);
const CLAIMS_AT_LAST: Duration = Duration::from_secs(4);
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
    pub(super) heartbeats: Arc<dyn Heartbeats>,
    pub(super) watch: Watch,
    pub(super) wakes: Wakes,
    pub(super) denials: Arc<Denials>,
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
    /// Some that are due are in others' hands.
    are_held: bool,
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
        // What runs out of time is kicked on.
        if let (Some(at), false) = (report.next, report.more) {
            self.wakes.wake(at, self.now()).await;
        }
        report
    }

    /// Takes up what is due until nothing is left in hand. A list that cannot be read leaves those in hand alone; it is
    /// read again.
    async fn work(&self, pulse: &Arc<Pulse>, stop_at: Timestamp, deadline: Timestamp) -> Report {
        let mut report = Report::default();
        let (mut jobs, mut flights) = (Vec::new(), Flights::new(&*self.timer));
        let (mut idle, mut claim_at, mut apart) = (Duration::ZERO, Timestamp::ZERO, CLAIMS);
        let mut is_read = true;
        while self.now() < stop_at {
            let is_idle = jobs.is_empty() && flights.is_empty();
            if is_idle || self.now() >= claim_at {
                let was_read = is_read;
                let room = self.room(&jobs, &flights);
                let found = self.claim_due(pulse, deadline, room).await;
                is_read = found.is_ok();
                let Found {
                    claimed,
                    is_watched,
                    are_held,
                } = found.unwrap_or_else(|error| {
                    report.errors.note("due requests", &error);
                    Found::default()
                });
                if is_idle && claimed.is_empty() && (is_read || !was_read) {
                    // Nobody else may be here to see that a worker is gone.
                    if is_watched && self.now().plus(self.settings.beat) < stop_at {
                        self.timer.sleep(self.settings.beat).await;
                        continue;
                    }
                    if are_held {
                        self.wakes.look_after(self.settings.lookout, self.now()).await;
                    }
                    return report;
                }
                if is_idle {
                    // As at the beginning of a pass: an operator may have changed an account.
                    self.issuer.forget_accounts().await;
                }
                apart = match claimed.is_empty() && room > 0 {
                    true => (apart * 2).min(CLAIMS_AT_LAST),
                    false => CLAIMS,
                };
                claim_at = self.now().plus(apart);
                report.claimed += claimed.len();
                jobs.extend(claimed);
            }
            self.begin(&mut jobs, &mut flights, stop_at);
            let patience = self.settings.patience.saturating_sub(idle);
            let horizon = self.now().plus(patience).min(stop_at);
            if flights.is_empty() {
                idle += self.pause(&mut jobs, &mut report, horizon).await;
            } else {
                self.hand_back_far(&mut jobs, &mut report, horizon).await;
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
                Turn::Alone => flights.alone(job.id(), self.issuer.advance(job, stop_at)),
                Turn::Together => together.push(job),
            }
        }
        let (rounds, waiting) = self.issuer.rounds(together, flights.bring_company());
        jobs.extend(waiting);
        for round in rounds {
            flights.together(round.iter().map(Job::id).collect(), self.issuer.serve(round));
        }
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
        let due = self
            .requests
            .due_requests(now.plus(self.timer.lag()), room)
            .await?;
        let others = due.held.iter().filter(|held| held.worker != pulse.worker());
        let holders = others.map(|held| held.worker.clone()).collect();
        let sight = self.watch.look(holders).await?;
        let left = due
            .held
            .iter()
            .filter(|held| sight.gone.contains(&held.worker))
            .map(|held| (held.id, Some(held.worker.as_str())));
        let free = due.free.iter().map(|id| (*id, None));
        // Those that somebody left were due first.
        let wanted: Vec<_> = left.chain(free).take(room).collect();
        if !wanted.is_empty() {
            self.begin_pulse(pulse, now).await?;
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
            are_held: sight.others_live,
        })
    }

    /// Before the first claim there is a heartbeat, and somebody on the way who looks for it.
    async fn begin_pulse(&self, pulse: &Pulse, now: Timestamp) -> Result<(), StoreError> {
        if pulse.has_begun() {
            return Ok(());
        }
        let lookout = self.wakes.look_after(self.settings.lookout, now);
        let (begun, ()) = join(pulse.begin(), lookout).await;
        begun
    }

    async fn claim(&self, id: RequestId, claim: Claim<'_>, pulse: &Arc<Pulse>) -> Option<Job> {
        let (store, now) = (&self.requests, claim.now);
        match store.claim_request(id, &claim).await {
            Ok(Some(request)) => Some(Job::new(request, now, pulse.clone(), self.denials.clone())),
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
        self.hand_back_far(jobs, report, horizon).await;
        let first = jobs.iter().map(|job| job.wait_until().unwrap_or(now)).min();
        let wait = first.map_or(Duration::ZERO, |at| at.since(now));
        if !wait.is_zero() {
            self.timer.sleep(wait).await;
        }
        wait
    }

    async fn hand_back_far(&self, jobs: &mut Vec<Job>, report: &mut Report, horizon: Timestamp) {
        let is_near =
            |job: &Job| job.company_until().is_some() || job.wait_until().is_none_or(|at| at <= horizon);
        let (near, far): (Vec<Job>, Vec<Job>) = std::mem::take(jobs).into_iter().partition(is_near);
        *jobs = near;
        self.hand_back(far, report).await;
    }

    /// Frees the leases, so that the next run goes on at once.
    async fn hand_back(&self, jobs: Vec<Job>, report: &mut Report) {
        report.parked += jobs.len();
        let free = jobs.into_iter().map(|mut job| async move {
            job.hand_back(&*self.requests, self.now()).await;
            job.due_at()
        });
        let due: Vec<Option<Timestamp>> = stream::iter(free)
            .buffer_unordered(self.settings.parallelism)
            .collect()
            .await;
        due.into_iter().flatten().for_each(|at| report.look_again(at));
    }
}
