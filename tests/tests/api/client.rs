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
    api::{Api, Server, routes},
    clock::SystemClock,
    kick::Kick,
    store::{CertificateStore, dynamo::DynamoStore},
    vault::{Deposit, KeyVault, VaultError},
};
use certmint_tests::{dynamo::Emulated, schema::Exchange};
use http_body_util::{BodyExt, Full};
use secrecy::{ExposeSecret, SecretString};

/// SHA-256 of `token`, `reader`, `old` and `own`.
const TOKENS: &str = r#"{"tokens":[
  {"sha256":"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"},
  {"sha256":"3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30","scopes":["read"]},
  {"sha256":"cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4","expires_at":"2020-01-01T00:00:00Z"},
  {"sha256":"5b3975651c3cab92d044c096dc30a1c2d9525497457472de48c51ecb363d1f4a","scopes":["read","write","csr"]}]}"#;

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

#[async_trait]
impl Deposit for MemoryVault {
    async fn ensure(&self, name: &str, value: SecretString) -> Result<(), VaultError> {
        self.put_if_absent(name, value).await.map(|_| ())
    }

    async fn look(&self, name: &str) -> Result<(), VaultError> {
        self.get(name).await.map(|_| ())
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
    api: Api,
    downloads: Api,
    pub(super) store: Arc<DynamoStore>,
    /// The table below the store.
    pub(super) world: Emulated,
    pub(super) vault: Arc<MemoryVault>,
    pub(super) kick: Arc<CountedKick>,
}

impl Client {
    pub(super) async fn new() -> Self {
        Self::over(Emulated::new().await)
    }

    /// Over a table that has something in it.
    pub(super) fn over(world: Emulated) -> Self {
        Self::with(world, Providers::default())
    }

    /// The same where the CAs are others.
    pub(super) fn with(world: Emulated, providers: Providers) -> Self {
        let (vault, kick) = (Arc::new(MemoryVault::default()), Arc::new(CountedKick::default()));
        vault.0.lock().unwrap().insert("api-tokens".into(), TOKENS.into());
        let store = Arc::new(world.store.clone());
        let api = Api::new(
            store.clone(),
            vault.clone(),
            vault.clone(),
            providers,
            kick.clone(),
            Arc::new(SystemClock),
        );
        let clock = Arc::new(SystemClock);
        let downloads = Api::downloads(store.clone(), vault.clone(), vault.clone(), clock);
        Self {
            api,
            downloads,
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
        let headers = [("authorization", token), ("idempotency-key", key)];
        let headers: Vec<(&str, &[u8])> = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?.as_bytes())))
            .collect();
        self.send(method, target, &headers, body.as_bytes()).await
    }

    /// The same with any headers and octets.
    pub(super) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
    ) -> ApiResponse {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_vec())).unwrap();
        let (parts, answer) = self
            .behind(request.uri().path())
            .handle(request)
            .await
            .into_parts();
        assert_eq!(parts.headers["content-type"], "application/json");
        assert_eq!(parts.headers["cache-control"], "no-store");
        let answer = answer.collect().await.unwrap().to_bytes();
        let status = parts.status.as_u16();
        let answer = String::from_utf8(answer.to_vec()).unwrap();
        let exchange = Exchange {
            method,
            target,
            // A mark in front is no part of it (RFC 8259 §8.1).
            body: body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body),
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

    /// Who answers a path, as API Gateway finds it: to the letter.
    fn behind(&self, path: &str) -> &Api {
        let parts: Vec<&str> = path.split('/').collect();
        let same = |route: &str| {
            let route: Vec<&str> = route.split('/').collect();
            let fits = |(a, b): (&&str, &&str)| a == b || *a == "{id}" && !b.is_empty();
            route.len() == parts.len() && route.iter().zip(&parts).all(fits)
        };
        let mut of_download = routes().into_iter().filter(|r| r.server == Server::Download);
        match of_download.any(|route| same(&route.path)) {
            true => &self.downloads,
            false => &self.api,
        }
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> ApiResponse {
        self.call("POST", path, Some("Bearer token"), None, body).await
    }

    /// With a token that may have certificates issued for keys of clients.
    pub(super) async fn post_csr(&self, path: &str, body: &str) -> ApiResponse {
        self.call("POST", path, Some("Bearer own"), None, body).await
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
        let end = Timestamp::from_secs(4_000_000_000);
        self.certificate_until(fingerprint, name, source, end).await
    }

    /// The same of one that ends then.
    pub(super) async fn certificate_until(
        &self,
        fingerprint: &str,
        name: &str,
        source: CertificateSource,
        expires_at: Timestamp,
    ) -> CertificateId {
        let now = SystemClock.now();
        let certificate = Certificate {
            id: CertificateId::new(0),
            fingerprint: fingerprint.into(),
            serial: "01".into(),
            issuer: "CN=CA".into(),
            names: vec![name.parse().unwrap()],
            not_before: now,
            expires_at,
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

/// An input that was reported, as `tests/cases` has it.
pub(super) fn input(case: &str, file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    std::fs::read_to_string(format!("{folder}/{case}/{file}")).unwrap()
}

/// The same as JSON.
pub(super) fn json_of(case: &str, file: &str) -> serde_json::Value {
    serde_json::from_str(&input(case, file)).unwrap()
}

/// The `data` of an answer that is a success.
pub(super) fn data(answer: &ApiResponse) -> serde_json::Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    answer["data"].take()
}
