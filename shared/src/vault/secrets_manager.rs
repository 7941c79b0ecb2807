//! One Secrets Manager secret for each key.

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{Filter, FilterNameStringType, Tag},
};
use secrecy::{ExposeSecret, SecretString};

use super::{Deposit, KeyVault, SecretNames, VaultError};
use crate::{aws_call::AwsCall, aws_refusal::Refusal};

// With a KMS key of the account's own, Secrets Manager calls KMS in the caller's name.
const CREATE: AwsCall = AwsCall::new(
    "create_secret",
    &[
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
        "kms:GenerateDataKey via secretsmanager",
        "kms:Decrypt via secretsmanager",
    ],
);
const GET: AwsCall = AwsCall::new(
    "get_secret_value",
    &["secretsmanager:GetSecretValue", "kms:Decrypt via secretsmanager"],
);
const DESCRIBE: AwsCall = AwsCall::new("describe_secret", &["secretsmanager:DescribeSecret"]);
const DELETE: AwsCall = AwsCall::new("delete_secret", &["secretsmanager:DeleteSecret"]);
const RESTORE: AwsCall = AwsCall::new("restore_secret", &["secretsmanager:RestoreSecret"]);

/// What a [`KeyVault`] calls.
pub const CALLS: &[AwsCall] = &[CREATE, GET, DESCRIBE, DELETE];
/// What reading calls.
pub const READ_CALLS: &[AwsCall] = &[GET, DESCRIBE];
/// What a [`Deposit`] calls.
pub const DEPOSIT_CALLS: &[AwsCall] = &[CREATE, DESCRIBE, RESTORE];
/// What it calls for an operator who moves keys; no function does.
pub const OPERATOR_CALLS: &[AwsCall] = &[AwsCall::new("list_secrets", &["secretsmanager:ListSecrets"])];

/// Days in which a deleted secret can be restored (Secrets Manager allows 7 to 30).
const RECOVERY_DAYS: i64 = 7;

/// Secrets under one prefix, tagged with it.
pub struct SecretsManagerVault {
    client: Client,
    prefix: String,
    kms_key: Option<String>,
}

/// An error's code and what a person may read; never a secret, since requests are not part of it.
struct Said {
    code: Option<String>,
    message: String,
    refusal: Option<Refusal>,
}

fn said<E>(error: &SdkError<E, HttpResponse>) -> Said
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code).map(str::to_owned);
    let message = service.and_then(ProvideErrorMetadata::message).map(str::to_owned);
    let message = message
        .or_else(|| code.clone())
        .unwrap_or_else(|| error.to_string());
    Said {
        code,
        message,
        refusal: Refusal::of(error),
    }
}

impl SecretsManagerVault {
    /// Secrets named `<prefix>/…`.
    #[must_use]
    pub const fn new(client: Client, prefix: String) -> Self {
        Self {
            client,
            prefix,
            kms_key: None,
        }
    }

    /// New secrets are encrypted under this KMS key instead of AWS's own.
    #[must_use]
    pub fn under(self, kms_key: Option<String>) -> Self {
        Self { kms_key, ..self }
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn translate(&self, operation: &'static str, name: &str, said: Said) -> VaultError {
        let name = self.full(name);
        if let Some(refusal) = said.refusal {
            return VaultError::denied(operation, name, refusal);
        }
        match said.code.as_deref() {
            Some("ResourceNotFoundException") => VaultError::NotFound(name),
            // The KMS key is disabled, waits for its deletion, or is not ours to use (API reference, Errors).
            Some("DecryptionFailure" | "EncryptionFailure") => VaultError::KeyUnusable {
                name,
                said: said.message,
            },
            Some(
                "InvalidParameterException"
                | "InvalidRequestException"
                | "LimitExceededException"
                | "MalformedPolicyDocumentException",
            ) => VaultError::Refused {
                name,
                message: said.message,
            },
            // Throttling, InternalServiceError, time-outs, resets.
            _ => VaultError::Unavailable {
                operation,
                name,
                message: said.message,
            },
        }
    }

    /// A refused request may mean that the secret waits for its deletion; only its description says so by a field.
    async fn pending_deletion(&self, name: &str) -> bool {
        matches!(self.look(name).await, Err(VaultError::PendingDeletion(_)))
    }

    async fn create(&self, name: &str, value: &SecretString) -> Result<(), Said> {
        let create = self
            .client
            .create_secret()
            .name(self.full(name))
            .secret_string(value.expose_secret())
            .set_kms_key_id(self.kms_key.clone())
            .tags(Tag::builder().key("certmint:stack").value(&self.prefix).build());
        create.send().await.map(|_| ()).map_err(|error| said(&error))
    }

    async fn schedule_deletion(&self, name: &str) -> Result<(), VaultError> {
        let call = self
            .client
            .delete_secret()
            .secret_id(self.full(name))
            .recovery_window_in_days(RECOVERY_DAYS);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.explain("DeleteSecret", name, said(&error)).await {
                VaultError::NotFound(_) | VaultError::PendingDeletion(_) => Ok(()),
                other => Err(other),
            },
        }
    }

