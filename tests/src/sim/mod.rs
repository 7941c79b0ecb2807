//! A world in one thread and in virtual time, for the real worker and the real cleaner. A seed decides everything:
//! who asks for what, the order of events, what is refused, lost or sent twice, who dies where. The same seed gives
//! the same run.

mod ca;
mod ca_renewals;
mod ca_state;
mod clients;
mod clock;
mod drill;
mod faults;
mod gate;
mod lack;
mod later;
mod leaf;
mod op;
mod platform;
mod process;
mod queue;
mod renewed;
mod rng;
mod scenario;
mod store;
mod tally;
mod timeline;
mod vault;
mod verdict;
mod world;
mod year;
mod zones;

pub use self::{
    ca::SimCa,
    ca_renewals::Ari,
    ca_state::{CaHabits, CaState},
    clock::SimClock,
    drill::{QueueDrill, QueueOutcome},
    faults::Faults,
    gate::Gate,
    lack::Lack,
    op::{Op, call_of, every_effect, later_calls},
    rng::Rng,
    scenario::{Ask, Scenario},
    store::{MemoryStore, Tables},
    tally::Tally,
    vault::{MemoryVault, Secrets},
    world::{Verdict, run, run_scenario},
    year::{Year, YearOutcome},
    zones::{SimZones, ZoneState},
};
