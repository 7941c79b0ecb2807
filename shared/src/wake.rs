//! A look at a moment to come: the worker sends itself one delayed message, so that nobody waits inside Lambda for what
//! is not due yet. A hint only: one that is lost costs at most one schedule interval, one that comes twice or late a look
//! at nothing.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::Client;

use crate::{
    aws_call::AwsCall,
    store::{WakeBook, WakeKind},
};
use certmint_core::words::Timestamp;

/// What this adapter calls.
pub const CALLS: &[AwsCall] = &[AwsCall::new("send_message", &["sqs:SendMessage"])];
/// SQS quota of `DelaySeconds`. What is further off is the schedule's.
const FURTHEST: Duration = Duration::from_secs(900);
/// The schedule finds the work if sending takes longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A queue whose messages start a worker.
#[async_trait]
pub trait WakeQueue: Send + Sync {
    /// Sends a message that arrives after so many seconds, 900 at most. Never fails: the schedule finds the work anyway.
    async fn wake_in(&self, seconds: i32);
}

/// No queue: the schedule alone starts the worker.
pub struct NoQueue;

#[async_trait]
impl WakeQueue for NoQueue {
    async fn wake_in(&self, _: i32) {}
}

/// In SQS.
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// Sends to the queue with this URL.
    #[must_use]
    pub const fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

#[async_trait]
impl WakeQueue for SqsQueue {
    async fn wake_in(&self, seconds: i32) {
        let message = self.client.send_message().queue_url(&self.url);
        let call = message.delay_seconds(seconds).message_body("{}").send();
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let error = error.into_service_error();
                tracing::warn!(%error, "wake not sent; the schedule finds the work");
            }
            Err(_) => tracing::warn!("wake timed out; the schedule finds the work"),
        }
    }
}

/// Wakes the worker later.
pub struct Wakes {
    queue: Arc<dyn WakeQueue>,
    book: Arc<dyn WakeBook>,
}

impl Wakes {
    /// `book` says what is on its way through the queue.
    #[must_use]
    pub fn new(queue: Arc<dyn WakeQueue>, book: Arc<dyn WakeBook>) -> Self {
        Self { queue, book }
    }

    /// Has a worker look at what is due then, unless one is on its way for that moment or before.
    pub async fn wake(&self, at: Timestamp, now: Timestamp) {
        if at.since(now) <= FURTHEST {
            self.send(WakeKind::Due, now, at, now).await;
        }
    }

    /// Has a worker look after this one after that time; a bit earlier does as well.
    pub async fn look_after(&self, time: Duration, now: Timestamp) {
        self.send(WakeKind::Lookout, now.plus(time / 3), now.plus(time), now)
            .await;
    }

    async fn send(&self, kind: WakeKind, from: Timestamp, at: Timestamp, now: Timestamp) {
        // In the book first: of many that want to be woken at the same time one sends.
        match self.book.book_wake(kind, from, at).await {
            Ok(true) => self.queue.wake_in(seconds(at, now)).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "wake not booked; the schedule finds the work"),
        }
    }
}

/// Whole seconds, and not before.
fn seconds(at: Timestamp, now: Timestamp) -> i32 {
    let wait = at.since(now).min(FURTHEST);
    i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_not_there_before_its_moment() {
        let now = Timestamp::from_millis(1_000_000);
        let in_millis = |millis: i64| seconds(Timestamp::from_millis(1_000_000 + millis), now);
        let table = [
            (-5_000, 0),
            (0, 0),
            (1, 1),
            (1_000, 1),
            (1_001, 2),
            (900_000, 900),
            (9_000_000, 900),
        ];
        for (millis, whole) in table {
            assert_eq!(in_millis(millis), whole, "{millis}");
        }
    }
}
