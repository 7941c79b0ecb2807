//! The queue of wakes: messages come late, twice, or not at all.

use std::time::Duration;

use async_trait::async_trait;
use certmint_shared::wake::WakeQueue;

use super::{
    gate::Gate,
    op::{NoAnswer, Op},
    timeline::Happening,
};

/// A process's way to the queue.
pub(super) struct SimQueue(Gate);

impl SimQueue {
    pub(super) const fn new(gate: Gate) -> Self {
        Self(gate)
    }
}

#[async_trait]
impl WakeQueue for SimQueue {
    async fn wake_in(&self, seconds: i32) {
        let sent = self.0.call(Op::SendWake, || {
            if let Some(timeline) = self.0.timeline() {
                let now = self.0.now();
                let in_trouble = timeline.lock().faults.are_about(now);
                let late = match self.0.draw(0, 100) {
                    0..5 if in_trouble => self.0.draw(1_000, 400_000),
                    _ => self.0.draw(0, 1_000),
                };
                let delay = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
                let at = self.0.now().plus(delay + Duration::from_millis(late));
                timeline.lock().tally.wakes += 1;
                timeline.at(at, Happening::Woken);
            }
            Ok::<(), NoAnswer>(())
        });
        sent.await.unwrap_or(());
    }
}
