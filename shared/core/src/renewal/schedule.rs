//! When a certificate is renewed. Pure: what is random is drawn from what the certificate is (its id, version and
//! names), so that a repeat draws the same and two deployments do not; what was drawn is stored.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::window::Window;
use crate::{certificate::Certificate, words::Timestamp};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Lives under this are renewed at their half, longer ones when a third is left.
// https://letsencrypt.org/docs/integration-guide/ (when to renew).
const SHORT_LIFE: Duration = Duration::from_secs(10 * 24 * 60 * 60);
/// Renewals are spread over this part of a life.
const SPREAD: u32 = 15;
/// When this part of a life is left nothing is a reason to wait.
const LAST_RESORT: u32 = 20;

/// A number in [0, 1) as a fraction of 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(u64);

impl Draw {
    /// Draws for whoever `of` names, apart from other draws for it by `purpose`.
    #[must_use]
    pub fn of(of: &str, purpose: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(of)
            .chain_update([0])
            .chain_update(purpose)
            .finalize();
        Self(hash.iter().take(8).fold(0, |n, byte| (n << 8) | u64::from(*byte)))
    }

    /// That fraction of a time.
    #[must_use]
    pub fn part_of(self, time: Duration) -> Duration {
        let millis = (time.as_millis() * u128::from(self.0)) >> 64;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

/// The draw of one version of a certificate for a purpose.
pub(super) fn draw(certificate: &Certificate, purpose: &str) -> Draw {
    let names: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
    let of = format!("{} {} {}", certificate.id, certificate.version, names.join(" "));
    Draw::of(&of, purpose)
}

/// The last moment to renew, whatever a CA says: a twentieth of the life is left.
#[must_use]
pub fn latest(not_before: Timestamp, expires_at: Timestamp) -> Timestamp {
    expires_at.minus(expires_at.since(not_before) / LAST_RESORT)
}

/// The moment without a word of the CA: a third of the life is left (half, if it is under ten days), or a bit later.
#[must_use]
pub fn by_life(not_before: Timestamp, expires_at: Timestamp, draw: Draw) -> Timestamp {
    let life = expires_at.since(not_before);
    let left = if life < SHORT_LIFE { life / 2 } else { life / 3 };
    expires_at.minus(left).plus(draw.part_of(life / SPREAD))
}

/// A moment in the CA's window (RFC 9773 §4.2: chosen uniformly, in the past is at once), but never after the last.
#[must_use]
pub fn by_window(window: Window, not_before: Timestamp, expires_at: Timestamp, draw: Draw) -> Timestamp {
    let drawn = window.start.plus(draw.part_of(window.end.since(window.start)));
    drawn.min(latest(not_before, expires_at))
}

/// When the CA is asked for its window first: within an hour, but not all that were issued together at once. Nothing
/// is renewed before its first look, so a CA that issues what is due already is not asked again and again.
#[must_use]
pub fn first_look(issued_at: Timestamp, life: Duration, draw: Draw) -> Timestamp {
    let half = (life / 24).min(HOUR) / 2;
    issued_at.plus(half).plus(draw.part_of(half))
}

/// How long until the CA is asked again: its Retry-After, but no less than a minute and no more than half a day
/// (RFC 9773 §4.3.2 allows a day).
#[must_use]
pub fn until_next_look(retry_after: Option<Duration>) -> Duration {
    // RFC 9773 §4.3.3: six hours where the server gave no usable answer.
    retry_after.unwrap_or(6 * HOUR).clamp(MINUTE, DAY / 2)
}

/// How long until a CA without renewal information is asked whether it has some now.
pub const LOOK_WITHOUT_ARI: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// When a renewal that failed is tried anew: a tenth of the time that is left, at least an hour, at most a day.
#[must_use]
pub fn after_failure(failed_at: Timestamp, expires_at: Timestamp) -> Timestamp {
    failed_at.plus((expires_at.since(failed_at) / 10).clamp(HOUR, DAY))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_800_000_000_000;

    fn life() -> impl Strategy<Value = (Timestamp, Timestamp)> {
        // From an hour to 398 days.
        (3_600_000i64..398 * 86_400_000).prop_map(|life| {
            (
                Timestamp::from_millis(START),
                Timestamp::from_millis(START + life),
            )
        })
    }

    proptest! {
        #[test]
        fn by_life_it_is_in_its_bounds((from, to) in life(), draw in any::<u64>().prop_map(Draw)) {
            let (life, at) = (to.since(from), by_life(from, to, draw));
            let left = to.since(at);
            let wanted = if life < SHORT_LIFE { life / 2 } else { life / 3 };
            let slack = Duration::from_millis(2);
            prop_assert!(left <= wanted + slack, "not before a third (a half) is left: {left:?} of {life:?}");
            prop_assert!(left + slack >= wanted - life / SPREAD, "spread over a fifteenth");
            prop_assert!(at <= latest(from, to), "never after a twentieth is left");
        }

        #[test]
        fn by_window_it_is_in_the_window_or_at_the_last_moment(
            (from, to) in life(),
            start in -30i64 * 86_400_000..400 * 86_400_000,
            length in 0i64..60 * 86_400_000,
            draw in any::<u64>().prop_map(Draw),
        ) {
            let window = Window {
                start: Timestamp::from_millis(START + start),
                end: Timestamp::from_millis(START + start + length),
            };
            let at = by_window(window, from, to, draw);
            prop_assert!(at <= latest(from, to));
            prop_assert!(at == latest(from, to) || (window.start <= at && at <= window.end));
        }

        #[test]
        fn looks_are_at_least_twice_a_day(seconds in proptest::option::of(any::<u64>())) {
            let wait = until_next_look(seconds.map(Duration::from_secs));
            prop_assert!(MINUTE <= wait && wait <= 12 * HOUR);
        }

        #[test]
        fn a_failed_renewal_leaves_time_for_another((from, to) in life(), spent in 0u32..100) {
            let failed_at = from.plus(to.since(from) * spent / 100);
            let again = after_failure(failed_at, to);
            prop_assert!(again >= failed_at.plus(HOUR) && again <= failed_at.plus(DAY));
            prop_assert!(again < to || to.since(failed_at) <= HOUR);
        }
    }

    #[test]
    fn a_failed_renewal_waits_for_a_tenth_of_what_is_left() {
        let failed_at = Timestamp::from_millis(START);
        for (left, wait) in [
            (30 * DAY, DAY),
            (10 * DAY, DAY),
            (9 * DAY, DAY * 9 / 10),
            (5 * DAY, DAY / 2),
            (2 * DAY, DAY / 5),
            (20 * HOUR, 2 * HOUR),
            (10 * HOUR, HOUR),
            (3 * HOUR, HOUR),
            (Duration::ZERO, HOUR),
        ] {
            let again = after_failure(failed_at, failed_at.plus(left));
            assert_eq!(again.since(failed_at), wait, "{left:?} left");
        }
        let over = failed_at.minus(DAY);
        assert_eq!(after_failure(failed_at, over), failed_at.plus(HOUR));
    }

    #[test]
    fn draws_are_spread_and_stay_the_same() {
        let hours = Duration::from_secs(100 * 3600);
        let mut buckets = [0; 10];
        for n in 0..1000 {
            let part = Draw::of(&format!("{n}"), "life").part_of(hours);
            assert_eq!(part, Draw::of(&format!("{n}"), "life").part_of(hours));
            buckets[usize::try_from(part.as_secs() / 36_000).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|n| (60..150).contains(n)), "{buckets:?}");
        assert_ne!(Draw::of("a", "life"), Draw::of("a", "look"));
    }

    #[test]
    fn ninety_days_and_six() {
        let day = |n: u32| Timestamp::from_millis(START).plus(DAY * n);
        let (first, last) = (Draw(0), Draw(u64::MAX));
        assert_eq!(by_life(day(0), day(90), first), day(60));
        assert!(by_life(day(0), day(90), last) < day(66));
        assert_eq!(by_life(day(0), day(6), first), day(3));
        assert!(by_life(day(0), day(6), last) < day(3).plus(DAY / 2));
    }

    #[test]
    fn a_window_turned_around_is_its_start() {
        let at = |n: i64| Timestamp::from_millis(START + n);
        let window = Window {
            start: at(9),
            end: at(3),
        };
        assert_eq!(by_window(window, at(0), at(1000), Draw(u64::MAX)), at(9));
    }
}
