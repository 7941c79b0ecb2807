//! The CA's own count: tokens that come back evenly, apart from our arithmetic.

use std::{collections::HashMap, fmt};

use certmint_core::{
    provider::{Bucket, Kind, Limit, RateKey},
    words::Timestamp,
};

#[derive(Clone, Copy)]
struct Tokens {
    left: f64,
    at: Timestamp,
}

/// How near a kind of limit came.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// Of what.
    pub kind: &'static str,
    /// The most that was used at once, of `count`.
    pub used: f64,
    /// How many fit.
    pub count: u32,
    /// Orders that the CA would have refused.
    pub refused: u64,
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.used / f64::from(self.count);
        let (kind, used, count, refused) = (self.kind, self.used, self.count, self.refused);
        write!(
            f,
            "{kind}: {used:.1} of {count} used ({percent:.0} %), {refused} refused"
        )
    }
}

#[derive(Default)]
pub(super) struct Books {
    tokens: HashMap<RateKey, Tokens>,
    nearest: HashMap<&'static str, Nearest>,
}

impl Books {
    /// An order that counts in a bucket; says which part of the limit is in use then.
    pub(super) fn order(&mut self, bucket: &Bucket, limit: Limit, now: Timestamp) -> f64 {
        let count = f64::from(limit.count());
        let tokens = self
            .tokens
            .entry(bucket.key.clone())
            .or_insert(Tokens { left: count, at: now });
        let back = now.since(tokens.at).as_secs_f64() * count / limit.window().as_secs_f64();
        let left = (tokens.left + back).min(count) - 1.0;
        *tokens = Tokens { left, at: now };
        let kind: Kind = bucket.kind;
        let nearest = self.nearest.entry(kind.as_str()).or_insert(Nearest {
            kind: kind.as_str(),
            used: 0.0,
            count: limit.count(),
            refused: 0,
        });
        nearest.used = nearest.used.max(count - left);
        // Floating point: a billionth of a token is none.
        nearest.refused += u64::from(left < -1e-6);
        (count - left) / count
    }

    pub(super) fn nearest(&self) -> Vec<Nearest> {
        let mut all: Vec<Nearest> = self.nearest.values().cloned().collect();
        all.sort_by_key(|n| n.kind);
        all
    }
}