    async fn explain(&self, operation: &'static str, name: &str, said: Said) -> VaultError {
        let refused = matches!(said.code.as_deref(), Some("InvalidRequestException"));
        if refused && self.pending_deletion(name).await {
            return VaultError::PendingDeletion(self.full(name));
        }
        self.translate(operation, name, said)
    }
}

#[async_trait]
impl KeyVault for SecretsManagerVault {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        let said = match self.create(name, &value).await {
            Ok(()) => return Ok(value),
            Err(said) => said,
        };
        match said.code.as_deref() {
            Some("ResourceExistsException") => self.get(name).await,
            _ => Err(self.explain("CreateSecret", name, said).await),
        }
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        match self
            .client
            .get_secret_value()
            .secret_id(self.full(name))
            .send()
            .await
        {
            Ok(answer) => answer
                .secret_string
                .map(SecretString::from)
                .ok_or_else(|| VaultError::Refused {
                    name: self.full(name),
                    message: "holds bytes, not text; this service did not write it".into(),
                }),
            Err(error) => Err(self.explain("GetSecretValue", name, said(&error)).await),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.schedule_deletion(name).await
    }
}

#[async_trait]
impl Deposit for SecretsManagerVault {
    /// One CreateSecret; a name that is taken costs a DescribeSecret more, one that waits for its deletion a RestoreSecret.
    async fn ensure(&self, name: &str, value: SecretString) -> Result<(), VaultError> {
        let said = match self.create(name, &value).await {
            Ok(()) => return Ok(()),
            Err(said) => said,
        };
        // That the name is taken is said in two ways: InvalidRequestException if its secret waits for its deletion.
        let taken = matches!(
            said.code.as_deref(),
            Some("ResourceExistsException" | "InvalidRequestException")
        );
        if !taken {
            return Err(self.translate("CreateSecret", name, said));
        }
        match self.look(name).await {
            Ok(()) => Ok(()),
            Err(VaultError::PendingDeletion(_)) => {
                let restored = self
                    .client
                    .restore_secret()
                    .secret_id(self.full(name))
                    .send()
                    .await;
                let restored = restored.map(|_| ());
                restored.map_err(|e| self.translate("RestoreSecret", name, self::said(&e)))
            }
            Err(VaultError::NotFound(_)) => Err(self.translate("CreateSecret", name, said)),
            Err(other) => Err(other),
        }
    }

    async fn look(&self, name: &str) -> Result<(), VaultError> {
        let described = self
            .client
            .describe_secret()
            .secret_id(self.full(name))
            .send()
            .await;
        match described {
            Ok(secret) if secret.deleted_date.is_some() => Err(VaultError::PendingDeletion(self.full(name))),
            Ok(_) => Ok(()),
            Err(error) => Err(self.translate("DescribeSecret", name, said(&error))),
        }
    }
}

#[async_trait]
impl SecretNames for SecretsManagerVault {
    async fn names(&self) -> Result<Vec<String>, VaultError> {
        let prefix = self.full("");
        let by_name = Filter::builder()
            .key(FilterNameStringType::Name)
            .values(&prefix)
            .build();
        let mut pages = self
            .client
            .list_secrets()
            .filters(by_name)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| self.translate("ListSecrets", "", said(&e)))?;
            let here = page.secret_list.unwrap_or_default().into_iter();
            let alive = here.filter(|secret| secret.deleted_date.is_none());
            names.extend(alive.filter_map(|s| s.name?.strip_prefix(&prefix).map(str::to_owned)));
        }
        Ok(names)
    }
}
