//! DynamoDB: dynoxide (SQLite), in memory or in a file, behind a port of its own.

use std::{net::SocketAddr, path::Path};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{Uri, uri::PathAndQuery};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::refusal::refusal;
use crate::StackError;

/// The service; clones share it.
#[derive(Clone)]
pub struct Tables {
    address: SocketAddr,
    http: Client<HttpConnector, Full<Bytes>>,
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
        Ok(Self { address, http })
    }

    pub(super) async fn handle(&self, mut request: http::Request<Bytes>) -> Response {
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
