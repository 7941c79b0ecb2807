//! One run: the real worker and the real cleaner over the models, from the first request until nothing is left to do.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use certmint_core::{
    account::NewAccount,
    issuance::RequestStatus,
    words::{AccountId, ProviderId, RequestId, Timestamp},
};
use certmint_shared::store::{AccountKeys, AccountStore};

use super::{
    clients::Wishes,
    gate::Gate,
    platform::Platform,
    process::Outside,
    rng::Rng,
    scenario::{ALIASES, Scenario, ZONES},
    store::MemoryStore,
    tally::Tally,
    timeline::{Due, Happening, START, Timeline},
    verdict,
    zones::ZoneState,
};

/// Everything ends within this, or it never does.
const DEADLINE: Duration = Duration::from_secs(40 * 24 * 3600);
/// For one certificate.
const MAX_EVENTS: usize = 60_000;
/// A worker whose clock is ahead finds work so long before it is due (both clocks of five minutes).
const EARLIEST: Duration = Duration::from_secs(10 * 60);

/// What a run found.
pub struct Verdict {
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// What was tried.
    pub tally: Tally,
    /// What happened, if it was traced.
    pub trace: Vec<String>,
}

pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) outside: Outside,
    pub(super) timeline: Arc<Timeline>,
    /// Requests by their place in the scenario.
    pub(super) requests: BTreeMap<usize, RequestId>,
    /// Retries that clients made.
    pub(super) retried: BTreeMap<RequestId, u64>,
    /// What clients did with their certificates.
    pub(super) wishes: Wishes,
    pub(super) clients: MemoryStore,
    platform: Platform,
    next_turn: Option<Timestamp>,
}

/// Runs a seed to its end and judges it.
#[must_use]
pub fn run(seed: u64, traced: bool) -> Verdict {
    let (scenario, rng) = Scenario::of(seed);
    play(scenario, rng, traced)
}

/// Runs a scenario that a test made.
#[must_use]
pub fn run_scenario(scenario: Scenario, seed: u64) -> Verdict {
    play(scenario, Rng::new(seed), true)
}

fn play(scenario: Scenario, rng: Rng, traced: bool) -> Verdict {
    let timeline = Timeline::new(rng, scenario.faults.clone(), traced);
    let mut world = World::new(scenario, timeline);
    world.play();
    let mut verdict = verdict::of(&world);
    verdict.tally.schedules = 1;
    verdict
}

/// What is there at once; a client's call never waits.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("an open gate lets everything through at once"),
    }
}

impl World {
    pub(super) fn new(scenario: Scenario, timeline: Arc<Timeline>) -> Self {
        let outside = Outside::default();
        {
            let mut zones = outside.zones.lock().expect("nobody else is here");
            *zones = ZoneState::new(&ZONES, &ALIASES);
            zones.lazy = scenario.lazy_zones;
        }
        outside.ca.lock().expect("nobody else is here").habits = scenario.habits;
        let clients = MemoryStore::new(outside.tables.clone(), Gate::open());
        for contact in &scenario.contacts {
            let new = NewAccount {
                provider_id: ProviderId::new(1),
                email: Some(contact.parse().expect("an address")),
                eab_kid: None,
                eab_key_ref: None,
                eab_expires_at: None,
            };
            at_once(clients.create_account(new, None, START)).expect("an account");
        }
        for (place, ask) in scenario.asks.iter().enumerate() {
            timeline.at(ask.at, Happening::Ask(place));
        }
        for (place, write) in scenario.foreign.iter().enumerate() {
            timeline.at(write.at, Happening::Foreign(place));
        }
        for (at, account) in &scenario.rollovers {
            timeline.at(*at, Happening::Roll(*account));
        }
        if let Some((at, zone)) = scenario.zone_gone {
            timeline.at(at, Happening::ZoneGone(zone));
        }
        for (place, care) in scenario.later.iter().flat_map(|l| l.cares.iter().enumerate()) {
            timeline.at(care.at, Happening::Care(place));
        }
        let platform = Platform::new(scenario.workers);
        Self {
            scenario,
            outside,
            timeline,
            requests: BTreeMap::new(),
            retried: BTreeMap::new(),
            wishes: Wishes::default(),
            clients,
            platform,
            next_turn: None,
        }
    }

    pub(super) fn play(&mut self) {
        let end = self.horizon().unwrap_or(START).plus(DEADLINE);
        for _ in 0..MAX_EVENTS * (1 + self.scenario.asks.len()) {
            let Some(due) = self.timeline.next() else { return };
            match due {
                Due::Wake(task, waker) => {
                    waker.wake();
                    self.platform.poll(task, &self.timeline);
                    let now = self.timeline.now();
                    if self.next_turn.is_none() && self.next_work(now).is_some() {
                        self.wake_schedule(now);
                    }
                }
                Due::World(happening) => self.happen(&happening),
            }
            if !self.timeline.lock().violations.is_empty() {
                return;
            }
            if self.timeline.now() > end {
                break;
            }
        }
        self.timeline.violation("it never ends".into());
    }

