//! What a worker sees of others' hearts. A lease is over when its worker's heartbeat is gone; it is removed when it was
//! seen unchanged for a whole lease by one worker's own monotonic clock, or is older than a lease by what two clocks differ by
//! at the most.

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
            // Where nobody looks that long, clocks must do, and the most that they are wrong by.
            let apart = heartbeat.within + self.timer.uncertainty();
            let by_clocks = heartbeat.at.plus(self.settings.lease + apart) < self.timer.now();
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use certmint_core::{clock::Clock, words::Timestamp};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LEASE: Duration = Duration::from_secs(50);

    /// A moment of a clock that is wrong by so much.
    struct Moment {
        uncertainty: Duration,
    }

    impl Clock for Moment {
        fn now(&self) -> Timestamp {
            NOW
        }
    }

    #[async_trait]
    impl Timer for Moment {
        async fn sleep(&self, _: Duration) {}
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn uncertainty(&self) -> Duration {
            self.uncertainty
        }
    }

    /// One heartbeat that nobody makes anew.
    struct One(Heartbeat);

    #[async_trait]
    impl Heartbeats for One {
        async fn beat(&self, _: &Heartbeat) -> Result<bool, StoreError> {
            Ok(true)
        }
        async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
            Ok(vec![self.0.clone()])
        }
        async fn bury(&self, _: &str, _: u64) -> Result<bool, StoreError> {
            Ok(true)
        }
    }

    #[tokio::test]
    async fn at_first_sight_a_worker_is_gone_that_no_two_clocks_can_make_alive() {
        let (sure, unsure) = (Duration::from_secs(2), Duration::from_secs(300));
        for (age, within, uncertainty, gone) in [
            (49, sure, sure, false),
            (54, sure, sure, false),
            (55, sure, sure, true),
            (55, Duration::ZERO, sure, true),
            (55, unsure, sure, false),
            (55, sure, unsure, false),
            (353, unsure, sure, true),
            (353, sure, unsure, true),
            (353, unsure, unsure, false),
            (651, unsure, unsure, true),
        ] {
            let heartbeat = Heartbeat {
                worker: "w".into(),
                beat: 7,
                at: NOW.minus(Duration::from_secs(age)),
                within,
            };
            let watch = Watch {
                heartbeats: Arc::new(One(heartbeat)),
                timer: Arc::new(Moment { uncertainty }),
                settings: WorkerSettings {
                    lease: LEASE,
                    ..WorkerSettings::default()
                },
                seen: Mutex::default(),
            };
            let sight = watch.look(BTreeSet::from(["w".to_owned()])).await.unwrap();
            assert_eq!(
                !sight.gone.is_empty(),
                gone,
                "{age} s old, {within:?}, {uncertainty:?}"
            );
        }
    }
}
