//! Secrets as ciphertext in the table, each under a data key that KMS wraps: 10,000 keys for the price of one KMS key.
//!
//! An item `KEY#<name>` holds the wrapped key, the nonce and the ciphertext (AES-256-GCM, NIST SP 800-38D). The name
//! is authenticated twice: as KMS's encryption context and as the cipher's additional data. An item that is moved to
//! another name, another stack or under another KMS key does not open, and is never replaced in silence.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::AttributeValue,
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

use super::{Deposit, KeyVault, SecretNames, VaultError, kms::KmsKey};
use crate::{aws_call::AwsCall, aws_refusal::Refusal, store::dynamo::keys};
use certmint_core::{clock::Clock, words::Timestamp};

/// How long a deleted secret can be restored; the same as in Secrets Manager.
const RECOVERY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const GET: AwsCall = AwsCall::new("get_item", &["dynamodb:GetItem"]);

/// What this adapter calls of DynamoDB for a function.
pub const CALLS: &[AwsCall] = &[
    GET,
    AwsCall::new("put_item", &["dynamodb:PutItem"]),
    AwsCall::new("update_item", &["dynamodb:UpdateItem"]),
];
/// What reading calls.
pub const READ_CALLS: &[AwsCall] = &[GET];
/// What it calls for an operator who moves keys; no function does.
pub const OPERATOR_CALLS: &[AwsCall] = &[AwsCall::new("query", &["dynamodb:Query"])];

type Item = HashMap<String, AttributeValue>;

/// The vault.
#[derive(Clone)]
pub struct EnvelopeVault {
    table: Client,
    table_name: String,
    key: KmsKey,
    prefix: String,
    clock: Arc<dyn Clock>,
}

/// Where secrets are, and what seals them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeSettings {
    /// The table.
    pub table: String,
    /// Names the stack in every encryption context.
    pub prefix: String,
    /// Id, ARN or alias of a symmetric KMS key.
    pub kms_key: String,
}

fn pk(name: &str) -> AttributeValue {
    AttributeValue::S(keys::secret(name).pk)
}

fn sk() -> AttributeValue {
    AttributeValue::S(keys::secret("").sk)
}

fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N((at.millis() / 1000).to_string())
}

fn bytes<'a>(item: &'a Item, attribute: &str) -> &'a [u8] {
    item.get(attribute)
        .and_then(|v| v.as_b().ok())
        .map_or(&[], AsRef::as_ref)
}

fn number(item: &Item, attribute: &str) -> Option<i64> {
    item.get(attribute)
        .and_then(|v| v.as_n().ok())
        .and_then(|n| n.parse().ok())
}

