//! DynamoDB: dynoxide (SQLite), in memory or in a file, behind a port of its own. It does one thing after the other; that
//! transactions meet is ours.

use std::{net::SocketAddr, path::Path, time::Duration};

use axum::{Router, body::Body, extract::DefaultBodyLimit, response::Response};
use bytes::Bytes;
use http::{Uri, uri::PathAndQuery};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::{conflicts::Conflicts, refusal::refusal};
use crate::StackError;

/// DynamoDB takes the largest requests: 16 MB.
pub(super) const MAX_BODY: usize = 16 * 1024 * 1024;

/// The service; clones share it.
#[derive(Clone)]
pub struct Tables {
    address: SocketAddr,
    http: Client<HttpConnector, Full<Bytes>>,
    conflicts: Conflicts,
}

impl Tables {
    /// Starts it into `tasks`; it ends when `stop` becomes true.
    ///
    /// # Errors
    /// If the file cannot be used or no port is free.
    pub async fn start(
        file: Option<&Path>,
        mut stop: watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, StackError> {
        let database = match file {
            None => dynoxide::Database::memory(),
            Some(path) => dynoxide::Database::new(&path.to_string_lossy()),
        };
        let path = file.map(Path::to_owned).unwrap_or_default();
        let database = database.map_err(|e| StackError::Data(path, e.to_string()))?;
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(StackError::io("DynamoDB"))?;
        let address = listener.local_addr().map_err(StackError::io("DynamoDB"))?;
        tasks.spawn(async move {
            let stopped = async move {
                let _ = stop.wait_for(|stop| *stop).await;
            };
            // It ends with an error only if the listener fails, and then every call says so.
            let _ = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
        });
        let http = Client::builder(TokioExecutor::new()).build_http();
        let conflicts = Conflicts::default();
        Ok(Self {
            address,
            http,
            conflicts,
        })
    }

    /// From now on a transaction has its items for so long beside the time that it takes: others that want one of them
    /// meanwhile are cancelled or refused.
    pub fn hold_transactions(&self, time: Duration) {
        self.conflicts.take(time);
    }

    /// Answers at a port of its own, as long as the runtime lives.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let answer = |request: axum::extract::Request| async move {
            let (parts, body) = request.into_parts();
            match body.collect().await {
                Ok(body) => {
                    self.handle(http::Request::from_parts(parts, body.to_bytes()))
                        .await
                }
                Err(_) => refusal(400, "SerializationException", "the body did not arrive whole"),
            }
        };
        let routes = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(MAX_BODY));
        axum::serve(listener, routes).await
    }

    pub(super) async fn handle(&self, request: http::Request<Bytes>) -> Response {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|v| v.to_str().ok());
        let operation = target
            .and_then(|target| target.split('.').nth(1))
            .unwrap_or_default();
        let hold = match self.conflicts.hold(operation, request.body()) {
            Ok(hold) => hold,
            Err(refused) => return *refused,
        };
        let time = self.conflicts.time_of(&hold);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.forward(request).await
    }

    async fn forward(&self, mut request: http::Request<Bytes>) -> Response {
        let path = request.uri().path_and_query().cloned();
        let target = Uri::builder()
            .scheme("http")
            .authority(self.address.to_string())
            .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
            .build();
        let Ok(target) = target else {
            return refusal(400, "ValidationException", "the path cannot be used");
        };
        *request.uri_mut() = target;
        match self.http.request(request.map(Full::new)).await {
            Ok(answer) => answer.map(Body::new),
            Err(error) => refusal(500, "InternalServerError", &error.to_string()),
        }
    }
}
