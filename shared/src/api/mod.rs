//! The HTTP API, apart from any transport: a request in, an answer out.

mod accounts;
mod auth;
mod certificates;
mod downloads;
mod eab;
mod error;
mod fallback;
mod input;
mod limits;
mod overview;
mod reads;
mod renewal_settings;
mod renewals;
mod requests;
mod uploads;
mod wire;
mod writes;

use std::sync::Arc;

use serde::Serialize;

use self::{auth::Auth, error::ApiError, input::Params};
use crate::{
    kick::Kick,
    store::{
        AccountKeys, AccountLifecycle, AccountStore, CertificateLifecycle, CertificateRelations,
        CertificateStore, ChallengeStore, FallbackPolicy, ProviderHealth, RateLedger, RenewalStore,
        RequestLifecycle, RequestStore, SingleFlight,
    },
    vault::KeyVault,
};
use certmint_core::{clock::Clock, provider::Providers, renewal::RenewMode};

/// A call as the transport read it.
#[derive(Clone, Default)]
pub struct ApiRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, from `/api/v1`.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<AuthorizationHeader>,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A body may hold a private key or a password: it is not shown.
impl std::fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The `Authorization` header, which no log shows.
#[derive(Clone)]
pub struct AuthorizationHeader(pub String);

impl std::fmt::Debug for AuthorizationHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// An answer: HTTP status and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// The HTTP status; it agrees with the code in the body.
    pub status: u16,
    /// `{"code":…,"message":…,"data":…}`.
    pub body: String,
}

/// The `data` of an answer, as JSON.
type Data = Result<String, ApiError>;

fn data<T: Serialize>(value: &T) -> Data {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        ApiError {
            code: 5001,
            message: "internal error; see the function's log".into(),
        }
    })
}

macro_rules! together {
    ($name:ident: $first:ident $(+ $other:ident)*) => {
        /// What the calls use.
        pub trait $name: $first $(+ $other)* {}

        impl<T: $first $(+ $other)*> $name for T {}
    };
}

together!(
    ApiStore: AccountStore + AccountKeys + AccountLifecycle + CertificateStore + CertificateLifecycle
        + CertificateRelations + ChallengeStore + FallbackPolicy + ProviderHealth + RateLedger + RenewalStore
        + RequestStore + RequestLifecycle + SingleFlight
);

/// The API over its capabilities.
pub struct Api {
    store: Arc<dyn ApiStore>,
    vault: Arc<dyn KeyVault>,
    providers: Providers,
    kick: Arc<dyn Kick>,
    clock: Arc<dyn Clock>,
    auth: Auth,
}

impl Api {
    /// An API over a store, a vault, the configured CAs, the worker's bell and a clock.
    #[must_use]
    pub fn new(
        store: Arc<dyn ApiStore>,
        vault: Arc<dyn KeyVault>,
        providers: Providers,
        kick: Arc<dyn Kick>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let auth = Auth::new(vault.clone());
        Self {
            store,
            vault,
            providers,
            kick,
            clock,
            auth,
        }
    }

