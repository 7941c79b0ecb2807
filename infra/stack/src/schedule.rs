//! EventBridge's schedule: a tick for the worker and for dns-cleanup.

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

use crate::lambda::Function;

/// Ticks every `interval` until `stop` becomes true. A function that still has an event waiting gets no second one.
pub(crate) fn start(
    interval: Duration,
    functions: Vec<Function>,
    mut stop: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            for function in functions.iter().filter(|f| f.waiting() == 0) {
                function.trigger(event());
            }
        }
    });
}

fn event() -> Bytes {
    let event = serde_json::json!({
        "version": "0", "id": uuid::Uuid::new_v4().to_string(), "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "region": "us-east-1", "resources": [], "detail": {},
    });
    Bytes::from(event.to_string())
}
