//! Data keys that KMS wraps. Each secret has its own: nothing is cached, so what was decrypted once is nowhere kept,
//! every use stands in CloudTrail with the secret's name, and a key that KMS no longer gives is gone at once.

use aws_sdk_kms::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::DataKeySpec,
};
use zeroize::Zeroizing;

use super::VaultError;
use crate::{aws_call::AwsCall, aws_refusal::Refusal};

/// What sealing calls.
pub const SEAL_CALLS: &[AwsCall] = &[AwsCall::new("generate_data_key", &["kms:GenerateDataKey"])];
/// What opening calls.
pub const OPEN_CALLS: &[AwsCall] = &[AwsCall::new("decrypt", &["kms:Decrypt"])];

/// Octets of an AES-256 key.
pub(super) const KEY_LEN: usize = 32;

/// A key for one secret.
pub(super) struct DataKey {
    pub(super) plain: Zeroizing<[u8; KEY_LEN]>,
    pub(super) wrapped: Vec<u8>,
}

/// A KMS key, and the stack that uses it.
#[derive(Clone, Debug)]
pub(super) struct KmsKey {
    client: Client,
    key_id: String,
    stack: String,
}

fn exact(bytes: Option<Blob>, name: &str) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
    let bytes = Zeroizing::new(bytes.map(Blob::into_inner).unwrap_or_default());
    let mut plain = Zeroizing::new([0; KEY_LEN]);
    if bytes.len() != KEY_LEN {
        return Err(VaultError::Refused {
            name: name.to_owned(),
            message: "KMS gave a data key of another length".into(),
        });
    }
    plain.copy_from_slice(&bytes);
    Ok(plain)
}

impl KmsKey {
    pub(super) const fn new(client: Client, key_id: String, stack: String) -> Self {
        Self {
            client,
            key_id,
            stack,
        }
    }

    /// What KMS binds a wrapped key to: it does not unwrap it for another secret or another stack.
    fn context(&self, name: &str) -> [(String, String); 2] {
        [
            ("certmint-stack".into(), self.stack.clone()),
            ("certmint-secret".into(), name.to_owned()),
        ]
    }

    fn explain<E>(&self, operation: &'static str, name: &str, error: &SdkError<E, HttpResponse>) -> VaultError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(refusal) = Refusal::of(error) {
            return VaultError::denied(operation, name.to_owned(), refusal);
        }
        let service = error.as_service_error();
        let code = service.and_then(ProvideErrorMetadata::code);
        let said = service.and_then(ProvideErrorMetadata::message).or(code);
        let said = said.map_or_else(|| error.to_string(), str::to_owned);
        let name = name.to_owned();
        let refused = |message: String| VaultError::Refused {
            name: name.clone(),
            message,
        };
        match code {
            // An operator's doing, and undone as easily; a key that is gone is not there any more (NotFoundException).
            Some("DisabledException" | "KMSInvalidStateException") => VaultError::KeyUnusable { name, said },
            Some("IncorrectKeyException" | "InvalidCiphertextException") => refused(format!(
                "KMS does not open it with key {}: it was sealed with another key, or for another secret or stack \
                 ({said}); set CERTMINT_KMS_KEY to the key that it was sealed with",
                self.key_id
            )),
            Some(
                "NotFoundException"
                | "InvalidKeyUsageException"
                | "InvalidArnException"
                | "ValidationException",
            ) => refused(format!("KMS key {} cannot be used: {said}", self.key_id)),
            // Throttling, DependencyTimeout, KeyUnavailable, KMSInternal, time-outs, resets.
            _ => VaultError::Unavailable {
                operation,
                name,
                message: said,
            },
        }
    }

    /// A new data key.
    pub(super) async fn generate(&self, name: &str) -> Result<DataKey, VaultError> {
        let made = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(self.context(name).into()))
            .send()
            .await
            .map_err(|e| self.explain("kms:GenerateDataKey", name, &e))?;
        Ok(DataKey {
            plain: exact(made.plaintext, name)?,
            wrapped: made.ciphertext_blob.map(Blob::into_inner).unwrap_or_default(),
        })
    }

    /// The data key of a secret that is there.
    pub(super) async fn open(
        &self,
        name: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
        let opened = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(self.context(name).into()))
            .send()
            .await
            .map_err(|e| self.explain("kms:Decrypt", name, &e))?;
        exact(opened.plaintext, name)
    }
}
