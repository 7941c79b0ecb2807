//! A process of a function: the real code over its own way to the world, with its own clock.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use certmint_core::{
    clock::Clock,
    provider::{Limits, OrderRules, Provider, Providers},
};
use certmint_shared::{
    cleanup::Cleaner,
    worker::{Adapters, Worker, WorkerSettings},
};

use super::{
    ca::SimCa,
    ca_state::CaState,
    clock::SimClock,
    gate::Gate,
    queue::SimQueue,
    rng::Rng,
    store::{MemoryStore, Tables},
    timeline::{TaskId, Timeline},
    vault::{MemoryVault, Secrets},
    zones::{SimZones, ZoneState},
};

/// Clocks are off by at most this much, in either direction.
const SKEW_MILLIS: i64 = 5 * 60_000;
/// The table's time is off by less than this.
const TOLD_MILLIS: i64 = 3_000;

/// Up to `most` off, in either direction.
fn either_way(rng: &mut Rng, most: i64) -> i64 {
    let width = 2 * most.unsigned_abs();
    i64::try_from(rng.within(0, width)).unwrap_or_default() - most
}

/// One invocation on its way.
pub(super) type Work = Pin<Box<dyn Future<Output = ()>>>;

/// What outlives every process.
#[derive(Clone, Default)]
pub(super) struct Outside {
    /// The table.
    pub(super) tables: Arc<Mutex<Tables>>,
    /// The vault.
    pub(super) secrets: Secrets,
    /// The zones.
    pub(super) zones: Arc<Mutex<ZoneState>>,
    /// The CA.
    pub(super) ca: Arc<Mutex<CaState>>,
}

/// Which function a process runs.
pub(super) enum Kind {
    /// A worker, how it signs its leases, and what its CA allows.
    Worker(Box<WorkerSettings>, String, Limits),
    /// The cleaner.
    Cleaner,
}

#[derive(Clone)]
enum Function {
    Worker(Arc<Worker>),
    Cleaner(Arc<Cleaner>),
}

/// A process that serves one invocation after another.
pub(super) struct Process {
    function: Function,
    clock: Arc<SimClock>,
    task: Arc<AtomicU32>,
}

impl Process {
    /// A cold start, with a clock that may be off.
    pub(super) fn start(outside: &Outside, timeline: &Arc<Timeline>, kind: Kind, may_be_off: bool) -> Self {
        let task = Arc::new(AtomicU32::new(0));
        let gate = Gate::of(timeline.clone(), task.clone());
        // Most have the table's time; where nothing told it, the machine's is as wrong as they come.
        let (skew, told) = timeline.draw(|rng| match rng.within(0, 8) {
            _ if !may_be_off => (0, true),
            0 => (SKEW_MILLIS, false),
            1 => (-SKEW_MILLIS, false),
            2 => (either_way(rng, SKEW_MILLIS), false),
            3 => (0, false),
            _ => (either_way(rng, TOLD_MILLIS), true),
        });
        let clock = Arc::new(SimClock::new(gate.clone(), skew, told));
        let store = Arc::new(MemoryStore::new(outside.tables.clone(), gate.clone()));
        let zones = Arc::new(SimZones::new(
            outside.zones.clone(),
            outside.tables.clone(),
            gate.clone(),
        ));
        let function = match kind {
            Kind::Cleaner => {
                Function::Cleaner(Arc::new(Cleaner::new(store.clone(), store, zones, clock.clone())))
            }
            Kind::Worker(settings, owner, limits) => {
                let ca = SimCa::new(
                    outside.ca.clone(),
                    outside.zones.clone(),
                    outside.secrets.clone(),
                    gate.clone(),
                    skew,
                );
                let adapters = Adapters {
                    store: store.into(),
                    vault: Arc::new(MemoryVault::new(outside.secrets.clone(), gate.clone())),
                    wakes: Arc::new(SimQueue::new(gate)),
                    ca: Arc::new(ca),
                    zones: zones.clone(),
                    view: zones,
                    clock: clock.clone(),
                    providers: limited_to(limits),
                };
                Function::Worker(Arc::new(Worker::new(&adapters, *settings, owner)))
            }
        };
        Self {
            function,
            clock,
            task,
        }
    }

    /// Its next invocation, which may take `timeout`.
    pub(super) fn invoke(&self, task: TaskId, timeout: Duration) -> Work {
        self.task.store(task, Ordering::Relaxed);
        let deadline = self.clock.now().plus(timeout);
        match self.function.clone() {
            Function::Worker(worker) => Box::pin(async move {
                drop(worker.run(deadline).await);
            }),
            Function::Cleaner(cleaner) => Box::pin(async move {
                drop(cleaner.run(deadline).await);
            }),
        }
    }
}

/// The configured CAs with the limits of the run; they certify the names of its made-up zones.
fn limited_to(limits: Limits) -> Providers {
    let all = Providers::default();
    let list = all.iter().map(|p| Provider {
        limits,
        orders: OrderRules {
            public_names_only: false,
            ..p.orders.clone()
        },
        ..p.clone()
    });
    Providers::new(list.collect()).expect("names differ")
}