    /// Answers a call. Every answer has the envelope.
    pub async fn handle(&self, request: &ApiRequest) -> ApiResponse {
        match self.answer(request).await {
            Ok(data) => ApiResponse {
                status: 200,
                body: format!(r#"{{"code":0,"message":"success","data":{data}}}"#),
            },
            Err(error) => {
                let message = serde_json::Value::String(error.message.clone());
                let body = format!(r#"{{"code":{},"message":{message},"data":null}}"#, error.code);
                ApiResponse {
                    status: error.status(),
                    body,
                }
            }
        }
    }

    async fn answer(&self, request: &ApiRequest) -> Data {
        let path = request.path.strip_prefix("/api/v1").unwrap_or(&request.path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let method = request.method.as_str();
        if (method, parts.as_slice()) == ("GET", &["health"]) {
            return Ok(r#"{"status":"ok"}"#.into());
        }
        // Before anything about the call is looked at: a stranger learns nothing of what exists.
        let scope = match (method, parts.last()) {
            (_, Some(&"download")) => "keys",
            ("GET", _) => "read",
            _ => "write",
        };
        let header = request.authorization.as_ref().map(|h| h.0.as_str());
        self.auth.check(header, scope, self.clock.now()).await?;
        let params = Params(&request.query);
        match (method, parts.as_slice()) {
            ("POST", ["acme", "account", "create"]) => self.create_account(request).await,
            ("POST", ["acme", "certificate", "request"]) => self.create_request(request).await,
            ("POST", ["acme", "certificate", "retry"]) => self.retry(request).await,
            ("GET", ["acme", "certificate", "requests"]) => self.list_requests(&params).await,
            ("GET", ["acme", "certificate", "requests", id]) => self.one_request(id).await,
            ("POST", ["acme", "certificate", "requests", id, "cancel"]) => self.cancel_request(id).await,
            ("POST", ["acme", "certificate", "requests", id, "delete"]) => self.delete_request(id).await,
            ("GET", ["acme", "requests", "summary"]) => self.summary().await,
            ("GET", ["acme", "providers"]) => self.list_providers(&params).await,
            ("GET", ["acme", "accounts"]) => self.list_accounts(&params).await,
            ("GET", ["acme", "accounts", "defaults"]) => self.default_accounts(&params).await,
            ("GET", ["acme", "accounts", "fallback"]) => self.default_fallback().await,
            ("POST", ["acme", "accounts", "fallback"]) => self.set_default_fallback(request).await,
            ("POST", ["acme", "accounts", "set-default"]) => self.set_default_account(request).await,
            ("POST", ["acme", "accounts", "enable"]) => self.switch_account(request, true).await,
            ("POST", ["acme", "accounts", "disable"]) => self.switch_account(request, false).await,
            ("POST", ["acme", "accounts", "contact"]) => self.change_contact(request).await,
            ("POST", ["acme", "accounts", "eab"]) => self.replace_eab(request).await,
            ("POST", ["acme", "accounts", "rollover"]) => self.roll_key(request).await,
            ("POST", ["acme", "accounts", "delete"]) => self.delete_account(request).await,
            ("GET", ["acme", "accounts", id]) => self.one_account(id).await,
            ("GET", ["acme", "limits"]) => self.limits(&params).await,
            ("GET", ["acme", "challenges"]) => self.list_challenges(&params).await,
            ("GET", ["certificates", "renewal", "candidates"]) => self.renewal_candidates(&params).await,
            ("POST", ["certificates", "renewal", "trigger"]) => self.trigger_renewal(request).await,
            ("POST", ["certificates", "renewal", "disable-auto"]) => {
                self.set_renew_mode(request, RenewMode::Manual).await
            }
            ("POST", ["certificates", "renewal", "enable-auto"]) => {
                self.set_renew_mode(request, RenewMode::Auto).await
            }
            ("POST", ["certificates", "renewal", "settings"]) => self.set_renewal_terms(request).await,
            ("GET", ["certificates", id, "versions"]) => self.list_versions(id, &params).await,
            ("GET", ["certificates"]) => self.list_certificates(&params).await,
            ("GET", ["certificates", "bindings"]) => self.list_bindings(&params).await,
            ("GET", ["certificates", id, "download"]) => self.download_plain(id, &params).await,
            ("POST", ["certificates", "upload"]) => self.upload(request).await,
            ("POST", ["certificate", id, "download"]) => self.download(id, request).await,
            ("GET", ["certificates", id]) => self.one_certificate(id).await,
            ("POST", ["certificates", id, "bind"]) => self.bind(id, request, true).await,
            ("POST", ["certificates", id, "unbind"]) => self.bind(id, request, false).await,
            ("POST", ["certificate", id, "delete"]) => self.delete_certificate(id).await,
            ("POST", ["certificate", id, "restore"]) => self.restore_certificate(id).await,
            ("POST", ["certificate", id, "revoke"]) => self.revoke_certificate(id, request).await,
            _ => Err(ApiError::not_found(format!(
                "{method} {path} is no call of this service"
            ))),
        }
    }
}
