//! Numbers that a seed decides.

/// SplitMix64: one word of state, and neighbouring seeds give unrelated streams.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next word.
    pub const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` up to and without `high`.
    pub const fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.word() % (high - low)
    }

    /// True `n` times in a thousand.
    pub const fn per_mille(&mut self, n: u64) -> bool {
        self.word() % 1000 < n
    }

    /// One of a list.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let index = self.within(0, list.len() as u64);
        &list[usize::try_from(index).expect("shorter than usize")]
    }
}
