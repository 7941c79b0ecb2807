//! Errors of services that speak JSON.

use axum::{body::Body, response::Response};

/// An error as the JSON protocols write it.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({"__type": code, "message": message}).to_string();
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-errortype", code)
        .body(Body::from(body))
        .unwrap_or_default()
}
