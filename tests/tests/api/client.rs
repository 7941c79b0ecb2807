//! The API in process, with a vault and a bell in memory. Every answer is checked against the API's description.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use certmint_core::{
    certificate::{Certificate, CertificateSource, Lifecycle},
    clock::Clock,
    provider::Providers,
    words::{AccountId, CertificateId, Timestamp},
};
use certmint_shared::{
    api::Api,
    clock::SystemClock,
    kick::Kick,
    store::{CertificateStore, dynamo::DynamoStore},
    vault::{KeyVault, VaultError},
};
use certmint_tests::{dynamo::Emulated, schema::Exchange};
use http_body_util::{BodyExt, Full};
use secrecy::{ExposeSecret, SecretString};

/// SHA-256 of `token`, `reader` and `old`.
const TOKENS: &str = r#"{"tokens":[
  {"sha256":"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"},
  {"sha256":"3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30","scopes":["read"]},
  {"sha256":"cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4","expires_at":"2020-01-01T00:00:00Z"}]}"#;

#[derive(Default)]
pub(super) struct MemoryVault(pub(super) Mutex<HashMap<String, String>>);

#[async_trait]
impl KeyVault for MemoryVault {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        let mut all = self.0.lock().unwrap();
        Ok(all
            .entry(name.into())
            .or_insert_with(|| value.expose_secret().into())
            .clone()
            .into())
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        let all = self.0.lock().unwrap();
        all.get(name)
            .cloned()
            .map(Into::into)
            .ok_or_else(|| VaultError::NotFound(name.into()))
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct CountedKick(pub(super) Mutex<usize>);

#[async_trait]
impl Kick for CountedKick {
    async fn kick(&self) {
        *self.0.lock().unwrap() += 1;
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiResponse {
    pub(super) status: u16,
    /// The methods that the path takes, if the answer says so.
    pub(super) allow: Option<String>,
    pub(super) body: String,
}

pub(super) struct Client {
    pub(super) api: Api,
    pub(super) store: Arc<DynamoStore>,
    /// The table below the store.
    pub(super) world: Emulated,
    pub(super) vault: Arc<MemoryVault>,
    pub(super) kick: Arc<CountedKick>,
}

impl Client {
    pub(super) async fn new() -> Self {
        let (vault, kick) = (Arc::new(MemoryVault::default()), Arc::new(CountedKick::default()));
        vault.0.lock().unwrap().insert("api-tokens".into(), TOKENS.into());
        let world = Emulated::new().await;
        let store = Arc::new(world.store.clone());
        let api = Api::new(
            store.clone(),
            vault.clone(),
            Providers::default(),
            kick.clone(),
            Arc::new(SystemClock),
        );
        Self {
            api,
            store,
            world,
            vault,
            kick,
        }
    }

    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &str,
    ) -> ApiResponse {
        self.at(method, &format!("/api/v1{path}"), token, key, body).await
    }

    /// The same of a whole path. Every answer is checked against the API's description.
    pub(super) async fn at(
        &self,
        method: &str,
        target: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &str,
    ) -> ApiResponse {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in [("authorization", token), ("idempotency-key", key)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let (parts, answer) = self.api.handle(request).await.into_parts();
        assert_eq!(parts.headers["content-type"], "application/json");
        assert_eq!(parts.headers["cache-control"], "no-store");
        let answer = answer.collect().await.unwrap().to_bytes();
        let status = parts.status.as_u16();
        let answer = String::from_utf8(answer.to_vec()).unwrap();
        let exchange = Exchange {
            method,
            target,
            body: body.as_bytes(),
            status,
            answer: &answer,
        };
        assert_eq!(exchange.check(), Ok(()), "{method} {target}: {answer}");
        let allow = parts.headers.get("allow").map(|v| v.to_str().unwrap().to_owned());
        ApiResponse {
            status,
            allow,
            body: answer,
        }
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> ApiResponse {
        self.call("POST", path, Some("Bearer token"), None, body).await
    }

    pub(super) async fn get(&self, path: &str) -> ApiResponse {
        self.call("GET", path, Some("Bearer token"), None, "").await
    }

    /// A certificate of account 1 for this name, as a worker records it.
    pub(super) async fn certificate(
        &self,
        fingerprint: &str,
        name: &str,
        source: CertificateSource,
    ) -> CertificateId {
        let now = SystemClock.now();
        let certificate = Certificate {
            id: CertificateId::new(0),
            fingerprint: fingerprint.into(),
            serial: "01".into(),
            issuer: "CN=CA".into(),
            names: vec![name.parse().unwrap()],
            not_before: now,
            expires_at: Timestamp::from_secs(4_000_000_000),
            cert_pem: "pem".into(),
            chain_pem: "chain".into(),
            key_ref: format!("certificate-key/{fingerprint}"),
            source,
            account_id: (source == CertificateSource::Acme).then(|| AccountId::new(1)),
            provider: "letsencrypt".into(),
            request_id: None,
            profile: None,
            version: 1,
            created_at: now,
            updated_at: now,
            lifecycle: Lifecycle::default(),
        };
        self.store.record_certificate(certificate, None).await.unwrap().id
    }

    pub(super) async fn account(&self) {
        let body = r#"{"providerName":"letsencrypt","email":"ops@example.com"}"#;
        let answer = self.post("/acme/account/create", body).await;
        let expected = r#"{"code":0,"message":"success","data":{"id":1,"provider_id":1,"email":"ops@example.com","status":"pending"}}"#;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    }
}

pub(super) fn refused(answer: &ApiResponse, status: u16, code: u16, word: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(
        answer.body.starts_with(&format!(r#"{{"code":{code},"#)),
        "{}",
        answer.body
    );
    assert!(answer.body.contains(word), "{} lacks {word}", answer.body);
}
