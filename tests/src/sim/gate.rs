//! Every call of an adapter passes a gate: there it takes time, is refused, loses its answer, or its caller dies.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use certmint_core::words::Timestamp;

use super::{
    faults::Fate,
    op::{Op, Outage},
    rng::Rng,
    timeline::{TaskId, Timeline},
};

/// AWS refuses a request whose signature is older than this (`RequestExpired`).
const SIGNATURE_KEPT: Duration = Duration::from_secs(5 * 60);

/// The way of one process to the world.
#[derive(Clone)]
pub struct Gate(Option<Caller>);

#[derive(Clone)]
struct Caller {
    timeline: Arc<Timeline>,
    /// The invocation that the process serves now.
    task: Arc<AtomicU32>,
}

fn latency(rng: &mut Rng, slow: u64) -> Duration {
    let millis = match rng.within(0, 1000) {
        n if n < slow => rng.within(5_000, 60_000),
        n if n < 100 => rng.within(200, 3_000),
        _ => rng.within(1, 60),
    };
    Duration::from_millis(millis)
}

impl Gate {
    /// One that lets everything through at once: for conformance tests and for clients of the run.
    #[must_use]
    pub const fn open() -> Self {
        Self(None)
    }

    /// The gate of a process whose present invocation stands in `task`.
    #[must_use]
    pub const fn of(timeline: Arc<Timeline>, task: Arc<AtomicU32>) -> Self {
        Self(Some(Caller { timeline, task }))
    }

    /// True time; the epoch where no time runs.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0
            .as_ref()
            .map_or(Timestamp::ZERO, |caller| caller.timeline.now())
    }

    /// The invocation that calls.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        self.0.as_ref().map(|caller| caller.task.load(Ordering::Relaxed))
    }

    /// The run's time, if it is part of one.
    #[must_use]
    pub fn timeline(&self) -> Option<&Arc<Timeline>> {
        self.0.as_ref().map(|caller| &caller.timeline)
    }

    /// Draws from the run's seed; zero where there is none.
    #[must_use]
    pub fn draw(&self, low: u64, high: u64) -> u64 {
        self.0
            .as_ref()
            .map_or(low, |caller| caller.timeline.draw(|rng| rng.within(low, high)))
    }

    /// Does a call: `act` is its effect, done as a whole or not at all.
    pub async fn call<T, E: Outage>(
        &self,
        op: Op,
        mut act: impl FnMut() -> Result<T, E> + Send,
    ) -> Result<T, E> {
        let Some(caller) = &self.0 else { return act() };
        let task = caller.task.load(Ordering::Relaxed);
        match caller.enter(task, op).await {
            Fate::Fine => {
                let answer = act();
                caller.timeline.note(|| {
                    let how = if answer.is_ok() {
                        "ok"
                    } else {
                        "refused by the model"
                    };
                    format!("#{task} {op:?}: {how}")
                });
                answer
            }
            Fate::Refused => Err(E::unavailable(op)),
            Fate::Denied => Err(E::denied(op)),
            Fate::AnswerLost => {
                drop(act());
                Err(E::unavailable(op))
            }
            Fate::Repeated => {
                drop(act());
                caller.timeline.pause(task, Duration::from_millis(100)).await;
                act()
            }
            Fate::DiesBefore => {
                caller.timeline.crash(task, op, false);
                std::future::pending().await
            }
            Fate::DiesAfter => {
                drop(act());
                caller.timeline.crash(task, op, true);
                std::future::pending().await
            }
        }
    }

    /// Lets time pass for the process.
    pub async fn sleep(&self, time: Duration) {
        if let Some(caller) = &self.0 {
            let task = caller.task.load(Ordering::Relaxed);
            caller.timeline.pause(task, time).await;
        }
    }
}

impl Caller {
    async fn enter(&self, task: TaskId, op: Op) -> Fate {
        let (fate, began, wait) = {
            let mut guard = self.timeline.lock();
            let inner = &mut *guard;
            let (fate, freezes) = inner.faults.next(op, inner.now, &mut inner.rng);
            if freezes {
                let thaw = inner
                    .now
                    .plus(Duration::from_secs(inner.rng.within(60, 3 * 3600)));
                if let Some(life) = inner.lives.get_mut(&task) {
                    (life.frozen_until, life.is_zombie) = (Some(thaw), true);
                }
                inner.tally.freezes += 1;
                inner.note(|| format!("#{task} FREEZES before {op:?}"));
            }
            let slow = if inner.faults.are_about(inner.now) {
                inner.faults.slow
            } else {
                0
            };
            (fate, inner.now, latency(&mut inner.rng, slow))
        };
        self.timeline.pause(task, wait).await;
        let mut inner = self.timeline.lock();
        inner.tally.calls += 1;
        let fate = if op.expires() && inner.now.since(began) > SIGNATURE_KEPT {
            Fate::Refused
        } else {
            fate
        };
        match fate {
            Fate::Refused => inner.tally.refused += 1,
            Fate::Denied => inner.tally.denied += 1,
            Fate::AnswerLost => inner.tally.lost += 1,
            Fate::Repeated => inner.tally.repeated += 1,
            Fate::Fine | Fate::DiesBefore | Fate::DiesAfter => {}
        }
        if fate != Fate::Fine {
            inner.note(|| format!("#{task} {op:?}: {fate:?}"));
        }
        fate
    }
}
