//! Errors of services that speak JSON.

use axum::{body::Body, response::Response};

/// An error as the JSON protocols write it.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Response {
    json_refusal(status, &serde_json::json!({"__type": code, "message": message}))
}

/// The same with more to say.
pub(super) fn json_refusal(status: u16, body: &serde_json::Value) -> Response {
    let code = body["__type"].as_str().unwrap_or_default();
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-errortype", code.rsplit('#').next().unwrap_or_default())
        .body(Body::from(body.to_string()))
        .unwrap_or_default()
}
