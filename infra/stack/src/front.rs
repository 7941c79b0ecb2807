//! What stands before Pebble's ACME port. Pebble's newOrder looks through all authorizations, in an order of locks that a
//! request which holds one of them at that moment turns into a deadlock, for good. So newOrder goes through alone; all else
//! goes side by side, and unchanged. And what Pebble leaves without an answer is said once, not at each call.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, extract::State, response::Response};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version,
    header::{
        CONNECTION, CONTENT_TYPE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    },
};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock},
    time::{Instant, timeout},
};

use crate::{StackError, logs::Logs, tls::Tls};

/// Longer than the functions wait for a CA (15 s): they meet a CA that hangs as they would without us.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// No ACME request comes near.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// What concerns one connection only (RFC 9110 §7.6.1): the two sides may speak different versions of HTTP.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// RFC 8555 §7.1.1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    new_order: String,
}

/// The front of one CA.
pub(crate) struct Front {
    name: &'static str,
    /// Where the CA itself listens.
    port: u16,
    /// The path that is served alone.
    new_order: String,
    deadline: Duration,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    turns: Arc<RwLock<()>>,
    silence: Mutex<Silence>,
    logs: Logs,
}

/// The right to ask the CA now.
#[allow(dead_code, reason = "held, not read")]
enum Turn {
    Alone(OwnedRwLockWriteGuard<()>),
    BesideOthers(OwnedRwLockReadGuard<()>),
}

impl Front {
    /// The front of the CA that listens on `port`, which says itself where its newOrder is.
    pub(crate) async fn new(
        name: &'static str,
        port: u16,
        tls: &Tls,
        deadline: Duration,
        logs: &Logs,
    ) -> Result<Self, StackError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.client()?)
            .https_only()
            .enable_http1()
            .build();
        let mut front = Self {
            name,
            port,
            new_order: String::new(),
            deadline,
            http: Client::builder(TokioExecutor::new()).build(connector),
            turns: Arc::default(),
            silence: Mutex::default(),
            logs: logs.clone(),
        };
        let found = timeout(deadline, front.new_order_path()).await;
        front.new_order = found
            .unwrap_or_else(|_| Err("it has no answer".into()))
            .map_err(|error| StackError::Function {
                name,
                why: format!("does not give its directory: {error}"),
            })?;
        Ok(front)
    }

    /// The routes of the front itself.
    pub(crate) fn routes(self) -> Router {
        Router::new().fallback(pass).with_state(Arc::new(self))
    }

    async fn new_order_path(&self) -> Result<String, BoxError> {
        // RFC 8555 §6.1: a client has one.
        let request = Request::builder()
            .uri("/dir")
            .header(USER_AGENT, concat!("certmint-local/", env!("CARGO_PKG_VERSION")))
            .body(Full::default())?;
        let answer = self.exchange(request).await?;
        let directory: Directory = serde_json::from_slice(answer.body())?;
        Ok(directory.new_order.parse::<Uri>()?.path().to_owned())
    }

    async fn turn(&self, path: &str) -> Turn {
        let turns = self.turns.clone();
        if path == self.new_order {
            Turn::Alone(turns.write_owned().await)
        } else {
            Turn::BesideOthers(turns.read_owned().await)
        }
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Response {
        let (call, since) = (Call::of(&request), Instant::now());
        match timeout(self.deadline, self.exchange(request)).await {
            Ok(Ok(answer)) => {
                if self.silence().answered(&call) {
                    self.logs.notice(&format!("the CA {} answers again", self.name));
                }
                answer.map(Body::from)
            }
            Ok(Err(error)) => problem(StatusCode::BAD_GATEWAY, &format!("Pebble: {error}")),
            Err(_) => {
                let what = format!("no answer to {call} in {:?}", self.deadline);
                if self.silence().hangs(&call, since) {
                    let name = self.name;
                    self.logs.notice(&format!(
                        "the CA {name} does not answer: {what}. Its requests wait; if it stays so, stop certmint local and start it again"
                    ));
                }
                problem(StatusCode::GATEWAY_TIMEOUT, &format!("Pebble: {what}"))
            }
        }
    }

    /// What the CA says to a request, whole. It builds its URLs from the host that it is called by, which is ours.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Bytes>, BoxError> {
        let (mut parts, body) = request.into_parts();
        if let (None, Some(host)) = (parts.headers.get(HOST), parts.uri.authority()) {
            let host = HeaderValue::from_str(host.as_str())?;
            parts.headers.insert(HOST, host);
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("https://127.0.0.1:{}{path}", self.port).parse()?;
        parts.version = Version::HTTP_11;
        strip(&mut parts.headers);
        let answer = self.http.request(Request::from_parts(parts, body)).await?;
        let (mut parts, body) = answer.into_parts();
        strip(&mut parts.headers);
        Ok(http::Response::from_parts(
            parts,
            body.collect().await?.to_bytes(),
        ))
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pass(State(front): State<Arc<Front>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return problem(StatusCode::BAD_REQUEST, "the request's body has no end");
    };
    let Ok(turn) = timeout(front.deadline, front.turn(parts.uri.path())).await else {
        let why = format!("the calls before this one had no answer in {:?}", front.deadline);
        return problem(StatusCode::GATEWAY_TIMEOUT, &why);
    };
    let request = Request::from_parts(parts, Full::new(body));
    // A client that goes away ends this function, not what Pebble has in hand: that keeps its turn.
    let asked = tokio::spawn(async move {
        let answer = front.ask(request).await;
        drop(turn);
        answer
    });
    let gone = || problem(StatusCode::BAD_GATEWAY, "the front has ended");
    asked.await.unwrap_or_else(|_| gone())
}

fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// RFC 8555 §6.7.
fn problem(status: StatusCode, detail: &str) -> Response {
    let kind = "urn:ietf:params:acme:error:serverInternal";
    let body = json!({"type": kind, "detail": detail, "status": status.as_u16()}).to_string();
    let answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/problem+json");
    answer.body(Body::from(body)).unwrap_or_default()
}

/// A kind of call: what is asked for, without which one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    method: Method,
    path: String,
}

impl Call {
    fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path();
        let end = path.match_indices('/').nth(1).map_or(path.len(), |(at, _)| at);
        Self {
            method: request.method().clone(),
            path: path[..end].to_owned(),
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What was said of a CA that does not answer, so that it is said once.
#[derive(Default)]
struct Silence {
    /// When a signed call had its last answer: a CA whose state is locked up still hands out nonces.
    answered: Option<Instant>,
    /// The first kind of call without an answer; only such a one's answer ends it.
    hangs: Option<Call>,
}

impl Silence {
    /// Whether it begins: nobody else was answered while this one waited.
    fn hangs(&mut self, call: &Call, since: Instant) -> bool {
        if self.hangs.is_some() || self.answered.is_some_and(|at| at >= since) {
            return false;
        }
        self.hangs = Some(call.clone());
        true
    }

    /// Whether it ends.
    fn answered(&mut self, call: &Call) -> bool {
        if call.method == Method::POST {
            self.answered = Some(Instant::now());
        }
        let ends = self.hangs.as_ref() == Some(call);
        if ends {
            self.hangs = None;
        }
        ends
    }
}

#[cfg(test)]
mod tests;
