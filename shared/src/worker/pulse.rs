//! A pass's own signs of life: they keep its leases, however many.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::settings::WorkerSettings;
use crate::{
    clock::Timer,
    store::{Heartbeat, Heartbeats, StoreError},
};

/// No beat was taken, or the record was buried.
const NEVER: u64 = u64::MAX;

/// One heartbeat record.
pub(super) struct Pulse {
    worker: String,
    heartbeats: Arc<dyn Heartbeats>,
    timer: Arc<dyn Timer>,
    settings: WorkerSettings,
    /// The last one that was sent.
    beat: AtomicU64,
    /// When the last one that was taken was sent, in milliseconds of [`Timer::elapsed`].
    taken: AtomicU64,
}

impl Pulse {
    /// Nothing is written yet. `worker`: no other pass has that name.
    pub(super) fn new(
        worker: String,
        heartbeats: Arc<dyn Heartbeats>,
        timer: Arc<dyn Timer>,
        settings: WorkerSettings,
    ) -> Self {
        Self {
            worker,
            heartbeats,
            timer,
            settings,
            beat: AtomicU64::new(0),
            taken: AtomicU64::new(NEVER),
        }
    }

    /// As its leases name it.
    pub(super) fn worker(&self) -> &str {
        &self.worker
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.timer.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Whether its first beat was taken.
    pub(super) fn has_begun(&self) -> bool {
        self.beat.load(Ordering::Relaxed) > 0
    }

    /// The first beat, before the first claim: who finds a lease finds its worker's heartbeat too.
    pub(super) async fn begin(&self) -> Result<(), StoreError> {
        self.send(1).await
    }

    async fn send(&self, beat: u64) -> Result<(), StoreError> {
        let sent = self.elapsed();
        let heartbeat = Heartbeat {
            worker: self.worker.clone(),
            beat,
            at: self.timer.now(),
            within: self.timer.uncertainty(),
        };
        let lives = self.heartbeats.beat(&heartbeat).await?;
        self.beat.store(beat, Ordering::Relaxed);
        if !lives {
            tracing::warn!(worker = self.worker, "buried by another worker; hands off");
        }
        self.taken
            .store(if lives { sent } else { NEVER }, Ordering::Relaxed);
        Ok(())
    }

    /// Beats, once it has begun, for as long as it is polled.
    pub(super) async fn keep(&self) -> Infallible {
        // Each one has a number of its own, whether its answer comes or not: a number that is seen twice is silence.
        let mut beat = 1;
        loop {
            self.timer.sleep(self.settings.beat).await;
            if !self.has_begun() {
                continue;
            }
            beat += 1;
            if let Err(error) = self.send(beat).await {
                tracing::warn!(worker = self.worker, %error, "heartbeat not taken");
            }
        }
    }

    /// Whether its leases are its own: others bury it a whole lease after they saw its last beat first, and what it
    /// begins within half of one is over by then.
    pub(super) fn is_alive(&self) -> bool {
        match self.taken.load(Ordering::Relaxed) {
            NEVER => false,
            at => Duration::from_millis(self.elapsed().saturating_sub(at)) < self.settings.lease / 2,
        }
    }

    /// Its leases are over, those too that it could not hand back.
    pub(super) async fn end(&self) {
        let beat = self.beat.load(Ordering::Relaxed);
        if beat > 0
            && let Err(error) = self.heartbeats.bury(&self.worker, beat).await
        {
            tracing::warn!(worker = self.worker, %error, "heartbeat not removed; others wait for it");
        }
    }
}
