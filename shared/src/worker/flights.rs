//! What a pass has under way. Nothing waits for the slowest: whatever is done first comes back first.

use std::{collections::BTreeMap, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    stream::FuturesUnordered,
};

use super::issue::job::Job;
use crate::clock::Timer;
use certmint_core::words::{RequestId, Timestamp};

/// What takes longer takes up no room of others.
const SLOW: Duration = Duration::from_secs(1);
/// The same while nothing comes back at all.
const STALLED: Duration = Duration::from_millis(250);

/// One piece of work.
struct Flight {
    since: Timestamp,
    requests: Vec<RequestId>,
    /// Whether its job may come to need a zone, as others do.
    alone: bool,
}

/// Work under way; each piece has its jobs and gives them back.
pub(super) struct Flights<'a> {
    timer: &'a dyn Timer,
    work: FuturesUnordered<BoxFuture<'a, (u64, Vec<Job>)>>,
    flights: BTreeMap<u64, Flight>,
    last: u64,
    /// When the last one came back.
    back_at: Timestamp,
    /// The next moment to wake up at whatever comes back; kept, so that not every wait needs one of its own.
    alarm: Option<(Timestamp, BoxFuture<'a, ()>)>,
}

impl<'a> Flights<'a> {
    pub(super) fn new(timer: &'a dyn Timer) -> Self {
        Self {
            timer,
            work: FuturesUnordered::new(),
            flights: BTreeMap::new(),
            last: 0,
            back_at: timer.now(),
            alarm: None,
        }
    }

    /// Begins what concerns one job alone.
    pub(super) fn alone(&mut self, request: RequestId, work: impl Future<Output = Job> + Send + 'a) {
        self.begin(vec![request], true, work.map(|job| vec![job]));
    }

    /// Begins what concerns some jobs together.
    pub(super) fn together(
        &mut self,
        requests: Vec<RequestId>,
        work: impl Future<Output = Vec<Job>> + Send + 'a,
    ) {
        self.begin(requests, false, work);
    }

    fn begin(
        &mut self,
        requests: Vec<RequestId>,
        alone: bool,
        work: impl Future<Output = Vec<Job>> + Send + 'a,
    ) {
        self.last += 1;
        let (id, since) = (self.last, self.timer.now());
        let flight = Flight {
            since,
            requests,
            alone,
        };
        self.flights.insert(id, flight);
        self.work.push(work.map(move |jobs| (id, jobs)).boxed());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// Jobs under way.
    pub(super) fn jobs(&self) -> usize {
        self.flights.values().map(|flight| flight.requests.len()).sum()
    }

    /// Those of them that go on as they should.
    pub(super) fn swift(&self) -> usize {
        let now = self.timer.now();
        let is_stalled = now.since(self.back_at) >= STALLED;
        let patience = if is_stalled { STALLED } else { SLOW };
        let swift = self.flights.values().filter(|f| now.since(f.since) < patience);
        swift.map(|flight| flight.requests.len()).sum()
    }

    /// Whether others may come to need a zone soon.
    pub(super) fn bring_company(&self) -> bool {
        self.flights.values().any(|flight| flight.alone)
    }

    /// Waits for the first that is done, until then at the latest, perhaps less; with it comes all else that is.
    pub(super) async fn next(&mut self, until: Timestamp) -> Vec<Job> {
        let mut done = Vec::new();
        let (at, alarm) = self
            .alarm
            .take()
            .filter(|(at, _)| *at <= until)
            .unwrap_or_else(|| (until, self.timer.sleep(until.since(self.timer.now()))));
        let mut first = match select(self.work.next(), alarm).await {
            Either::Left((first, alarm)) => {
                self.alarm = Some((at, alarm));
                first
            }
            Either::Right(_) => None,
        };
        while let Some((id, jobs)) = first {
            self.flights.remove(&id);
            self.back_at = self.timer.now();
            done.extend(jobs);
            first = self.work.next().now_or_never().flatten();
        }
        done
    }

    /// All that comes back until then; the rest is given up where it stands, as if the worker had died there.
    pub(super) async fn end(&mut self, until: Timestamp) -> Vec<Job> {
        let mut done = Vec::new();
        while !self.is_empty() && self.timer.now() < until {
            done.extend(self.next(until).await);
        }
        done
    }
}
