//! One CA between calls: its connections, its nonces and its directory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request};
use instant_acme::{BodyWrapper, Error};
use tokio::sync::Mutex;

use super::{
    answer::{Answer, Head},
    directory::Directory,
    known::KnownOrders,
    nonces::Nonces,
    problem,
    transport::Transport,
};
use certmint_core::{
    acme::no_directory,
    clock::Clock,
    words::{Failure, Timestamp},
};

/// A directory may change: it is read again after this time.
const DIRECTORY_KEPT: Duration = Duration::from_secs(10 * 60);

/// The last reading of the directory.
struct Reading {
    at: Timestamp,
    /// The same moment on a clock that nobody sets.
    ended: Instant,
    result: Result<Arc<Directory>, Failure>,
}

pub(super) struct Server {
    pub(super) url: String,
    transport: Transport,
    /// A request that has no whole answer in this time has none.
    deadline: Duration,
    clock: Arc<dyn Clock>,
    pub(super) nonces: Nonces,
    pub(super) orders: KnownOrders,
    directory: Mutex<Option<Reading>>,
}

impl Server {
    pub(super) fn new(url: String, transport: Transport, deadline: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            url,
            transport,
            deadline,
            clock,
            nonces: Nonces::default(),
            orders: KnownOrders::default(),
            directory: Mutex::default(),
        }
    }

    /// The directory, read if the last reading is too old. Those who ask meanwhile get the same answer, be it that there
    /// is none: a CA that is away is waited for once.
    pub(super) async fn directory(&self) -> Result<Arc<Directory>, Failure> {
        let (now, asked) = (self.clock.now(), Instant::now());
        let mut kept = self.directory.lock().await;
        if let Some(Reading { at, ended, result }) = &*kept {
            let answers = match result {
                Ok(_) => now.since(*at) < DIRECTORY_KEPT,
                Err(_) => *ended >= asked,
            };
            if answers {
                return result.clone();
            }
        }
        let result = self.read_directory().await.map(Arc::new);
        *kept = Some(Reading {
            at: self.clock.now(),
            ended: Instant::now(),
            result: result.clone(),
        });
        result
    }

    /// Makes the next call read the directory. One that is being read is as good.
    pub(super) fn forget_directory(&self) {
        if let Ok(mut kept) = self.directory.try_lock() {
            *kept = None;
        }
    }

    async fn read_directory(&self) -> Result<Directory, Failure> {
        let wrong = |error: &Error, head: &Head| no_directory(&self.url, problem::failure(error, head));
        let request = plain(Method::GET, &self.url).map_err(|e| wrong(&e, &Head::default()))?;
        let answer = self
            .send(request)
            .await
            .map_err(|e| wrong(&e, &Head::default()))?;
        answer.nonce.into_iter().for_each(|nonce| self.nonces.put(nonce));
        let directory = match answer.parts.status.is_success() {
            true => Directory::read(answer.body),
            false => Err(Error::Str("the answer is no directory")),
        };
        directory.map_err(|e| wrong(&e, &answer.head))
    }

    /// One request. The answer's nonce is the caller's.
    pub(super) async fn send(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Answer, Error> {
        let url = request.uri().clone();
        let answer = self.transport.send(request, self.deadline).await?;
        Ok(Answer::new(answer, &url, self.clock.now()))
    }
}

/// A request that carries nothing.
pub(super) fn plain(method: Method, url: &str) -> Result<Request<BodyWrapper<Bytes>>, Error> {
    let request = Request::builder().method(method).uri(url);
    Ok(request.body(BodyWrapper::default())?)
}
