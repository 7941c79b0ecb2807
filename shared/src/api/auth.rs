//! Bearer tokens, checked in constant time against hashes in the vault.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::Mutex;

use super::{error::ApiError, headers::Headers};
use crate::vault::{API_TOKENS, KeyVault, VaultError};
use certmint_core::words::{Timestamp, hex};

/// A changed token list is seen after this time.
const KEPT: Duration = Duration::from_secs(60);

/// `{"tokens":[{"sha256":"<hex>","expires_at":"<RFC 3339>","scopes":["read","write"]}]}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    tokens: Vec<serde_json::Value>,
}

impl Stored {
    /// The tokens that can be read. One that cannot lets nobody in, and shuts nobody else out.
    fn readable(self) -> Vec<Token> {
        let token = |(index, stored)| {
            let token = serde_json::from_value(stored);
            if token.is_err() {
                // What is wrong may be a hash in the wrong place: only where it stands is told.
                tracing::error!(
                    index,
                    alarm = "quarantine",
                    "left out of the token list; see infra/token"
                );
            }
            token.ok()
        };
        self.tokens.into_iter().enumerate().filter_map(token).collect()
    }
}

/// What a token must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// Handing out private keys. It must be named: neither `*` nor a token without scopes has it, so that tokens made
    /// before it existed do not gain it.
    Keys,
    /// Having certificates issued for a client's key, which the vault never sees. It must be named too; who has `keys` has
    /// it, since a key of ours is in that token's reach anyway.
    Csr,
}

impl Scope {
    /// The word in a token list.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Keys => "keys",
            Self::Csr => "csr",
        }
    }

    /// Whether a word of a token's list allows it.
    fn is_in(self, word: &str) -> bool {
        match self {
            Self::Read | Self::Write => word == self.as_str() || word == "*",
            Self::Keys => word == self.as_str(),
            Self::Csr => word == self.as_str() || Self::Keys.is_in(word),
        }
    }
}

/// What a call's token allows.
#[derive(Clone, Debug)]
pub(super) struct Allowed(Vec<String>);

impl Allowed {
    fn of(token: &Token) -> Self {
        let all = || vec!["*".to_owned()];
        Self(token.scopes.clone().unwrap_or_else(all))
    }

    pub(super) fn allows(&self, scope: Scope) -> bool {
        self.0.iter().any(|word| scope.is_in(word))
    }
}

/// One token; no `scopes` means `read` and `write`, as `*` does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    sha256: String,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

impl Token {
    /// A date that cannot be read counts as past: a typing error must not make a token last for ever.
    fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.as_ref().is_some_and(|text| {
            OffsetDateTime::parse(text, &Rfc3339)
                .map_or(true, |at| Timestamp::from_secs(at.unix_timestamp()) <= now)
        })
    }
}

/// Checks tokens.
pub(super) struct Auth {
    vault: Arc<dyn KeyVault>,
    known: Mutex<Option<(Timestamp, Arc<Vec<Token>>)>>,
}

impl Auth {
    pub(super) fn new(vault: Arc<dyn KeyVault>) -> Self {
        Self {
            vault,
            known: Mutex::default(),
        }
    }

    async fn tokens(&self, now: Timestamp) -> Result<Arc<Vec<Token>>, ApiError> {
        let mut known = self.known.lock().await;
        if let Some((at, tokens)) = &*known
            && now.since(*at) < KEPT
        {
            return Ok(tokens.clone());
        }
        let secret: SecretString = self.vault.get(API_TOKENS).await?;
        let stored: Stored =
            serde_json::from_str(secret.expose_secret()).map_err(|e| VaultError::Refused {
                name: API_TOKENS.into(),
                message: format!("is not a token list (line {}, column {})", e.line(), e.column()),
            })?;
        let tokens = Arc::new(stored.readable());
        *known = Some((now, tokens.clone()));
        Ok(tokens)
    }

    /// Accepts the call's token or says which of the contract's four ways it fails.
    pub(super) async fn check(
        &self,
        headers: &HeaderMap,
        scope: Scope,
        now: Timestamp,
    ) -> Result<Allowed, ApiError> {
        // What is there and cannot be read is not missing.
        let header = Headers(headers)
            .one(&AUTHORIZATION)
            .map_err(|_| ApiError::bad_token())?;
        let header = header.ok_or_else(ApiError::no_token)?;
        let presented = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or_else(ApiError::bad_token)?;
        let hash = hex(&Sha256::digest(presented.as_bytes()));
        let tokens = self.tokens(now).await?;
        // Every entry is compared in full: time says neither which nor how much of it agreed.
        let mut found = None;
        for (index, token) in tokens.iter().enumerate() {
            let equal: Choice = token
                .sha256
                .to_ascii_lowercase()
                .as_bytes()
                .ct_eq(hash.as_bytes());
            if bool::from(equal) {
                found = Some(index);
            }
        }
        let token = found
            .and_then(|index| tokens.get(index))
            .ok_or_else(ApiError::bad_token)?;
        if token.expired(now) {
            return Err(ApiError::expired_token());
        }
        let allowed = Allowed::of(token);
        match allowed.allows(scope) {
            true => Ok(allowed),
            false => Err(ApiError::out_of_scope()),
        }
    }
}
