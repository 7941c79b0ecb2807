//! Refusals, as the API words them.

use http::StatusCode;

use super::name::NameError;

/// A refusal, as the API words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error code: `InvalidChangeBatch`, …
    pub code: &'static str,
    /// The text for people.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn no_zone(id: &str) -> Self {
        let message = format!("No hosted zone found with ID: {id}");
        Self::new(StatusCode::NOT_FOUND, "NoSuchHostedZone", message)
    }

    pub(super) fn name(name: &str, why: NameError) -> Self {
        let message = format!("FATAL problem: DomainLabel ({why}) encountered with '{name}'");
        Self::bad("InvalidDomainName", message)
    }
}

/// Route53 answers all messages of a batch at once, in brackets.
pub(super) fn refused(messages: &[String]) -> Refusal {
    Refusal::bad("InvalidChangeBatch", format!("[{}]", messages.join(", ")))
}
