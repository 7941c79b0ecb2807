//! How long to wait after a failure.

use std::time::Duration;

/// Minutes to wait after the 1st, 2nd, … failure in a row; the last value goes on for ever.
const MINUTES: [u64; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 240, 480];

/// The wait after `failures` failures in a row. `seed` (the request id) spreads it by up to 20 %, so that requests
/// that failed together do not come back together; the same seed gives the same wait.
#[must_use]
pub fn backoff(failures: u32, seed: u64) -> Duration {
    let index = usize::try_from(failures.max(1) - 1)
        .unwrap_or(usize::MAX)
        .min(MINUTES.len() - 1);
    let base = MINUTES[index] * 60_000;
    // SplitMix64's finalizer: neighbouring ids land far apart.
    let mut z = seed.wrapping_add(u64::from(failures).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    Duration::from_millis(base + z % (base / 5))
}
