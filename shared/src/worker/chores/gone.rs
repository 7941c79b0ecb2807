//! What a chore does about what is no more.

use crate::store::StoreError;
use certmint_core::words::Failure;

/// What is gone needs nothing more.
pub(super) fn unless_gone(error: StoreError) -> Result<(), Failure> {
    match error {
        StoreError::NotFound { .. } => Ok(()),
        error => Err(error.into()),
    }
}
