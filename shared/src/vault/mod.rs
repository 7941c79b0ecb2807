//! Secrets live here only; everything else holds names.

pub mod envelope;
pub mod kms;
pub mod migrate;
pub mod secrets_manager;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::aws_refusal::Refusal;
use certmint_core::words::Class;

/// The secret with the hashes of API tokens, relative to the stack's prefix. It is in Secrets Manager, where operators
/// write it, wherever keys are.
pub const API_TOKENS: &str = "api-tokens";

/// Why the vault did not do it. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no such secret.
    #[error("secret {0} does not exist")]
    NotFound(String),
    /// It waits for its deletion.
    #[error(
        "secret {0} is scheduled for deletion; restore it (secretsmanager:RestoreSecret, or certmint restore-key for the envelope vault)"
    )]
    PendingDeletion(String),
    /// Our role may not do it, or the KMS key refuses.
    #[error(
        "access denied to {operation} on secret {name}: allow it in the function's role and the KMS key policy, and let no \
         other policy deny it"
    )]
    AccessDenied {
        /// The API action.
        operation: &'static str,
        /// The secret.
        name: String,
    },
    /// Our credentials are not taken.
    #[error("{operation} on secret {name}: {why}")]
    Credentials {
        /// The API action.
        operation: &'static str,
        /// The secret.
        name: String,
        /// What AWS said, and what to do.
        why: String,
    },
    /// The KMS key is there and is not to be used now: disabled, or waiting for its deletion.
    #[error(
        "the KMS key of secret {name} cannot be used ({said}): enable it, or cancel its deletion (kms:CancelKeyDeletion), \
         and see that its policy lets the function's role use it"
    )]
    KeyUnusable {
        /// The secret.
        name: String,
        /// What AWS said.
        said: String,
    },
    /// Slow, throttled or away.
    #[error("{operation} on secret {name}: {message}")]
    Unavailable {
        /// The API action.
        operation: &'static str,
        /// The secret.
        name: String,
        /// What it said.
        message: String,
    },
    /// Refused for good, or not in the form we wrote.
    #[error("secret {name}: {message}")]
    Refused {
        /// The secret.
        name: String,
        /// Why.
        message: String,
    },
}

impl VaultError {
    /// What it means for the next step.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. } => Class::Transient,
            Self::AccessDenied { .. } | Self::Credentials { .. } | Self::KeyUnusable { .. } => Class::Denied,
            _ => Class::Permanent,
        }
    }
}

impl VaultError {
    /// The error of a call that our rights do not allow.
    fn denied(operation: &'static str, name: String, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Right => Self::AccessDenied { operation, name },
            Refusal::Credentials(why) => Self::Credentials { operation, name, why },
        }
    }
}

/// A place for secrets. Names are relative to the stack's prefix.
#[async_trait]
pub trait KeyVault: Send + Sync {
    /// Stores the secret unless the name is taken, and returns what is stored then: a repeat after a lost response
    /// gets the first value back.
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError>;
    /// Reads it.
    async fn get(&self, name: &str) -> Result<SecretString, VaultError>;
    /// Schedules its deletion, with a recovery window. Gone already is success.
    async fn delete(&self, name: &str) -> Result<(), VaultError>;
}

/// Where secrets are put by who may read none of them.
#[async_trait]
pub trait Deposit: Send + Sync {
    /// Makes sure that a secret is there whose name says what it is (of a certificate's fingerprint, or made for this one
    /// call): what stands under such a name is the same already, so a repeat stores and reads nothing. One that waits for
    /// its deletion is taken back.
    async fn ensure(&self, name: &str, value: SecretString) -> Result<(), VaultError>;
    /// Whether it is there: else [`VaultError::NotFound`] or [`VaultError::PendingDeletion`]. Its value is not read.
    async fn look(&self, name: &str) -> Result<(), VaultError>;
}

/// A vault that can say what it holds.
#[async_trait]
pub trait SecretNames: Send + Sync {
    /// The names of all secrets that do not wait for their deletion, relative to the prefix. For operators: it reads
    /// them all, and what was written in the last seconds may be missing.
    async fn names(&self) -> Result<Vec<String>, VaultError>;
}
