//! A year of certificates under the real worker and engine, in virtual time, on days when nothing goes wrong.

use std::time::Duration;

use certmint_core::{certificate::Certificate, provider::Limits};

use super::{
    ca_renewals::Ari,
    faults::Faults,
    later::Later,
    rng::Rng,
    scenario::{Ask, Scenario},
    timeline::{START, Timeline},
    verdict,
    world::World,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NAMES: [&str; 3] = ["a.example.com", "b.example.com", "a.example.net"];

/// Certificates of one life for 366 days.
#[derive(Clone, Copy, Debug)]
pub struct Year {
    /// Days that each version lives.
    pub life: u32,
    /// Whether the CA has renewal information (RFC 9773).
    pub ari: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct YearOutcome {
    /// Renewals of each certificate.
    pub renewals: Vec<u64>,
    /// The least that was left of a version's life, as a part of it, when the next one was made.
    pub least_left: f64,
    /// Certificates that the CA made.
    pub issued: usize,
    /// What may not be.
    pub violations: Vec<String>,
}

impl Year {
    /// Lets it pass.
    ///
    /// # Panics
    /// If a model of the world panicked.
    #[must_use]
    pub fn pass(self) -> YearOutcome {
        let timeline = Timeline::new(Rng::new(1), Faults::none(), false);
        let mut world = World::new(self.scenario(), timeline);
        world.play();
        let violations = verdict::of(&world).violations;
        let lock = "no model panics under the lock";
        let tables = world.outside.tables.lock().expect(lock);
        let of = |newest: &Certificate| -> Vec<Certificate> {
            let id = newest.id.get();
            let older = tables.versions.range((id, 0)..(id + 1, 0));
            older.map(|(_, c)| c.clone()).chain([newest.clone()]).collect()
        };
        let all: Vec<Vec<Certificate>> = tables.certificates.values().map(of).collect();
        let left = |pair: &[Certificate]| match pair {
            [old, new] => {
                let life = old.expires_at.since(old.not_before);
                old.expires_at.since(new.not_before).as_secs_f64() / life.as_secs_f64()
            }
            _ => 1.0,
        };
        let least_left = all.iter().flat_map(|versions| versions.windows(2)).map(left);
        YearOutcome {
            renewals: all.iter().map(|versions| versions.len() as u64 - 1).collect(),
            least_left: least_left.fold(1.0, f64::min),
            issued: world.outside.ca.lock().expect(lock).issued.len(),
            violations,
        }
    }

    fn scenario(self) -> Scenario {
        let until = START.plus(DAY * 366);
        let later = Later {
            life: DAY * self.life,
            until,
            trouble: until,
            ari: if self.ari { Ari::Steady } else { Ari::None },
            refuses_replaces: false,
            limits: Limits::NONE,
            cares: vec![],
        };
        let ask = |name| Ask::of(vec![name]);
        Scenario::of_good_days(NAMES.map(ask).to_vec(), Some(later))
    }
}
