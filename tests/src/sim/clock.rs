//! A worker's clock: virtual time, off by a fixed skew.

use std::time::Duration;

use async_trait::async_trait;
use certmint_core::{clock::Clock, words::Timestamp};

use certmint_shared::clock::{Timer, UNSURE};

use super::gate::Gate;

/// What a clock that the table set is wrong by at the most.
const TOLD: Duration = Duration::from_secs(3);

/// Shows the run's time, some minutes early or late.
pub struct SimClock {
    gate: Gate,
    skew_millis: i64,
    /// Whether it is the table's.
    told: bool,
}

impl SimClock {
    /// A clock that is ahead by `skew_millis` (behind, if negative).
    #[must_use]
    pub const fn new(gate: Gate, skew_millis: i64, told: bool) -> Self {
        Self {
            gate,
            skew_millis,
            told,
        }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.gate.now().millis() + self.skew_millis)
    }
}

#[async_trait]
impl Timer for SimClock {
    async fn sleep(&self, time: Duration) {
        self.gate.sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        self.gate.now().since(Timestamp::ZERO)
    }

    fn uncertainty(&self) -> Duration {
        if self.told { TOLD } else { UNSURE }
    }

    fn lag(&self) -> Duration {
        if self.told { TOLD } else { Duration::ZERO }
    }
}
