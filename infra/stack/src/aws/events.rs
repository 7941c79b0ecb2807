//! EventBridge, as far as a kick needs it: PutEvents, and one rule that sends kicks to the worker.

use std::sync::{Arc, OnceLock};

use axum::response::Response;
use bytes::Bytes;
use certmint_shared::kick::{DETAIL_TYPE, SOURCE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::refusal;
use crate::lambda::Function;

/// The default event bus.
#[derive(Clone, Default)]
pub struct Bus {
    target: Arc<OnceLock<Function>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    source: String,
    #[serde(default)]
    detail_type: String,
    #[serde(default)]
    detail: String,
}

impl Bus {
    /// The rule: kicks go to `worker`. The first call counts.
    pub(crate) fn send_kicks_to(&self, worker: Function) {
        let _ = self.target.set(worker);
    }

    pub(super) fn handle(&self, request: &http::Request<Bytes>) -> Response {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|v| v.to_str().ok());
        if operation != Some("AWSEvents.PutEvents") {
            return refusal(
                400,
                "UnknownOperationException",
                "only PutEvents is emulated here",
            );
        }
        let Ok(call) = serde_json::from_slice::<PutEvents>(request.body()) else {
            return refusal(400, "SerializationException", "not a PutEvents request");
        };
        // API_PutEvents: 1 to 10 entries.
        if !(1..=10).contains(&call.entries.len()) {
            return refusal(400, "ValidationException", "Entries must have 1 to 10 items");
        }
        let answers: Vec<Value> = call.entries.iter().map(|entry| self.put(entry)).collect();
        let failed = answers.iter().filter(|a| a.get("ErrorCode").is_some()).count();
        let body = json!({"FailedEntryCount": failed, "Entries": answers}).to_string();
        Response::builder()
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.into())
            .unwrap_or_default()
    }

    fn put(&self, entry: &Entry) -> Value {
        let Ok(detail) = serde_json::from_str::<Value>(&entry.detail) else {
            return json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."});
        };
        let id = uuid::Uuid::new_v4().to_string();
        if entry.source == SOURCE
            && entry.detail_type == DETAIL_TYPE
            && let Some(worker) = self.target.get()
        {
            let event = json!({
                "version": "0", "id": id, "source": entry.source, "detail-type": entry.detail_type,
                "account": "000000000000", "region": "us-east-1", "resources": [], "detail": detail,
            });
            worker.trigger(Bytes::from(event.to_string()));
        }
        json!({ "EventId": id })
    }
}
