//! KMS, as far as envelope encryption needs it: GenerateDataKey, Encrypt and Decrypt with symmetric keys, encryption
//! contexts checked as KMS checks them (AWS, *KMS API Reference*).

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use axum::response::Response;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::refusal;
use crate::{StackError, keep};

/// The key that is there from the start.
pub const ALIAS: &str = "alias/certmint";
const ARN: &str = "arn:aws:kms:us-east-1:000000000000:";
const KEY_LEN: usize = 32;

/// A symmetric key.
#[derive(Clone, Serialize, Deserialize)]
struct Key {
    material: String,
    enabled: bool,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct State {
    keys: BTreeMap<String, Key>,
    aliases: BTreeMap<String, String>,
}

/// The service; clones share it.
#[derive(Clone)]
pub struct Kms {
    state: Arc<Mutex<State>>,
    file: Option<PathBuf>,
}

/// A refusal: KMS's error code and words.
type Refusal = (&'static str, String);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Call {
    key_id: Option<String>,
    key_spec: Option<String>,
    number_of_bytes: Option<usize>,
    plaintext: Option<String>,
    ciphertext_blob: Option<String>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

fn invalid(message: &str) -> Refusal {
    ("ValidationException", message.to_owned())
}

fn bad_ciphertext() -> Refusal {
    // KMS says no more than that, whatever is wrong with it.
    ("InvalidCiphertextException", String::new())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn decoded(text: Option<&String>, what: &str) -> Result<Vec<u8>, Refusal> {
    let text = text.ok_or_else(|| invalid(&format!("{what} is missing")))?;
    BASE64_STANDARD
        .decode(text)
        .map_err(|_| invalid(&format!("{what} is not base64")))
}

/// What a ciphertext is bound to. The order of the context's pairs does not count.
fn bound_to(key: &str, context: &BTreeMap<String, String>) -> Vec<u8> {
    serde_json::to_vec(&json!([key, context])).unwrap_or_default()
}

fn cipher(key: &Key) -> Result<LessSafeKey, Refusal> {
    let failure = || ("KMSInternalException", "the key cannot be used".to_owned());
    let material = BASE64_STANDARD.decode(&key.material).map_err(|_| failure())?;
    let key = UnboundKey::new(&AES_256_GCM, &material).map_err(|_| failure())?;
    Ok(LessSafeKey::new(key))
}

impl Kms {
    /// With the keys that `file` holds, if it is given; else with one key, [`ALIAS`].
    ///
    /// # Errors
    /// If the file is not one that an earlier run wrote.
    pub fn open(file: Option<PathBuf>) -> Result<Self, StackError> {
        let saved: Option<State> = file.as_deref().map(keep::load).transpose()?.flatten();
        let fresh = saved.is_none();
        let kms = Self {
            state: Arc::new(Mutex::new(saved.unwrap_or_default())),
            file,
        };
        if fresh {
            let id = kms.create_key();
            kms.lock().aliases.insert(ALIAS.to_owned(), id);
            kms.keep();
        }
        Ok(kms)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self) {
        if let Some(file) = &self.file {
            keep::store(file, &*self.lock());
        }
    }

    /// Another key; returns its id.
    #[must_use]
    pub fn create_key(&self) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let key = Key {
            material: BASE64_STANDARD.encode(random::<KEY_LEN>()),
            enabled: true,
        };
        self.lock().keys.insert(id.clone(), key);
        self.keep();
        id
    }

    /// Switches a key (id, ARN or alias) off or on.
    pub fn enable(&self, key: &str, enabled: bool) {
        let id = self.resolve(key).map(|(id, _)| id);
        if let Ok(id) = id
            && let Some(key) = self.lock().keys.get_mut(&id)
        {
            key.enabled = enabled;
        }
        self.keep();
    }

    fn resolve(&self, name: &str) -> Result<(String, Key), Refusal> {
        let state = self.lock();
        let name = name.strip_prefix(ARN).unwrap_or(name);
        let id = state.aliases.get(name).map_or(name, String::as_str);
        let id = id.strip_prefix("key/").unwrap_or(id);
        let found = state.keys.get(id).cloned().map(|key| (id.to_owned(), key));
        found.ok_or_else(|| ("NotFoundException", format!("Key '{ARN}{name}' does not exist")))
    }

    fn usable(&self, name: &str) -> Result<(String, Key), Refusal> {
        let (id, key) = self.resolve(name)?;
        if key.enabled {
            return Ok((id, key));
        }
        Err(("DisabledException", format!("{ARN}key/{id} is disabled.")))
    }

    fn seal(&self, call: &Call, plain: &[u8]) -> Result<(String, String), Refusal> {
        let name = call
            .key_id
            .as_deref()
            .ok_or_else(|| invalid("KeyId is missing"))?;
        let (id, key) = self.usable(name)?;
        let nonce = random::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        cipher(&key)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(&id, &call.encryption_context)),
                &mut sealed,
            )
            .map_err(|_| ("KMSInternalException", "not sealed".to_owned()))?;
        let blob = [id.as_bytes(), &nonce, &sealed].concat();
        Ok((format!("{ARN}key/{id}"), BASE64_STANDARD.encode(blob)))
    }

