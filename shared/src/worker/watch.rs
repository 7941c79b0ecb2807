//! What a worker sees of others' hearts. A lease is over when its worker's heartbeat is gone; it is removed when it was
//! seen unchanged for a whole lease by one worker's own monotonic clock, so that no two clocks are compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::lock::Mutex;

use super::settings::WorkerSettings;
use crate::{
    clock::Timer,
    store::{Heartbeat, Heartbeats, StoreError},
};

/// Kept over the passes of a process: what was seen before counts.
pub(super) struct Watch {
    pub(super) heartbeats: Arc<dyn Heartbeats>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) settings: WorkerSettings,
    pub(super) seen: Mutex<BTreeMap<String, Seen>>,
}

/// A heart.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    beat: u64,
    /// Since when its beat is this one, by our own clock.
    since: Duration,
    /// Whether an earlier one was seen too.
    moved: bool,
}

/// What a look showed.
#[derive(Default)]
pub(super) struct Sight {
    /// Their leases are over.
    pub(super) gone: BTreeSet<String>,
    /// Somebody is silent, by what clocks say: that is to be seen to its end.
    pub(super) is_silent: bool,
    /// Some of them live.
    pub(super) others_live: bool,
}

impl Watch {
    /// Which of these holders of leases are gone. Who held a lease before this look has a heartbeat, or is gone.
    pub(super) async fn look(&self, holders: BTreeSet<String>) -> Result<Sight, StoreError> {
        let mut sight = Sight {
            gone: holders,
            ..Sight::default()
        };
        if sight.gone.is_empty() {
            return Ok(sight);
        }
        let heartbeats = self.heartbeats.heartbeats().await?;
        let mut seen = self.seen.lock().await;
        seen.retain(|worker, _| heartbeats.iter().any(|h| h.worker == *worker));
        for heartbeat in heartbeats {
            if !sight.gone.remove(&heartbeat.worker) {
                continue;
            }
            let last = self.see(&mut seen, &heartbeat);
            let silence = self.timer.elapsed().saturating_sub(last.since);
            // Where nobody looks that long, clocks must do, and the most that they differ by.
            let by_clocks = heartbeat.at.plus(self.settings.lease + self.settings.skew) < self.timer.now();
            if silence < self.settings.lease && !by_clocks {
                sight.is_silent |= self.seems_silent(last, silence, &heartbeat);
                sight.others_live = true;
            } else if self.heartbeats.bury(&heartbeat.worker, heartbeat.beat).await? {
                tracing::warn!(worker = heartbeat.worker, "a worker is gone; its requests go on");
                sight.gone.insert(heartbeat.worker);
            }
        }
        Ok(sight)
    }

    fn see(&self, seen: &mut BTreeMap<String, Seen>, heartbeat: &Heartbeat) -> Seen {
        let before = seen.get(&heartbeat.worker).copied();
        if let Some(same) = before.filter(|seen| seen.beat == heartbeat.beat) {
            return same;
        }
        let new = Seen {
            beat: heartbeat.beat,
            since: self.timer.elapsed(),
            moved: before.is_some(),
        };
        seen.insert(heartbeat.worker.clone(), new);
        new
    }

    /// Only says whether to look again soon. Before a second beat was seen clocks must do: one that is off costs a few
    /// seconds of looking, and nothing else.
    fn seems_silent(&self, seen: Seen, silence: Duration, heartbeat: &Heartbeat) -> bool {
        let now = self.timer.now();
        let apart = now.since(heartbeat.at).max(heartbeat.at.since(now));
        2 * self.settings.beat < if seen.moved { silence } else { apart }
    }
}
