//! Secrets in memory: the first value of a name stays.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use certmint_shared::vault::{KeyVault, VaultError};
use secrecy::{ExposeSecret, SecretString};

use super::{gate::Gate, op::Op};

/// What all processes share.
pub type Secrets = Arc<Mutex<BTreeMap<String, String>>>;

/// One process's way to the secrets.
#[derive(Clone)]
pub struct MemoryVault {
    secrets: Secrets,
    gate: Gate,
}

impl MemoryVault {
    /// A vault over shared secrets.
    #[must_use]
    pub const fn new(secrets: Secrets, gate: Gate) -> Self {
        Self { secrets, gate }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.secrets.lock().expect("no model panics under the lock")
    }
}

#[async_trait]
impl KeyVault for MemoryVault {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        let op = if name.starts_with("certificate-key/") {
            Op::StoreKey
        } else {
            Op::StoreAccountKey
        };
        self.gate
            .call(op, || {
                let mut secrets = self.lock();
                let stored = secrets
                    .entry(name.to_owned())
                    .or_insert_with(|| value.expose_secret().to_owned());
                Ok(stored.clone().into())
            })
            .await
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        self.gate
            .call(Op::ReadSecret, || {
                let found = self.lock().get(name).cloned();
                found
                    .map(SecretString::from)
                    .ok_or_else(|| VaultError::NotFound(name.to_owned()))
            })
            .await
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.gate
            .call(Op::DeleteSecret, || {
                self.lock().remove(name);
                Ok(())
            })
            .await
    }
}
