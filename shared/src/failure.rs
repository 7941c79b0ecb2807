//! The adapters' errors as the engine takes them.

use certmint_core::words::{Cause, Failure, Stage};

use crate::{dns::DnsError, store::StoreError, vault::VaultError};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
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
        Self::new(error.class(), Stage::Dns, Cause::Dns, error.to_string())
    }
}

impl From<DnsError> for Failure {
    fn from(error: DnsError) -> Self {
        Self::from(&error)
    }
}
