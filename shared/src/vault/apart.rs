//! The list of API tokens stays in Secrets Manager, where operators write it, wherever keys are.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{KeyVault, VaultError};

/// The secret with the hashes of API tokens, relative to the stack's prefix.
pub const API_TOKENS: &str = "api-tokens";

/// Two vaults: one for the list of API tokens, one for all else.
pub struct TokensApart {
    /// Has the list of tokens.
    pub tokens: Arc<dyn KeyVault>,
    /// Has the keys.
    pub keys: Arc<dyn KeyVault>,
}

impl TokensApart {
    fn of(&self, name: &str) -> &dyn KeyVault {
        if name == API_TOKENS {
            &*self.tokens
        } else {
            &*self.keys
        }
    }
}

#[async_trait]
impl KeyVault for TokensApart {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        self.of(name).put_if_absent(name, value).await
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        self.of(name).get(name).await
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.of(name).delete(name).await
    }
}
