//! SQS, as far as wakes need it: SendMessage with a delay to one queue, and its event source mapping. A message comes again
//! after the visibility timeout where the function failed, as often as the redrive policy lets it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::refusal::refusal;
use crate::lambda::Function;

/// The queue of wakes.
pub const NAME: &str = "certmint-wakes";
/// As `template.yaml` has them.
const RECEIVES: usize = 2;
const VISIBILITY: Duration = Duration::from_secs(300);
/// SQS quota: `DelaySeconds`, and bytes of a message.
const DELAY: u64 = 900;
const BYTES: usize = 1024 * 1024;

/// One queue that starts the worker.
#[derive(Clone, Default)]
pub struct Queue {
    target: Arc<OnceLock<Function>>,
    on_its_way: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
}

impl Queue {
    /// The event source mapping. The first call counts.
    pub(crate) fn start(&self, worker: Function) {
        let _ = self.target.set(worker);
    }

    /// Messages that were sent and are not deleted yet.
    #[must_use]
    pub fn on_its_way(&self) -> usize {
        self.on_its_way.load(Ordering::SeqCst)
    }

    /// Messages that were sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    pub(super) fn handle(&self, request: &http::Request<Bytes>) -> Response {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|v| v.to_str().ok());
        if operation != Some("AmazonSQS.SendMessage") {
            return refusal(400, "UnsupportedOperation", "only SendMessage is emulated here");
        }
        let Ok(call) = serde_json::from_slice::<SendMessage>(request.body()) else {
            return refusal(400, "SerializationException", "not a SendMessage request");
        };
        if call.queue_url.rsplit('/').next() != Some(NAME) {
            return refusal(400, "QueueDoesNotExist", "The specified queue does not exist.");
        }
        if call.delay_seconds > DELAY || !(1..=BYTES).contains(&call.message_body.len()) {
            return refusal(
                400,
                "InvalidParameterValue",
                "DelaySeconds or MessageBody is out of bounds",
            );
        }
        let id = uuid::Uuid::new_v4().to_string();
        let digest = format!("{:x}", md5::compute(&call.message_body));
        let answer = json!({"MessageId": id, "MD5OfMessageBody": digest}).to_string();
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.on_its_way.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(self.clone().deliver(id, call));
        Response::builder()
            .header("content-type", "application/x-amz-json-1.0")
            .body(answer.into())
            .unwrap_or_default()
    }

    async fn deliver(self, id: String, call: SendMessage) {
        tokio::time::sleep(Duration::from_secs(call.delay_seconds)).await;
        if let Some(worker) = self.target.get() {
            for received in 1..=RECEIVES {
                let event = json!({"Records": [{
                    "messageId": id, "receiptHandle": id, "body": call.message_body,
                    "attributes": {"ApproximateReceiveCount": received.to_string()}, "messageAttributes": {},
                    "eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{NAME}"),
                    "awsRegion": "us-east-1",
                }]});
                if worker.invoke(Bytes::from(event.to_string())).await.is_ok() {
                    break;
                }
                tokio::time::sleep(VISIBILITY).await;
            }
        }
        self.on_its_way.fetch_sub(1, Ordering::SeqCst);
    }
}
