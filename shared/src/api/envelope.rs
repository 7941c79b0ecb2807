//! What every answer stands in: `{"code":…,"message":…,"data":…}`.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;

use super::error::ApiError;

/// The `data` of a successful answer.
pub(super) struct Answer<T>(pub(super) T);

/// What a handler gives.
pub(super) type Data<T> = Result<Answer<T>, ApiError>;

#[derive(Serialize)]
struct Envelope<'a, T> {
    code: u16,
    message: &'a str,
    data: T,
}

fn response(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let envelope = Envelope {
            code: 0,
            message: "success",
            data: self.0,
        };
        match serde_json::to_vec(&envelope) {
            Ok(body) => response(StatusCode::OK, body),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                ApiError::internal("internal error; see the function's log").into_response()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let envelope = Envelope {
            code: self.code,
            message: &self.message,
            data: (),
        };
        // Numbers and text: this cannot fail.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        response(self.status(), body)
    }
}
