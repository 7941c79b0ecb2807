//! The time: the machine's, and one that is wrong on purpose for drills of clock skew and to see today what an issuance
//! does tomorrow.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use certmint_core::{clock::Clock, words::Timestamp};

/// Lets time pass.
#[async_trait]
pub trait Timer: Clock {
    /// Returns when `time` has passed.
    async fn sleep(&self, time: Duration);
    /// Time since a moment that stays the same: nobody sets this clock, and it tells no time of day.
    fn elapsed(&self) -> Duration;
    /// The most that the time of day is wrong by.
    fn uncertainty(&self) -> Duration {
        UNSURE
    }
    /// The most that it is behind others' clocks although it was set right: what is due for them by then is due.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a machine's clock that nobody checks may be wrong by.
pub const UNSURE: Duration = Duration::from_secs(5 * 60);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }
}

#[async_trait]
impl Timer for SystemClock {
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// A clock that is ahead or behind another one by some seconds.
pub struct ShiftedClock {
    of: Arc<dyn Timer>,
    offset: i64,
}

impl ShiftedClock {
    /// Ahead by `offset` seconds; behind if it is negative.
    #[must_use]
    pub fn new(of: Arc<dyn Timer>, offset: i64) -> Self {
        Self { of, offset }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let by = Duration::from_secs(self.offset.unsigned_abs());
        match self.offset {
            0.. => self.of.now().plus(by),
            _ => self.of.now().minus(by),
        }
    }
}

#[async_trait]
impl Timer for ShiftedClock {
    async fn sleep(&self, time: Duration) {
        self.of.sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        self.of.elapsed()
    }

    /// What lives in another time than the table cannot be told its own.
    fn uncertainty(&self) -> Duration {
        UNSURE
    }

    fn lag(&self) -> Duration {
        self.of.lag()
    }
}