impl EnvelopeVault {
    /// A vault over a table and a KMS key.
    #[must_use]
    pub fn new(
        table: Client,
        kms: aws_sdk_kms::Client,
        settings: EnvelopeSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            table,
            table_name: settings.table,
            key: KmsKey::new(kms, settings.kms_key, settings.prefix.clone()),
            prefix: settings.prefix,
            clock,
        }
    }

    fn refused(name: &str, message: &str) -> VaultError {
        VaultError::Refused {
            name: name.to_owned(),
            message: message.to_owned(),
        }
    }

    fn explain<E>(operation: &'static str, name: &str, error: &SdkError<E, HttpResponse>) -> VaultError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(refusal) = Refusal::of(error) {
            return VaultError::denied(operation, name.to_owned(), refusal);
        }
        let service = error.as_service_error();
        let code = service.and_then(ProvideErrorMetadata::code);
        let said = service.and_then(ProvideErrorMetadata::message).or(code);
        let message = said.map_or_else(|| error.to_string(), str::to_owned);
        let name = name.to_owned();
        match code {
            Some("ResourceNotFoundException" | "ValidationException") => {
                VaultError::Refused { name, message }
            }
            _ => VaultError::Unavailable {
                operation,
                name,
                message,
            },
        }
    }

    /// What the cipher authenticates beside the secret.
    fn additional(&self, name: &str) -> String {
        format!("certmint envelope 1\n{}\n{name}", self.prefix)
    }

    fn cipher(name: &str, key: &[u8]) -> Result<LessSafeKey, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, key);
        Ok(LessSafeKey::new(key.map_err(|_| {
            Self::refused(name, "the cipher cannot be set up")
        })?))
    }

    async fn seal(&self, name: &str, value: &SecretString) -> Result<Item, VaultError> {
        let key = self.key.generate(name).await?;
        // A data key seals one secret once: a random nonce cannot repeat under it.
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| Self::refused(name, "no randomness"))?;
        let mut sealed = value.expose_secret().as_bytes().to_vec();
        let done = Self::cipher(name, &*key.plain)?.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(self.additional(name)),
            &mut sealed,
        );
        if done.is_err() {
            sealed.zeroize();
            return Err(Self::refused(name, "could not be sealed"));
        }
        let binary = |bytes: Vec<u8>| AttributeValue::B(Blob::new(bytes));
        let (list, place) = (keys::Index::List.attributes(), keys::listed_secret(name));
        Ok(Item::from([
            ("pk".into(), pk(name)),
            ("sk".into(), sk()),
            (list.0.into(), AttributeValue::S(place.pk)),
            (list.1.into(), AttributeValue::S(place.sk)),
            ("wrapped".into(), binary(key.wrapped)),
            ("nonce".into(), binary(nonce.to_vec())),
            ("sealed".into(), binary(sealed)),
            (
                "created_at".into(),
                AttributeValue::N(self.clock.now().millis().to_string()),
            ),
        ]))
    }

    async fn open(&self, name: &str, item: &Item) -> Result<SecretString, VaultError> {
        let key = self.key.open(name, bytes(item, "wrapped")).await?;
        let broken = || {
            Self::refused(
                name,
                "the ciphertext was changed, or belongs to another name or stack",
            )
        };
        let nonce = Nonce::try_assume_unique_for_key(bytes(item, "nonce")).map_err(|_| broken())?;
        let mut sealed = Zeroizing::new(bytes(item, "sealed").to_vec());
        let plain = Self::cipher(name, &*key)?
            .open_in_place(nonce, Aad::from(self.additional(name)), &mut sealed)
            .map_err(|_| broken())?;
        let text = std::str::from_utf8(plain).map_err(|_| Self::refused(name, "holds bytes, not text"))?;
        Ok(SecretString::from(text))
    }

    /// Whether it was stored; else the name is taken.
    async fn put(&self, name: &str, value: &SecretString) -> Result<bool, VaultError> {
        let item = self.seal(name, value).await?;
        let put = self
            .table
            .put_item()
            .table_name(&self.table_name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", seconds(self.clock.now()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(e) if is_condition(&e) => Ok(false),
            Err(e) => Err(Self::explain("dynamodb:PutItem", name, &e)),
        }
    }

    /// The item of a secret that is there.
    async fn sealed(&self, name: &str) -> Result<Item, VaultError> {
        let answer = self
            .table
            .get_item()
            .table_name(&self.table_name)
            .key("pk", pk(name))
            .key("sk", sk())
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Self::explain("dynamodb:GetItem", name, &e))?;
        let item = answer.item.ok_or_else(|| VaultError::NotFound(name.to_owned()))?;
        match number(&item, "ttl") {
            // DynamoDB deletes within days of that moment; until then it counts as gone.
            Some(end) if end <= self.clock.now().millis() / 1000 => {
                Err(VaultError::NotFound(name.to_owned()))
            }
            Some(_) => Err(VaultError::PendingDeletion(name.to_owned())),
            None => Ok(item),
        }
    }

    async fn schedule_deletion(&self, name: &str) -> Result<(), VaultError> {
        let now = self.clock.now();
        let deleted = self
            .table
            .update_item()
            .table_name(&self.table_name)
            .key("pk", pk(name))
            .key("sk", sk())
            .update_expression("SET deleted_at = :now, #ttl = :end")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(deleted_at)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", AttributeValue::N(now.millis().to_string()))
            .expression_attribute_values(":end", seconds(now.plus(RECOVERY)))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(e) if is_condition(&e) => Ok(()),
            Err(e) => Err(Self::explain("dynamodb:UpdateItem", name, &e)),
        }
    }

    /// Takes a deleted secret back while its recovery window lasts.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] if it is not there, is not deleted, or the window is over.
    pub async fn restore(&self, name: &str) -> Result<(), VaultError> {
        let restored = self
            .table
            .update_item()
            .table_name(&self.table_name)
            .key("pk", pk(name))
            .key("sk", sk())
            .update_expression("REMOVE deleted_at, #ttl")
            .condition_expression("attribute_exists(deleted_at) AND #ttl > :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", seconds(self.clock.now()))
            .send()
            .await;
        match restored {
            Ok(_) => Ok(()),
            Err(e) if is_condition(&e) => Err(VaultError::NotFound(name.to_owned())),
            Err(e) => Err(Self::explain("dynamodb:UpdateItem", name, &e)),
        }
    }
}

fn is_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

#[async_trait]
impl KeyVault for EnvelopeVault {
    /// One GenerateDataKey and one conditional write; a name that is taken costs a read and a Decrypt more.
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        match self.put(name, &value).await? {
            true => Ok(value),
            // Somebody's, or ours whose answer was lost.
            false => self.get(name).await,
        }
    }

    /// One consistent read, one Decrypt.
    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        let item = self.sealed(name).await?;
        self.open(name, &item).await
    }

    /// One conditional write: the table's TTL removes the item when the window is over.
    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.schedule_deletion(name).await
    }
}

#[async_trait]
impl Deposit for EnvelopeVault {
    /// One GenerateDataKey and one conditional write; a name that is taken costs a read more, one that waits for its
    /// deletion a write more. Nothing is decrypted.
    async fn ensure(&self, name: &str, value: SecretString) -> Result<(), VaultError> {
        if self.put(name, &value).await? {
            return Ok(());
        }
        match self.sealed(name).await {
            Ok(_) => Ok(()),
            Err(VaultError::PendingDeletion(_)) => match self.restore(name).await {
                // Another call was faster.
                Err(VaultError::NotFound(_)) => self.look(name).await,
                restored => restored,
            },
            Err(other) => Err(other),
        }
    }

    async fn look(&self, name: &str) -> Result<(), VaultError> {
        self.sealed(name).await.map(|_| ())
    }
}

#[async_trait]
impl SecretNames for EnvelopeVault {
    async fn names(&self) -> Result<Vec<String>, VaultError> {
        let mut pages = self
            .table
            .query()
            .table_name(&self.table_name)
            .index_name("list")
            .key_condition_expression("#list = :key")
            .expression_attribute_names("#list", keys::Index::List.attributes().0)
            .filter_expression("attribute_not_exists(deleted_at)")
            .expression_attribute_values(":key", AttributeValue::S(keys::listed_secret("").pk))
            .into_paginator()
            .items()
            .send();
        let mut names = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| Self::explain("dynamodb:Query", "", &e))?;
            names.extend(
                item.get(keys::Index::List.attributes().1)
                    .and_then(|v| v.as_s().ok())
                    .cloned(),
            );
        }
        Ok(names)
    }
}
