//! How often a zone is published to: requests that arrive one after the other share a change batch.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::dns::Zone;
use certmint_core::words::Timestamp;

/// Two batches that add values to one zone are at least this far apart. Route53 allows five calls a second for the whole
/// AWS account, and a change is in sync after many seconds: what waits here loses nothing.
const APART: Duration = Duration::from_secs(1);

/// When each zone was last published to by this worker.
#[derive(Default)]
pub(super) struct Pace(Mutex<BTreeMap<Zone, Timestamp>>);

impl Pace {
    /// When these zones may be published to together, if that is not yet.
    pub(super) fn not_before<'a>(
        &self,
        zones: impl Iterator<Item = &'a Zone>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = |zone| last.get(zone).map(|at| at.plus(APART));
        zones.filter_map(next).filter(|at| *at > now).max()
    }

    /// They are published to now.
    pub(super) fn note<'a>(&self, zones: impl Iterator<Item = &'a Zone>, now: Timestamp) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.extend(zones.map(|zone| (zone.clone(), now)));
    }
}
