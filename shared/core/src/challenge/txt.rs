//! `_acme-challenge` TXT values: who owns them and whether they should be in the zone.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::{Fqdn, RequestId, Timestamp, row_bytes};

/// Seconds that resolvers may keep a challenge value.
pub const TXT_TTL: u32 = 60;

/// A change of a zone may still arrive this long after its value was given up: a Lambda invocation lives for 15 minutes
/// at most, AWS takes a signature for five, and two clocks may differ by ten.
pub const IN_FLIGHT: Duration = Duration::from_secs(30 * 60);

/// How long the ledger shows a value that is gone.
pub const SHOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Whether a value should be in the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredState {
    /// It should be there.
    Present,
    /// It should be gone.
    Absent,
}

impl DesiredState {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
        }
    }
}

/// What we know of the value in the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TxtStatus {
    /// Intended, maybe written: the obligation to clean up is open.
    Pending,
    /// Written.
    Active,
    /// Confirmed gone, or another's to remove: the obligation is closed.
    Removed,
}

impl TxtStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Removed => "removed",
        }
    }
}

/// One request's lease of one value of an RRset. Key: (`fqdn`, `value`, `owner_id`, `zone_id`): a CA gives an open
/// authorization, and so a value, to several orders of an account; each request owes its own, and the value stands until
/// the last one lets go. What a later look finds in another zone is owed there too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtRecord {
    /// The RRset's name.
    pub fqdn: Fqdn,
    /// The value, without quotes.
    pub value: String,
    /// The Route53 zone id that it is written to.
    pub zone_id: String,
    /// The zone's name.
    pub zone: Fqdn,
    /// The request that needs it.
    pub owner_id: RequestId,
    /// The request's fence under which it was wanted or given up: who lost the lease meanwhile changes nothing here.
    pub fence: u64,
    /// A change that another fence began may still arrive: nothing confirms it.
    pub unsettled: bool,
    /// Whether it should be in the zone.
    pub desired_state: DesiredState,
    /// What we know of it.
    pub status: TxtStatus,
    /// End of the lease: after that, cleanup removes the value whoever owns it.
    pub expires_at: Timestamp,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl TxtRecord {
    /// As it is written over what the ledger has: what may stand in the zone is not forgotten by being wanted again, nor
    /// that a worker which is gone had begun to write it.
    #[must_use]
    pub fn over(&self, old: Option<&Self>) -> Self {
        let Some(old) = old else {
            return Self {
                unsettled: false,
                ..self.clone()
            };
        };
        let is_pending = old.status == TxtStatus::Pending;
        Self {
            created_at: old.created_at,
            status: match self.status {
                TxtStatus::Pending if old.status == TxtStatus::Active => TxtStatus::Active,
                status => status,
            },
            unsettled: is_pending && (old.unsettled || self.unsettled),
            ..self.clone()
        }
    }

    /// When cleanup has to look at it; `None`: never again. A value whose writing was begun and never confirmed can
    /// still appear for a while after nobody wants it: until then its absence proves nothing.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match (self.status, self.desired_state) {
            (TxtStatus::Removed, _) => None,
            (_, DesiredState::Present) => Some(self.expires_at),
            (TxtStatus::Pending, DesiredState::Absent) => Some(self.updated_at.plus(IN_FLIGHT)),
            (TxtStatus::Active, DesiredState::Absent) => Some(Timestamp::ZERO),
        }
    }

    /// When the ledger forgets it; `None`: it is not gone yet.
    #[must_use]
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        match self.status {
            TxtStatus::Removed => Some(self.updated_at.plus(SHOWN)),
            TxtStatus::Pending | TxtStatus::Active => None,
        }
    }

    /// The weight of its row in a list.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        row_bytes([self.fqdn.as_str(), &self.value, self.zone.as_str(), &self.zone_id])
    }

    /// Its place in the list, newest last.
    #[must_use]
    pub fn place(&self) -> String {
        let created = self.created_at.sort_key();
        format!(
            "{created}#{}#{}#{}#{}",
            self.fqdn, self.value, self.owner_id, self.zone_id
        )
    }
}
