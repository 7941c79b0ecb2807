//! A token bucket as one moment (the generic cell rate algorithm): the theoretical arrival time says when the bucket
//! will be empty of what was taken. Taking one moves it by one interval; it may lie one window ahead at most.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::words::Timestamp;

/// So many in a window; each comes back one interval (window / count) after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    count: NonZeroU32,
    window_seconds: NonZeroU64,
}

impl Limit {
    /// `None` if one of them is zero.
    #[must_use]
    pub const fn new(count: u32, window_seconds: u64) -> Option<Self> {
        match (NonZeroU32::new(count), NonZeroU64::new(window_seconds)) {
            (Some(count), Some(window_seconds)) => Some(Self {
                count,
                window_seconds,
            }),
            _ => None,
        }
    }

    /// How many at once.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count.get()
    }

    /// In which time.
    #[must_use]
    pub const fn window(self) -> Duration {
        Duration::from_secs(self.window_seconds.get())
    }

    /// After which time one comes back. Rounded up to milliseconds: never faster than the CA.
    #[must_use]
    pub fn interval(self) -> Duration {
        let millis = self
            .window_seconds
            .get()
            .saturating_mul(1000)
            .div_ceil(u64::from(self.count.get()));
        Duration::from_millis(millis)
    }

    /// How far ahead the arrival time may lie for one more to fit.
    #[must_use]
    pub fn slack(self) -> Duration {
        self.window().saturating_sub(self.interval())
    }

    /// The moment from which one more fits: `now`, or later.
    #[must_use]
    pub fn earliest(self, arrival: Option<Timestamp>, now: Timestamp) -> Timestamp {
        arrival.map_or(now, |at| at.minus(self.slack()).max(now))
    }

    /// The arrival time after taking one.
    #[must_use]
    pub fn take(self, arrival: Option<Timestamp>, now: Timestamp) -> Timestamp {
        arrival.map_or(now, |at| at.max(now)).plus(self.interval())
    }

    /// How many are taken, in part or whole.
    #[must_use]
    pub fn used(self, arrival: Option<Timestamp>, now: Timestamp) -> u32 {
        let ahead = arrival.map_or(Duration::ZERO, |at| at.since(now));
        let used = ahead.as_millis().div_ceil(self.interval().as_millis().max(1));
        u32::try_from(used).unwrap_or(u32::MAX).min(self.count())
    }

    /// The arrival time of a bucket that has none before `moment`.
    #[must_use]
    pub fn closed_until(self, moment: Timestamp) -> Timestamp {
        moment.plus(self.slack())
    }

    /// What may be given back of one that was taken `age` ago: what has come back by itself meanwhile is no longer
    /// in the bucket. At most what is left of it, so that giving back never hides another one.
    #[must_use]
    pub fn left_of(self, age: Duration) -> Duration {
        self.interval().saturating_sub(age)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn limit() -> impl Strategy<Value = Limit> {
        (1u32..400, 1u64..700_000).prop_map(|(count, window)| Limit::new(count, window).unwrap())
    }

    /// A CA that counts all the same, in plain sight: each taken one comes back an interval after the one before.
    #[derive(Default)]
    struct Ca {
        level: f64,
        at: i64,
    }

    impl Ca {
        fn level(&mut self, limit: Limit, now: Timestamp) -> f64 {
            let drained = (now.millis() - self.at) as f64 / limit.interval().as_millis() as f64;
            self.level = (self.level - drained).max(0.0);
            self.at = now.millis();
            self.level
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_bucket_gives_what_the_limit_says_and_no_more(
            limit in limit(), pauses in proptest::collection::vec(0u64..200_000_000, 1..200),
        ) {
            let (mut arrival, mut now, mut ca) = (None, NOW, Ca { level: 0.0, at: NOW.millis() });
            for pause in pauses {
                let earliest = limit.earliest(arrival, now);
                let level = ca.level(limit, now);
                let count = f64::from(limit.count());
                if earliest == now {
                    prop_assert!(level + 1.0 <= count + 1e-3, "level {level} of {count}");
                    arrival = Some(limit.take(arrival, now));
                    ca.level += 1.0;
                } else {
                    prop_assert!(level + 1.0 > count - 1e-3 - count / limit.interval().as_millis() as f64);
                    prop_assert!(limit.earliest(arrival, earliest) == earliest, "the moment it names is right");
                }
                prop_assert!(limit.used(arrival, now) <= limit.count());
                now = now.plus(Duration::from_millis(pause));
            }
        }

        #[test]
        fn giving_back_never_hides_another(
            limit in limit(), before in 0u32..5, age in 0u64..1_000_000_000, between in 0u32..5,
        ) {
            let take = |arrival, now, times| (0..times).fold(arrival, |a, _| Some(limit.take(a, now)));
            let then = NOW.plus(Duration::from_millis(age));
            let ours = take(take(None, NOW, before), NOW, 1);
            let with = take(ours, then, between).unwrap_or(NOW);
            let without = take(take(None, NOW, before), then, between).unwrap_or(NOW);
            let given = with.minus(limit.left_of(Duration::from_millis(age)));
            prop_assert!(given.max(then) >= without.max(then), "under-counted");
        }
    }

    #[test]
    fn the_documented_refills_come_out() {
        let minutes = |limit: Option<Limit>| limit.unwrap().interval().as_secs_f64() / 60.0;
        let limits = super::super::Limits::LETS_ENCRYPT;
        assert_eq!(minutes(limits.new_orders), 0.6);
        assert_eq!(minutes(limits.certificates_per_domain).round(), 202.0);
        assert_eq!((minutes(limits.duplicate_certificates) / 60.0).round(), 34.0);
        assert_eq!(minutes(limits.failed_authorizations), 12.0);
    }

    #[test]
    fn a_closed_bucket_opens_at_its_moment() {
        let limit = Limit::new(5, 3600).unwrap();
        let moment = NOW.plus(Duration::from_secs(1000));
        let arrival = Some(limit.closed_until(moment));
        assert_eq!(limit.earliest(arrival, NOW), moment);
        assert_eq!(limit.used(arrival, NOW), 5);
    }
}
