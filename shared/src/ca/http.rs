//! HTTP to a CA: a deadline on each call, and what the ACME library drops (status, Retry-After) kept per task.

use std::{cell::Cell, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    Request,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::BodyExt;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::chains;
use certmint_core::{provider::Roots, words::Timestamp};

/// A CA that does not answer a call in this time is away.
const CALL_DEADLINE: Duration = Duration::from_secs(15);

/// RFC 8555 §9.1.
const CHAIN: &str = "application/pem-certificate-chain";

/// What the last HTTP answer of a task said beside its body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) retry_after: Option<RetryAfter>,
}

/// RFC 9110 §10.2.3: seconds or a date.
#[derive(Clone, Copy, Debug)]
pub(super) enum RetryAfter {
    Seconds(u64),
    Date(Timestamp),
}

impl RetryAfter {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.parse() {
            Ok(seconds) => Some(Self::Seconds(seconds)),
            Err(_) => httpdate::parse_http_date(text).ok().map(|t| Self::Date(t.into())),
        }
    }

    pub(super) fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Seconds(s) => now.plus(Duration::from_secs(s)),
            Self::Date(at) => at,
        }
    }
}

tokio::task_local! {
    static SEEN: Cell<Seen>;
}

/// Runs ACME calls and says what the last HTTP answer among them carried.
pub(super) async fn observed<T>(calls: impl Future<Output = T>) -> (T, Seen) {
    SEEN.scope(Cell::default(), async move {
        let value = calls.await;
        (value, SEEN.with(Cell::get))
    })
    .await
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A CA's roots are not readable PEM.
    #[error("roots of {of}: {why}")]
    Root {
        /// The provider or the setting.
        of: String,
        /// What is wrong.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The client; a clone shares its connections.
#[derive(Clone)]
pub(super) struct AcmeHttp(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl AcmeHttp {
    /// Trusts the machine's web roots, or only those of `of`.
    pub(super) fn new(of: &str, roots: Option<&Roots>) -> Result<Self, SetupError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let tls = match roots {
            None => ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .try_with_platform_verifier()?
                .with_no_client_auth(),
            Some(roots) => builder
                .with_root_certificates(read_roots(of, roots)?)
                .with_no_client_auth(),
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .enable_http2()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

fn read_roots(of: &str, roots: &Roots) -> Result<RootCertStore, SetupError> {
    let wrong = |why: String| SetupError::Root {
        of: of.to_owned(),
        why,
    };
    let certificates: Result<Vec<CertificateDer<'_>>, _> = match roots {
        Roots::Pem(pem) => CertificateDer::pem_slice_iter(pem.as_bytes()).collect(),
        Roots::File(path) => CertificateDer::pem_file_iter(path)
            .map_err(|e| wrong(format!("{}: {e}", path.display())))?
            .collect(),
    };
    let mut store = RootCertStore::empty();
    for der in certificates.map_err(|e| wrong(e.to_string()))? {
        store.add(der).map_err(|e| wrong(e.to_string()))?;
    }
    if store.is_empty() {
        return Err(wrong("there is no certificate in the PEM".into()));
    }
    Ok(store)
}

impl HttpClient for AcmeHttp {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let call = self.0.request(request);
        Box::pin(async move {
            let answer = tokio::time::timeout(CALL_DEADLINE, call)
                .await
                .map_err(|_| Error::Timeout(None))?
                .map_err(|e| Error::Other(Box::new(e)))?;
            let seen = Seen {
                status: answer.status().as_u16(),
                retry_after: answer
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|v| v.to_str().ok())
                    .and_then(RetryAfter::parse),
            };
            // Outside `observed` nobody asks.
            let _ = SEEN.try_with(|cell| cell.set(seen));
            let kind = answer.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
            if !kind.is_some_and(|kind| kind.starts_with(CHAIN)) {
                return Ok(BytesResponse::from(answer));
            }
            let (parts, body) = answer.into_parts();
            let body = tokio::time::timeout(CALL_DEADLINE, body.collect())
                .await
                .map_err(|_| Error::Timeout(None))?
                .map_err(|e| Error::Other(Box::new(e)))?
                .to_bytes();
            chains::note(&parts.headers, &body);
            let body = BodyWrapper::from(body.to_vec());
            Ok(BytesResponse::from(http::Response::from_parts(parts, body)))
        })
    }
}
