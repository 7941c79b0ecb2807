//! Virtual time and everything that is to happen in it. Nothing waits for real: the next event is taken out of a
//! queue, and its moment is the new now. Events of one moment come in an order that the seed decides.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

use certmint_core::words::{RequestId, Timestamp};

use super::{faults::Faults, op::Op, rng::Rng, tally::Tally};

/// One invocation of a function.
pub(super) type TaskId = u32;

/// What happens in the world by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The schedule's turn, or a kick.
    Tick,
    /// A wake arrives.
    Woken,
    /// A client asks for the certificate at this place of the scenario.
    Ask(usize),
    /// A client retries a request if it failed.
    Retry(RequestId),
    /// A client has the key of the account at this place changed.
    Roll(usize),
    /// A client does something with its certificate, at this place of what goes on later.
    Care(usize),
    /// The same, now that its moment has come.
    Wish(usize),
    /// Another tool writes to a name.
    Foreign(usize),
    /// A zone is deleted.
    ZoneGone(usize),
    /// The platform ends an invocation.
    Kill(TaskId),
}

/// What comes out of the queue.
pub enum Due {
    /// A call or a sleep of an invocation is over.
    Wake(TaskId, Waker),
    /// Something happens.
    World(Happening),
}

struct Entry {
    /// Moment, then a random number, then the order of arrival.
    key: (Timestamp, u64, u64),
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// An invocation's life.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Life {
    /// Its process stands still until then.
    pub(super) frozen_until: Option<Timestamp>,
    /// It was frozen once: the platform lost sight of it.
    pub(super) is_zombie: bool,
    /// It died in the present poll.
    pub(super) dying: bool,
}

/// What the lock guards.
pub(super) struct Inner {
    pub(super) now: Timestamp,
    pub(super) rng: Rng,
    pub(super) faults: Faults,
    pub(super) tally: Tally,
    pub(super) lives: BTreeMap<TaskId, Life>,
    pub(super) violations: Vec<String>,
    pub(super) trace: Option<Vec<String>>,
    queue: BinaryHeap<Reverse<Entry>>,
    arrivals: u64,
}

impl Inner {
    pub(super) fn push(&mut self, at: Timestamp, due: Due) {
        let key = (at, self.rng.word(), self.arrivals);
        self.arrivals += 1;
        self.queue.push(Reverse(Entry { key, due }));
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10.3} {}", now.since(START).as_secs_f64(), text()));
        }
    }
}

/// The moment every run starts at.
pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The one clock and queue of a run.
pub struct Timeline(Mutex<Inner>);

impl Timeline {
    /// An empty one; with `traced` it keeps a line for each call.
    #[must_use]
    pub fn new(rng: Rng, faults: Faults, traced: bool) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            now: START,
            rng,
            faults,
            tally: Tally::default(),
            lives: BTreeMap::new(),
            violations: vec![],
            trace: traced.then(Vec::new),
            queue: BinaryHeap::new(),
            arrivals: 0,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no model panics under the lock")
    }

    /// True time; the workers' clocks are off by their skew.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Lets something happen later.
    pub fn at(&self, at: Timestamp, happening: Happening) {
        self.lock().push(at, Due::World(happening));
    }

    /// Draws from the run's seed.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.lock().rng)
    }

    /// A line for the trace of a replay.
    pub fn note(&self, text: impl FnOnce() -> String) {
        self.lock().note(text);
    }

    /// Something that must never be. The run ends with it.
    pub fn violation(&self, text: String) {
        let mut inner = self.lock();
        inner.note(|| format!("VIOLATION {text}"));
        inner.violations.push(text);
    }

    /// Takes the next event and goes to its moment. What belongs to a frozen process waits for the thaw.
    pub fn next(&self) -> Option<Due> {
        let mut inner = self.lock();
        loop {
            let Reverse(entry) = inner.queue.pop()?;
            let at = entry.key.0;
            if let Due::Wake(task, _) = &entry.due {
                let Some(life) = inner.lives.get(task) else {
                    continue;
                };
                if let Some(thaw) = life.frozen_until.filter(|thaw| *thaw > at) {
                    inner.push(thaw, entry.due);
                    continue;
                }
            }
            inner.now = inner.now.max(at);
            return Some(entry.due);
        }
    }

    /// Lets `time` pass for an invocation.
    #[must_use]
    pub fn pause(self: &Arc<Self>, task: TaskId, time: Duration) -> Pause {
        Pause {
            at: self.now().plus(time),
            timeline: self.clone(),
            task,
            queued: false,
        }
    }

    /// Whether an invocation runs, and the platform knows.
    #[must_use]
    pub fn is_running(&self, task: TaskId) -> bool {
        self.lock().lives.get(&task).is_some_and(|life| !life.is_zombie)
    }

    /// Counts a call that was interrupted.
    pub(super) fn crash(&self, task: TaskId, op: Op, after: bool) {
        let mut inner = self.lock();
        inner.tally.crash(op, after);
        inner.note(|| format!("#{task} DIES {} {op:?}", if after { "after" } else { "before" }));
        if let Some(life) = inner.lives.get_mut(&task) {
            life.dying = true;
        }
    }
}

/// A wait in virtual time.
pub struct Pause {
    timeline: Arc<Timeline>,
    task: TaskId,
    at: Timestamp,
    queued: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let queued = std::mem::replace(&mut self.queued, true);
        let mut inner = self.timeline.lock();
        if queued {
            return if inner.now >= self.at {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        inner.push(self.at, Due::Wake(self.task, context.waker().clone()));
        Poll::Pending
    }
}
