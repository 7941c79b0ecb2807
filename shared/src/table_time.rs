//! The table's time. Workers compare what is due with their own clock, and what one of them writes is read by the others; so
//! all take the time of the one machine that they have in common: each of its answers says it (`Date`, RFC 9110 §6.6.1).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
    },
    error::BoxError,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::clock::Timer;
use certmint_core::{clock::Clock, words::Timestamp};

/// `Date` counts whole seconds, and a server may make it once a second and give each answer what it has.
const COARSE: i64 = 2_000;
/// What the time may be wrong by once it was told: that, and what the machine's clock drifts until the next answer.
const TOLD: Duration = Duration::from_secs(3);

/// A clock that is right by the table's answers.
#[derive(Clone)]
pub(crate) struct TableTime {
    machine: Arc<dyn Timer>,
    /// Milliseconds that the machine's clock is behind.
    behind: Arc<AtomicI64>,
    /// Whether any answer told the time.
    is_told: Arc<AtomicBool>,
}

impl TableTime {
    /// As the machine has it, until an answer says otherwise.
    pub(crate) fn new(machine: Arc<dyn Timer>) -> Self {
        Self {
            machine,
            behind: Arc::default(),
            is_told: Arc::default(),
        }
    }

    /// The table told its time somewhen between two moments of the machine. Only what cannot be otherwise is corrected: a
    /// clock that is right is never moved, however long an answer was under way.
    fn told(&self, date: Timestamp, sent: Timestamp, received: Timestamp) {
        let least = date.millis() - received.millis();
        let most = date.millis() + COARSE - sent.millis();
        let before = self.behind.load(Ordering::Relaxed);
        // A clock that was set meanwhile says nothing.
        if least > most {
            return;
        }
        self.is_told.store(true, Ordering::Relaxed);
        if !(least..=most).contains(&before) {
            let behind = before.clamp(least, most);
            self.behind.store(behind, Ordering::Relaxed);
            if before.abs_diff(behind) >= COARSE.unsigned_abs() {
                tracing::warn!(
                    behind_ms = behind,
                    "this machine's clock is wrong: the table's is taken"
                );
            }
        }
    }
}

impl Clock for TableTime {
    fn now(&self) -> Timestamp {
        let (now, behind) = (self.machine.now(), self.behind.load(Ordering::Relaxed));
        let by = Duration::from_millis(behind.unsigned_abs());
        match behind {
            0.. => now.plus(by),
            _ => now.minus(by),
        }
    }
}

#[async_trait]
impl Timer for TableTime {
    async fn sleep(&self, time: Duration) {
        self.machine.sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    fn uncertainty(&self) -> Duration {
        match self.is_told.load(Ordering::Relaxed) {
            true => TOLD,
            false => self.machine.uncertainty(),
        }
    }

    /// One that is right is not set, and lags behind nobody: what it took up before its time it would have to wait for.
    fn lag(&self) -> Duration {
        match self.behind.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            _ => Duration::from_millis(COARSE.unsigned_abs()),
        }
    }
}

impl fmt::Debug for TableTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableTime")
            .field("behind", &self.behind)
            .finish_non_exhaustive()
    }
}

/// When an attempt was sent, by the machine's clock.
#[derive(Debug)]
struct SentAt(Timestamp);

impl Storable for SentAt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for TableTime {
    fn name(&self) -> &'static str {
        "table time"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(SentAt(self.machine.now()));
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        if let (Some(date), Some(SentAt(sent))) = (date, bag.load::<SentAt>()) {
            self.told(date.into(), *sent, self.machine.now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// What a clock is corrected by after answers, each the table's date and when the machine sent and received.
    fn behind(answers: &[(i64, i64, i64)]) -> i64 {
        let time = TableTime::new(Arc::new(SystemClock));
        for (date, sent, received) in answers {
            time.told(at(*date), at(*sent), at(*received));
        }
        time.behind.load(Ordering::Relaxed)
    }

    #[test]
    fn only_what_cannot_be_otherwise_is_corrected() {
        for (what, answers, expected) in [
            ("right", &[(10_000, 10_100, 10_120)][..], 0),
            ("right, the second nearly over", &[(10_000, 10_990, 11_010)], 0),
            ("right, a slow question", &[(25_000, 10_000, 25_010)], 0),
            ("right, a slow answer", &[(10_000, 10_000, 25_010)], 0),
            (
                "right, a date that was made a second ago",
                &[(10_000, 11_900, 11_950)],
                0,
            ),
            ("five minutes ahead", &[(10_000, 310_500, 310_510)], -298_500),
            ("five minutes behind", &[(310_000, 10_500, 10_510)], 299_490),
            (
                "nearer with each answer",
                &[(310_000, 10_000, 10_020), (311_000, 10_800, 10_801)],
                300_199,
            ),
            (
                "set right meanwhile",
                &[(310_000, 10_500, 10_510), (312_000, 312_100, 312_110)],
                1_900,
            ),
            (
                "set back while one was under way",
                &[(310_000, 310_100, 9_000)],
                0,
            ),
        ] {
            assert_eq!(behind(answers), expected, "{what}");
        }
    }
}
