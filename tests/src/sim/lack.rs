//! A right that the functions' role lacks for a while: somebody made a mistake in a policy, or disabled a key.

use std::time::Duration;

use certmint_core::words::Timestamp;

use super::{op::Op, rng::Rng};

/// Calls that one right, one key or one set of credentials allows.
const RIGHTS: [&[Op]; 16] = [
    // Secrets Manager: to create, to read, to delete; and its KMS key.
    &[Op::StoreAccountKey, Op::StoreKey],
    &[Op::ReadSecret],
    &[Op::DeleteSecret],
    &[Op::StoreAccountKey, Op::StoreKey, Op::ReadSecret],
    // Route53: each right, and the credentials.
    &[Op::FindZone],
    &[Op::Publish, Op::Unpublish],
    &[Op::InSync],
    &[Op::ReadZone],
    &[Op::FindZone, Op::Publish, Op::Unpublish, Op::InSync, Op::ReadZone],
    // DynamoDB: by the items that a role may touch.
    &[Op::Claim],
    &[Op::SaveRequest],
    &[
        Op::RecordCertificate,
        Op::ReplaceCertificate,
        Op::SucceedCertificate,
    ],
    &[Op::PutTxt],
    &[Op::ConfirmTxt, Op::LedgerOfName, Op::LedgerOfRequest],
    &[Op::ReadAccount, Op::SaveAccount],
    &[Op::ReadRates, Op::TakeRates, Op::MoveRates],
];

/// What is lacking, and for how long.
#[derive(Clone, Debug)]
pub struct Lack {
    /// Calls that are denied.
    pub calls: &'static [Op],
    /// From then on.
    pub from: Timestamp,
    /// Until it is given back.
    pub until: Timestamp,
}

impl Lack {
    /// One of a seed, from a stream of its own: the other draws of the seed stay what they are. One seed of four has one;
    /// it begins while things go on.
    #[must_use]
    pub fn of(seed: u64, from: Timestamp) -> Option<Self> {
        let mut rng = Rng::new(seed ^ 0x005E_ED0F_1ACC);
        if !rng.per_mille(250) {
            return None;
        }
        let within = *rng.pick(&[5_000, 60_000, 600_000]);
        let from = from.plus(Duration::from_millis(rng.within(0, within)));
        let minutes = *rng.pick(&[1, 10, 10, 90]);
        Some(Self {
            calls: *rng.pick::<&[Op]>(&RIGHTS),
            from,
            until: from.plus(Duration::from_secs(minutes * 60)),
        })
    }

    /// Whether the call is denied.
    #[must_use]
    pub fn denies(&self, op: Op, now: Timestamp) -> bool {
        self.from <= now && now < self.until && self.calls.contains(&op)
    }
}
