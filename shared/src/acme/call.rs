//! One call at a CA: the HTTP requests that it takes, and what the last answer said beside its body.
//!
//! The ACME library asks for its directory and a nonce over HTTP before it does anything. As its [`HttpClient`], a call
//! answers that from what the [`Server`] keeps, so that neither costs a request; and it holds what the library drops of
//! an answer (status, Retry-After, links).

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use instant_acme::{Account, BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use serde::Serialize;

use super::{
    answer::{Answer, Head},
    ca::CaAccount,
    directory::Directory,
    jws::{Signer, der},
    known::KnownOrders,
    problem,
    server::{Server, plain},
};
use certmint_core::words::{AcmeError, Cause, Failure};

/// Tries against badNonce (RFC 8555 §6.5); the ACME library has a bound of its own.
const NONCE_TRIES: usize = 5;

/// A clone is the same call.
#[derive(Clone)]
pub(super) struct Call {
    server: Arc<Server>,
    directory: Arc<Directory>,
    last: Arc<Mutex<Head>>,
}

impl Call {
    /// Begins a call; the directory is read if it is not known.
    pub(super) async fn begin(server: Arc<Server>) -> Result<Self, Failure> {
        let directory = server.directory().await?;
        Ok(Self {
            server,
            directory,
            last: Arc::default(),
        })
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What was said of orders.
    pub(super) fn orders(&self) -> &KnownOrders {
        &self.server.orders
    }

    /// What the last answer said; if there was none, nothing.
    pub(super) fn last(&self) -> Head {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, head: Head) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// The account as the ACME library knows it. Costs no request.
    pub(super) async fn account(&self, account: &CaAccount) -> Result<Account, Failure> {
        let made = async {
            let key = der(&account.key)?;
            let (uri, directory) = (account.registration_uri.clone(), self.server.url.clone());
            let builder = Account::builder_with_http(Box::new(self.clone()));
            builder.from_parts(uri, key, directory).await
        };
        self.checked(made.await)
    }

    /// The error as a failure. After one without an answer the next call reads the directory first: that tells an outage
    /// from a hiccup.
    pub(super) fn checked<T>(&self, result: Result<T, Error>) -> Result<T, Failure> {
        result.map_err(|error| {
            let failure = problem::failure(&error, &self.last());
            if failure.problem.cause == Cause::CaUnreachable {
                self.server.forget_directory();
            }
            failure
        })
    }

    /// A plain GET, whatever its status.
    pub(super) async fn get(&self, url: &str) -> Result<Answer, Error> {
        self.send(plain(Method::GET, url)?).await
    }

    /// A signed POST. A problem document is [`Error::Api`].
    pub(super) async fn post(
        &self,
        url: &str,
        signer: &Signer,
        payload: &impl Serialize,
    ) -> Result<Answer, Error> {
        self.signed(url, signer, &serde_json::to_vec(payload)?).await
    }

    /// RFC 8555 §6.3.
    pub(super) async fn post_as_get(&self, url: &str, signer: &Signer) -> Result<Answer, Error> {
        self.signed(url, signer, b"").await
    }

    /// A nonce that the CA does not like is replaced: that answer brought another.
    async fn signed(&self, url: &str, signer: &Signer, payload: &[u8]) -> Result<Answer, Error> {
        let mut tries = NONCE_TRIES;
        loop {
            let jws = signer.sign(Some(&self.nonce().await?), url, payload)?;
            let request = Request::post(url).header(CONTENT_TYPE, "application/jose+json");
            let request = request.body(BodyWrapper::from(serde_json::to_vec(&jws)?))?;
            let answer = self.send(request).await?;
            if answer.parts.status.is_success() {
                return Ok(answer);
            }
            tries -= 1;
            let problem: Problem = serde_json::from_slice(&answer.body)?;
            if tries == 0 || !refuses_nonce(&problem) {
                return Err(Error::Api(problem));
            }
        }
    }

    /// One that the CA gave before, else one of newNonce.
    async fn nonce(&self) -> Result<String, Error> {
        if let Some(nonce) = self.server.nonces.take() {
            return Ok(nonce);
        }
        let answer = self
            .noted(plain(Method::HEAD, &self.directory.new_nonce)?)
            .await?;
        let nonce = answer.nonce.filter(|_| answer.parts.status.is_success());
        nonce.ok_or(Error::Str("the nonce in the answer of newNonce"))
    }

    /// One request; the nonce of its answer is for whoever is next.
    async fn send(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Answer, Error> {
        let mut answer = self.noted(request).await?;
        if answer.parts.status == StatusCode::BAD_REQUEST
            && serde_json::from_slice(&answer.body).is_ok_and(|problem| refuses_nonce(&problem))
        {
            self.server.nonces.forget();
        }
        if let Some(nonce) = answer.nonce.take() {
            self.server.nonces.put(nonce);
        }
        Ok(answer)
    }

    async fn noted(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Answer, Error> {
        self.note(Head::default());
        let answer = self.server.send(request).await?;
        self.note(answer.head.clone());
        Ok(answer)
    }

    async fn answer(&self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let of = |url: &str| request.uri() == url;
        if request.method() == Method::GET && of(&self.server.url) {
            let document = self.directory.document.clone();
            return Ok(Response::new(BodyWrapper::from(Vec::from(document))).into());
        }
        if request.method() == Method::HEAD && of(&self.directory.new_nonce) {
            let answer = Response::builder().header("replay-nonce", self.nonce().await?);
            return Ok(answer.body(BodyWrapper::<Bytes>::default())?.into());
        }
        let Answer { parts, body, .. } = self.send(request).await?;
        Ok(BytesResponse {
            parts,
            body: Box::new(body),
        })
    }
}

fn refuses_nonce(problem: &Problem) -> bool {
    problem::cause(problem).acme() == Some(&AcmeError::BadNonce)
}

impl HttpClient for Call {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let call = self.clone();
        Box::pin(async move { call.answer(request).await })
    }
}
