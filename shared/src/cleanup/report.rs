//! What dns-cleanup did.

use crate::run_errors::RunErrors;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Values whose owner was found done although they were still wanted.
    pub orphaned: usize,
    /// RRsets brought to their wanted state.
    pub cleaned: usize,
    /// Values that were gone long ago and are no longer shown.
    pub forgotten: usize,
    /// RRsets that could not be changed now; the next run tries again.
    pub failed: usize,
    /// What of the ledger could not be read or written; the rest was cleaned in spite of that.
    #[serde(skip_serializing_if = "RunErrors::is_empty")]
    pub errors: RunErrors,
}
