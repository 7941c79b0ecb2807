//! What an ACME client keeps between calls: connections, account sessions, directories.

use std::{collections::HashMap, future::Future, path::PathBuf, sync::Arc, time::Duration};

use instant_acme::{Account, Error};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    AccountKey, CaAccount,
    http::{AcmeHttp, Seen, SetupError, observed},
    new_account::read_directory,
    problem,
};
use certmint_core::{
    account::KeyVersion,
    clock::Clock,
    provider::{Providers, Roots},
    words::{Cause, Failure, Timestamp},
};

/// A directory may change: sessions are made anew after this time.
const SESSION_KEPT: Duration = Duration::from_secs(10 * 60);

/// Any CA with an ACME directory.
pub struct AcmeCa {
    http: AcmeHttp,
    /// For directories whose CA has roots of its own.
    apart: HashMap<String, AcmeHttp>,
    pub(super) clock: Arc<dyn Clock>,
    /// By account URL.
    sessions: Mutex<HashMap<String, Session>>,
    directories: Mutex<HashMap<String, (Timestamp, Value)>>,
}

/// A session, when it was made, and with which of the account's keys.
struct Session {
    made_at: Timestamp,
    key_version: KeyVersion,
    account: Account,
}

pub(super) fn der(key: &AccountKey) -> Result<PrivatePkcs8KeyDer<'static>, Error> {
    PrivatePkcs8KeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_| Error::KeyRejected)
}

impl AcmeCa {
    /// Trusts each provider's own roots when talking to it; for those that have none the file `root`, or the web's
    /// roots.
    ///
    /// # Errors
    /// If roots cannot be read or TLS cannot be set up.
    pub fn new(
        providers: &Providers,
        root: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let mut apart = HashMap::new();
        for provider in providers.iter().filter(|p| p.roots.is_some()) {
            let of = format!("provider {}", provider.name);
            let http = AcmeHttp::new(&of, provider.roots.as_ref())?;
            apart.insert(provider.directory_url.clone(), http);
        }
        Ok(Self {
            http: AcmeHttp::new("CERTMINT_CA_ROOT", root.map(Roots::File).as_ref())?,
            apart,
            clock,
            sessions: Mutex::default(),
            directories: Mutex::default(),
        })
    }

    /// The connections to a CA.
    pub(super) fn http(&self, directory_url: &str) -> &AcmeHttp {
        self.apart.get(directory_url).unwrap_or(&self.http)
    }

    /// Runs calls and classifies their error.
    pub(super) async fn call<T>(
        &self,
        calls: impl Future<Output = Result<T, Error>>,
    ) -> Result<(T, Seen), Failure> {
        let (result, seen) = observed(calls).await;
        result
            .map(|value| (value, seen))
            .map_err(|e| problem::failure(&e, seen, self.clock.now()))
    }

    /// The account's session; a new one reads the directory.
    pub(super) async fn session(&self, account: &CaAccount) -> Result<Account, Failure> {
        let now = self.clock.now();
        if let Some(session) = self.sessions.lock().await.get(&account.registration_uri)
            && now.since(session.made_at) < SESSION_KEPT
            && session.key_version == account.key_version
        {
            return Ok(session.account.clone());
        }
        // Not under the lock: a CA that does not answer must not keep the others waiting.
        let key = der(&account.key).map_err(|e| problem::failure(&e, Seen::default(), now))?;
        let (uri, url) = (account.registration_uri.clone(), account.directory_url.clone());
        let made = Account::builder_with_http(Box::new(self.http(&url).clone())).from_parts(uri, key, url);
        let (session, _) = self
            .call(made)
            .await
            .map_err(|failure| problem::no_directory(&account.directory_url, &failure))?;
        let kept = Session {
            made_at: now,
            key_version: account.key_version,
            account: session.clone(),
        };
        self.sessions
            .lock()
            .await
            .insert(account.registration_uri.clone(), kept);
        Ok(session)
    }

    /// The directory, for what needs no account.
    pub(super) async fn directory(&self, url: &str) -> Result<Value, Failure> {
        let now = self.clock.now();
        if let Some((at, directory)) = self.directories.lock().await.get(url)
            && now.since(*at) < SESSION_KEPT
        {
            return Ok(directory.clone());
        }
        let (directory, _) = self
            .call(read_directory(self.http(url), url))
            .await
            .map_err(|failure| problem::no_directory(url, &failure))?;
        let kept = (now, directory.clone());
        self.directories.lock().await.insert(url.to_owned(), kept);
        Ok(directory)
    }

    /// After a call that got no answer the next one reads the directory first: that tells an outage from a hiccup.
    pub(super) async fn doubt(&self, account: &CaAccount, failure: &Failure) {
        if failure.problem.cause == Cause::CaUnreachable {
            self.sessions.lock().await.remove(&account.registration_uri);
        }
    }
}
