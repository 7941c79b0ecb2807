//! Secrets that go into the vault before the record that names them.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::words::Timestamp;

/// Intents of secrets. A call writes the intent, puts the secret into the vault, and writes the record that names it,
/// whose transaction ends the intent. Whatever ends the call in between, a worker deletes the secret.
#[async_trait]
pub trait SecretIntents: Send + Sync {
    /// Writes down that a secret of this name is about to be in the vault. Unless a record claims it within an hour
    /// ([`unclaimed`](certmint_core::chore::unclaimed)), a worker deletes it.
    async fn intend_secret(&self, secret: &str, now: Timestamp) -> Result<(), StoreError>;
    /// Nobody will claim it: its deletion is due now. One that was claimed stays.
    async fn drop_secret(&self, secret: &str, now: Timestamp) -> Result<(), StoreError>;
}
