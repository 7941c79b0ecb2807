//! The platform that runs the functions: a process a slot, invocations that go on, end, die or freeze.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use certmint_core::provider::Limits;

use super::{
    process::{Kind, Outside, Process, Work},
    scenario::Scenario,
    timeline::{Happening, Life, TaskId, Timeline},
};

/// A place where one process runs at a time.
#[derive(Default)]
struct Slot {
    process: Option<Process>,
    task: Option<TaskId>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Invocation {
    future: Work,
    woken: Arc<Woken>,
    slot: usize,
}

/// Slots for workers, and the last one for the cleaner.
pub(super) struct Platform {
    slots: Vec<Slot>,
    running: BTreeMap<TaskId, Invocation>,
    last_task: TaskId,
    processes: u32,
}

impl Platform {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            slots: (0..=workers).map(|_| Slot::default()).collect(),
            running: BTreeMap::new(),
            last_task: 0,
            processes: 0,
        }
    }

    pub(super) fn is_running(&self, task: TaskId) -> bool {
        self.running.contains_key(&task)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.slots.iter().any(|slot| slot.task.is_some())
    }

    pub(super) fn cleaner(&self) -> usize {
        self.slots.len() - 1
    }

    pub(super) fn free_workers(&self) -> Vec<usize> {
        (0..self.cleaner())
            .filter(|slot| self.slots[*slot].task.is_none())
            .collect()
    }

    fn start_process(
        &mut self,
        is_cleaner: bool,
        scenario: &Scenario,
        outside: &Outside,
        timeline: &Arc<Timeline>,
    ) -> Process {
        self.processes += 1;
        let name = format!("process-{}", self.processes);
        let kind = if is_cleaner {
            Kind::Cleaner
        } else {
            let limits = scenario.later.as_ref().map_or(Limits::NONE, |l| l.limits);
            Kind::Worker(Box::new(scenario.settings), name, limits)
        };
        Process::start(outside, timeline, kind, scenario.clocks_are_off)
    }

    pub(super) fn invoke(
        &mut self,
        slot: usize,
        scenario: &Scenario,
        outside: &Outside,
        timeline: &Arc<Timeline>,
    ) {
        if self.slots[slot].task.is_some() {
            return;
        }
        let cold = scenario.cold_starts;
        let recycled = timeline.draw(|rng| rng.per_mille(cold));
        if self.slots[slot].process.is_none() || recycled {
            let is_cleaner = slot + 1 == self.slots.len();
            self.slots[slot].process = Some(self.start_process(is_cleaner, scenario, outside, timeline));
        }
        self.last_task += 1;
        let task = self.last_task;
        let place = &mut self.slots[slot];
        let Some(process) = &place.process else { return };
        place.task = Some(task);
        let future = process.invoke(task, scenario.timeout);
        // The platform is not exact: what is in flight at the deadline may still arrive.
        let late = timeline.draw(|rng| rng.within(0, 20_000));
        let end = timeline.now().plus(scenario.timeout);
        timeline.at(end.plus(Duration::from_millis(late)), Happening::Kill(task));
        {
            let mut inner = timeline.lock();
            inner.lives.insert(task, Life::default());
            inner.tally.invocations += 1;
            inner.note(|| format!("#{task} starts in slot {slot}"));
        }
        let woken = Arc::new(Woken::default());
        self.running.insert(task, Invocation { future, woken, slot });
        self.poll(task, timeline);
    }

    /// Lets an invocation go on as far as it gets without the world.
    pub(super) fn poll(&mut self, task: TaskId, timeline: &Timeline) {
        let Some(invocation) = self.running.get_mut(&task) else {
            return;
        };
        let waker = Waker::from(invocation.woken.clone());
        let over = loop {
            invocation.woken.0.store(false, Ordering::Relaxed);
            let polled = invocation.future.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                break true;
            }
            let life = timeline.lock().lives.get(&task).copied().unwrap_or_default();
            if life.dying {
                self.bury(task, timeline);
                return;
            }
            if life.is_zombie {
                // The platform starts another process in its place.
                self.forget(task);
                return;
            }
            if !invocation.woken.0.load(Ordering::Relaxed) {
                break false;
            }
        };
        if over {
            let slot = invocation.slot;
            self.running.remove(&task);
            timeline.lock().lives.remove(&task);
            if self.slots[slot].task == Some(task) {
                self.slots[slot].task = None;
            }
        }
    }

    /// The process is gone, with whatever its invocation was about to do.
    pub(super) fn bury(&mut self, task: TaskId, timeline: &Timeline) {
        self.forget(task);
        self.running.remove(&task);
        timeline.lock().lives.remove(&task);
        timeline.note(|| format!("#{task} is no more"));
    }

    fn forget(&mut self, task: TaskId) {
        if let Some(slot) = self.slots.iter_mut().find(|s| s.task == Some(task)) {
            *slot = Slot::default();
        }
    }
}
