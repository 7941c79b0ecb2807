//! Calls that are safe to send twice.

/// A key that makes a POST safe to send twice: same key and body → the stored answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key, scoped to the call.
    pub key: String,
    /// SHA-256 of the body, hex.
    pub body_hash: String,
}