    fn generate_data_key(&self, call: &Call) -> Result<Value, Refusal> {
        let length = match (call.key_spec.as_deref(), call.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(length @ 1..=1024)) => length,
            _ => return Err(invalid("Please specify either number of bytes or key spec.")),
        };
        let mut plain = vec![0; length];
        rand::rng().fill_bytes(&mut plain);
        let (arn, blob) = self.seal(call, &plain)?;
        Ok(json!({"KeyId": arn, "CiphertextBlob": blob, "Plaintext": BASE64_STANDARD.encode(plain)}))
    }

    fn encrypt(&self, call: &Call) -> Result<Value, Refusal> {
        let plain = decoded(call.plaintext.as_ref(), "Plaintext")?;
        if !(1..=4096).contains(&plain.len()) {
            return Err(invalid("Plaintext must have 1 to 4096 bytes"));
        }
        let (arn, blob) = self.seal(call, &plain)?;
        Ok(json!({"KeyId": arn, "CiphertextBlob": blob, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
    }

    fn decrypt(&self, call: &Call) -> Result<Value, Refusal> {
        let blob = decoded(call.ciphertext_blob.as_ref(), "CiphertextBlob")?;
        // An id is 36 characters.
        let (id, rest) = blob.split_at_checked(36).ok_or_else(bad_ciphertext)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or_else(bad_ciphertext)?;
        let id = std::str::from_utf8(id).map_err(|_| bad_ciphertext())?;
        if let Some(asked) = &call.key_id
            && self.resolve(asked)?.0 != id
        {
            let message =
                "The key ID in the request does not identify a CMK that can perform this operation.";
            return Err(("IncorrectKeyException", message.to_owned()));
        }
        let (id, key) = self.usable(id)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| bad_ciphertext())?;
        let mut sealed = sealed.to_vec();
        let plain = cipher(&key)?
            .open_in_place(
                nonce,
                Aad::from(bound_to(&id, &call.encryption_context)),
                &mut sealed,
            )
            .map_err(|_| bad_ciphertext())?;
        let plain = BASE64_STANDARD.encode(plain);
        Ok(
            json!({"KeyId": format!("{ARN}key/{id}"), "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
        )
    }

    pub(super) fn handle(&self, request: &http::Request<Bytes>) -> Response {
        let target = request.headers().get("x-amz-target");
        let target = target.and_then(|v| v.to_str().ok()).unwrap_or_default();
        let Ok(call) = serde_json::from_slice::<Call>(request.body()) else {
            return refusal(400, "SerializationException", "not a request of KMS");
        };
        let answer = match target.split('.').nth(1) {
            Some("GenerateDataKey") => self.generate_data_key(&call),
            Some("Encrypt") => self.encrypt(&call),
            Some("Decrypt") => self.decrypt(&call),
            _ => Err((
                "UnknownOperationException",
                "only GenerateDataKey, Encrypt and Decrypt are emulated here".to_owned(),
            )),
        };
        match answer {
            Ok(body) => Response::builder()
                .header("content-type", "application/x-amz-json-1.1")
                .body(body.to_string().into())
                .unwrap_or_default(),
            Err((code, message)) => refusal(400, code, &message),
        }
    }
}
