//! The adapters' errors as the engine takes them.

use certmint_core::words::{Cause, Failure, Stage};

use crate::{dns::DnsError, store::StoreError, vault::VaultError};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        Self::new(error.class(), Stage::Request, Cause::Store, error.to_string())
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::new(error.class(), Stage::Request, Cause::Vault, error.to_string())
    }
}

impl From<&DnsError> for Failure {
    fn from(error: &DnsError) -> Self {
        let (stage, cause) = match error {
            DnsError::Ledger(_) => (Stage::Request, Cause::Store),
            _ => (Stage::Dns, Cause::Dns),
        };
        Self::new(error.class(), stage, cause, error.to_string())
    }
}

impl From<DnsError> for Failure {
    fn from(error: DnsError) -> Self {
        Self::from(&error)
    }
}
