//! A queue before a CA's limit: the real worker renews what the CA is about to revoke, at a CA that exempts nothing.

use std::{fmt, time::Duration};

use certmint_core::{
    provider::{Limit, Limits},
    words::Timestamp,
};

use super::{
    ca_renewals::Ari,
    ca_state::CaState,
    faults::Faults,
    later::Later,
    rng::Rng,
    scenario::{Ask, Scenario},
    timeline::{START, Timeline},
    world::World,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Each certificate is looked at once in this time (`schedule::until_next_look`).
const LOOKS: Duration = Duration::from_secs(12 * 60 * 60);

/// What is drilled: certificates of one account, ordered at once, and revoked at once some days later.
#[derive(Clone, Copy, Debug)]
pub struct QueueDrill {
    /// How many.
    pub certificates: usize,
    /// Orders that the CA allows the account in an hour.
    pub orders_an_hour: u32,
    /// Workers that may run at once.
    pub workers: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct QueueOutcome {
    /// Certificates that were not renewed.
    pub left: usize,
    /// From the incident to the last renewal.
    pub over_after: Duration,
    /// The shortest that the limit allows, and never less than until all were looked at.
    pub at_best: Duration,
    /// Orders beyond the limit, by the CA's own count.
    pub beyond: u64,
    /// Calls of adapters for each certificate that was made.
    pub calls: f64,
    /// How often each was put off.
    pub held: f64,
}

impl fmt::Display for QueueOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = |time: Duration| time.as_secs_f64() / 3600.0;
        write!(
            f,
            "the last was renewed after {:.1} h ({:.1} h at best), {} never; {} orders beyond the limit; for each \
             certificate {:.0} calls, put off {:.1} times",
            hours(self.over_after),
            hours(self.at_best),
            self.left,
            self.beyond,
            self.calls,
            self.held
        )
    }
}

impl QueueDrill {
    /// Runs it.
    ///
    /// # Panics
    /// If no order is allowed.
    #[must_use]
    pub fn run(&self) -> QueueOutcome {
        let limit = Limit::new(self.orders_an_hour, 3600).expect("some orders");
        let wait = limit.interval() * u32::try_from(self.certificates).unwrap_or(u32::MAX);
        // All are there by then, and the bucket is full again.
        let incident = START.plus(wait + DAY);
        let scenario = self.scenario(limit, incident, incident.plus(wait * 2 + DAY));
        let timeline = Timeline::new(Rng::new(1), Faults::none(), false);
        let mut world = World::new(scenario, timeline);
        world.play();
        self.outcome(&world, limit, incident)
    }

    fn scenario(&self, limit: Limit, incident: Timestamp, until: Timestamp) -> Scenario {
        let name = |n: usize| -> &'static str { Box::leak(format!("h{n}.example.com").into_boxed_str()) };
        let ask = |n| Ask::of(vec![name(n)]);
        let later = Later {
            life: DAY * 90,
            until,
            trouble: until,
            ari: Ari::Moved(incident),
            refuses_replaces: false,
            limits: Limits {
                new_orders: Some(limit),
                ..Limits::NONE
            },
            cares: vec![],
        };
        let asks = (0..self.certificates).map(ask).collect();
        Scenario {
            workers: self.workers,
            ..Scenario::of_good_days(asks, Some(later))
        }
    }

    fn outcome(&self, world: &World, limit: Limit, incident: Timestamp) -> QueueOutcome {
        let lock = "no model panics under the lock";
        let tables = world.outside.tables.lock().expect(lock);
        let ca = world.outside.ca.lock().expect(lock);
        let tally = &world.timeline.lock().tally;
        let renewed = tables.certificates.values().filter(|c| c.version > 1);
        let made: Vec<Timestamp> = renewed.map(|c| c.not_before).collect();
        let issued = ca.issued.len().max(1) as f64;
        let beyond_the_first = self.certificates.saturating_sub(limit.count() as usize);
        QueueOutcome {
            left: self.certificates - made.len(),
            over_after: made.into_iter().max().unwrap_or(incident).since(incident),
            at_best: LOOKS.max(limit.interval() * u32::try_from(beyond_the_first).unwrap_or(u32::MAX)),
            beyond: beyond(&ca, limit),
            calls: tally.calls as f64 / issued,
            held: tally.held as f64 / issued,
        }
    }
}

/// Orders that a CA which counts tokens would have refused.
fn beyond(ca: &CaState, limit: Limit) -> u64 {
    let count = f64::from(limit.count());
    let (mut left, mut at, mut beyond) = (count, START, 0);
    for order in &ca.orders {
        let back = order.made_at.since(at).as_secs_f64() * count / limit.window().as_secs_f64();
        left = (left + back).min(count) - 1.0;
        at = order.made_at;
        // A tenth: calls that pass each other on their way.
        beyond += u64::from(left < -0.1);
    }
    beyond
}
