//! Telling the worker that there is work. A hint only: a lost kick costs at most one schedule interval.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};

use crate::aws_call::AwsCall;

/// The event's source and detail type, as the rule in `template.yaml` matches them.
pub const SOURCE: &str = "certmint";
/// See [`SOURCE`].
pub const DETAIL_TYPE: &str = "kick";
/// What this adapter calls.
pub const CALLS: &[AwsCall] = &[AwsCall::new("put_events", &["events:PutEvents"])];
/// A client waits for its answer: the hint gets this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Wakes the worker.
#[async_trait]
pub trait Kick: Send + Sync {
    /// Says that something is due. Never fails: the schedule finds the work anyway.
    async fn kick(&self);
}

/// Through EventBridge.
pub struct EventBridgeKick {
    client: Client,
    bus: String,
}

impl EventBridgeKick {
    /// Kicks on the given bus.
    #[must_use]
    pub const fn new(client: Client, bus: String) -> Self {
        Self { client, bus }
    }
}

#[async_trait]
impl Kick for EventBridgeKick {
    async fn kick(&self) {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(DETAIL_TYPE)
            .detail("{}")
            .build();
        let call = self.client.put_events().entries(entry).send();
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(answer)) if answer.failed_entry_count == 0 => {}
            Ok(Ok(_)) => tracing::warn!("EventBridge did not take the kick; the schedule finds the work"),
            Ok(Err(error)) => {
                let error = error.into_service_error();
                tracing::warn!(%error, "kick failed; the schedule finds the work");
            }
            Err(_) => tracing::warn!("kick timed out; the schedule finds the work"),
        }
    }
}
