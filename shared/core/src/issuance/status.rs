//! What a client sees of a request.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a client sees of a request's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// Waiting for a worker.
    Pending,
    /// A worker has begun.
    Running,
    /// The certificate is recorded.
    Success,
    /// Ended; a retry starts over.
    Failed,
}

impl RequestStatus {
    /// All, in the order of life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Running, Self::Success, Self::Failed];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens without a client.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}

/// A word that is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be pending, running, success or failed")]
pub struct UnknownStatus;

impl FromStr for RequestStatus {
    type Err = UnknownStatus;

    fn from_str(s: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|x| x.as_str() == s)
            .ok_or(UnknownStatus)
    }
}
