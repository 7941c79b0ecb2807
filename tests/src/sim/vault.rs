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

    /// A deleted name stays taken while it can be restored, which is longer than a run.
    fn deleted(name: &str) -> String {
        format!("deleted {name}")
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
                if secrets.contains_key(&Self::deleted(name)) {
                    return Err(VaultError::PendingDeletion(name.to_owned()));
                }
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
                let secrets = self.lock();
                match secrets.get(name) {
                    Some(found) => Ok(SecretString::from(found.as_str())),
                    None if secrets.contains_key(&Self::deleted(name)) => {
                        Err(VaultError::PendingDeletion(name.to_owned()))
                    }
                    None => Err(VaultError::NotFound(name.to_owned())),
                }
            })
            .await
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.gate
            .call(Op::DeleteSecret, || {
                let mut secrets = self.lock();
                if secrets.remove(name).is_some() {
                    secrets.insert(Self::deleted(name), String::new());
                }
                Ok(())
            })
            .await
    }
}