    fn happen(&mut self, happening: &Happening) {
        if !matches!(happening, Happening::Kill(task) if !self.platform.is_running(*task)) {
            self.timeline.note(|| format!("{happening:?}"));
        }
        let now = self.timeline.now();
        match happening {
            Happening::Tick => self.tick(),
            Happening::Woken => self.woken(),
            Happening::Ask(place) => self.ask(*place),
            Happening::Retry(id) => self.retry(*id),
            Happening::Roll(account) => {
                let id = AccountId::new(*account as u64 + 1);
                if at_once(self.clients.begin_rollover(id, now)).is_ok() {
                    self.timeline.lock().tally.rollovers += 1;
                    self.wake_schedule(now);
                }
            }
            Happening::Care(place) => self.care(*place),
            Happening::Wish(place) => self.wish(*place),
            Happening::Foreign(place) => {
                let write = self.scenario.foreign[*place].clone();
                let mut zones = self.outside.zones.lock().expect("no model panics under the lock");
                zones.foreign_write(&write.fqdn, write.kind, now);
            }
            Happening::ZoneGone(zone) => {
                let mut zones = self.outside.zones.lock().expect("no model panics under the lock");
                zones.delete_zone(*zone);
            }
            Happening::Kill(task) => {
                if self.platform.is_running(*task) && self.timeline.is_running(*task) {
                    self.timeline.lock().tally.kills += 1;
                    self.platform.bury(*task, &self.timeline);
                }
            }
        }
    }

    /// Lets the schedule turn soon, unless it does so anyway.
    pub(super) fn wake_schedule(&mut self, now: Timestamp) {
        let wait = self.timeline.draw(|rng| rng.within(0, 5_000));
        self.turn_at(now.plus(Duration::from_millis(wait)));
    }

    fn turn_at(&mut self, at: Timestamp) {
        if self.next_turn.is_none_or(|next| next > at) {
            self.next_turn = Some(at);
            self.timeline.at(at, Happening::Tick);
        }
    }

    /// Until when renewals and chores are work.
    fn horizon(&self) -> Option<Timestamp> {
        self.scenario.later.as_ref().map(|later| later.until)
    }

    fn next_work(&self, now: Timestamp) -> Option<Timestamp> {
        let tables = self.clients.tables();
        let dues = [tables.worker_is_due(self.horizon()), tables.value_is_due(now)];
        dues.into_iter().flatten().min()
    }

    /// The schedule's turn. While nothing is due, turns are passed over: they would find nothing.
    fn tick(&mut self) {
        let now = self.timeline.now();
        if self.next_turn != Some(now) {
            // An earlier turn took its place.
            return;
        }
        self.next_turn = None;
        let busy = self.platform.is_busy();
        let Some(next) = self.next_work(now).or_else(|| busy.then_some(now)) else {
            return;
        };
        // A clock that is ahead finds work early; that is tried at times, not at every turn.
        let early = self.timeline.draw(|rng| *rng.pick(&[0, 0, 1, 5]));
        let due = next.minus(Duration::from_secs(early * 60));
        self.turn_at(now.plus(self.scenario.interval).max(due));
        let lost = self.scenario.lost_events;
        let (workers, clean, lost) = self.timeline.draw(|rng| {
            let workers = if rng.per_mille(600) { 1 } else { rng.within(1, 5) };
            (workers, rng.per_mille(300), rng.per_mille(lost))
        });
        if lost {
            return;
        }
        let for_workers = self.clients.tables().worker_is_due(self.horizon());
        let requests = self.clients.tables().worker_is_due(None).is_some();
        // What is due later alone is no reason to start workers for the sake of a value.
        let only_values = !requests && for_workers.is_none_or(|at| at > now.plus(EARLIEST));
        if clean || only_values {
            let cleaner = self.platform.cleaner();
            self.platform
                .invoke(cleaner, &self.scenario, &self.outside, &self.timeline);
        }
        let free = self.platform.free_workers();
        for slot in free.into_iter().take(usize::try_from(workers).unwrap_or(1)) {
            if !only_values {
                self.platform
                    .invoke(slot, &self.scenario, &self.outside, &self.timeline);
            }
        }
    }

    /// A wake arrives, and starts a worker; while none is free the queue keeps it.
    fn woken(&mut self) {
        let lost = self.scenario.lost_events;
        if self.timeline.draw(|rng| rng.per_mille(lost)) {
            return;
        }
        match self.platform.free_workers().first() {
            Some(slot) => {
                self.platform
                    .invoke(*slot, &self.scenario, &self.outside, &self.timeline);
            }
            None => {
                let again = self.timeline.now().plus(Duration::from_secs(5));
                self.timeline.at(again, Happening::Woken);
            }
        }
    }

    /// Requests as they stand, with what their client wanted.
    pub(super) fn ended(&self) -> impl Iterator<Item = (usize, RequestId)> {
        self.requests.iter().map(|(place, id)| (*place, *id))
    }

    /// How a request ended.
    pub(super) fn status(&self, id: RequestId) -> Option<RequestStatus> {
        self.clients.tables().requests.get(&id).map(|r| r.status)
    }
}
