//! ACME Renewal Information (RFC 9773).

use std::time::Duration;

use crate::words::Timestamp;

/// The time in which a CA wants a certificate to be renewed (RFC 9773 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From.
    pub start: Timestamp,
    /// Until.
    pub end: Timestamp,
}

/// What a CA suggests for a renewal (RFC 9773 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalInfo {
    /// When to renew.
    pub window: Window,
    /// Where it is explained.
    pub explanation_url: Option<String>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}
