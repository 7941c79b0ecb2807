//! What a function and its instances share.

use std::{
    path::PathBuf,
    sync::{
        Mutex as StdMutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::logs::Logs;

/// What a function is made of.
#[derive(Clone, Debug)]
pub struct FunctionConfig {
    /// Its name; log lines carry it.
    pub name: &'static str,
    /// The bootstrap.
    pub binary: PathBuf,
    /// Its whole environment, beside what the Runtime API adds.
    pub env: Vec<(String, String)>,
    /// After this long an invocation is killed.
    pub timeout: Duration,
    /// Instances that run beside each other.
    pub instances: usize,
    /// Seconds that each instance lives ahead of the time.
    pub clocks: Vec<i64>,
    /// Seconds that each instance's clock is wrong by (ahead).
    pub skews: Vec<i64>,
}

/// Why an invocation has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The function answered with an error.
    #[error("function error: {0}")]
    Function(String),
    /// The process ended in mid-invocation.
    #[error("the runtime exited: {0}")]
    Exited(String),
    /// It took longer than its time-out.
    #[error("the task timed out")]
    TimedOut,
    /// The stack is stopping.
    #[error("the function is gone")]
    Gone,
}

pub(super) type Answer = Result<Bytes, InvokeError>;

/// One event on its way.
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What the instances of a function share.
pub(super) struct Shared {
    pub(super) config: FunctionConfig,
    pub(super) queue: Mutex<mpsc::UnboundedReceiver<Invocation>>,
    /// Events that no instance has taken yet.
    pub(super) waiting: AtomicUsize,
    /// Environment set since, for the next start.
    pub(super) overrides: StdMutex<Vec<(String, String)>>,
    pub(super) logs: Logs,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) kill: watch::Receiver<u64>,
    /// How often an instance started and asked for work.
    pub(super) ready: watch::Sender<usize>,
    /// Invocations that ended, and the milliseconds that they took.
    pub(super) billed: (AtomicU64, AtomicU64),
}

impl Shared {
    /// Lambda bills whole milliseconds, from the event to the answer.
    pub(super) fn bill(&self, time: Duration) {
        let millis = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        self.billed.0.fetch_add(1, Ordering::Relaxed);
        self.billed.1.fetch_add(millis, Ordering::Relaxed);
    }
}
