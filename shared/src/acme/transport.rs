//! HTTPS to a CA: one deadline for the whole of an answer, and a bound on its size.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response,
    header::{LOCATION, USER_AGENT},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{BodyWrapper, Error};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use certmint_core::provider::Roots;

/// RFC 8555 §6.1 wants one. The ACME library's own name gives way to it.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("certmint/", env!("CARGO_PKG_VERSION")));

/// Bytes of an answer that are read. A chain has some ten thousand, an order of 100 names about as many.
const LARGEST: usize = 1024 * 1024;

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

/// Octets of a URL in an answer's Location, which is stored.
const LONGEST_URL: usize = 2048;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("no whole answer within {0:?}")]
    Late(Duration),
    #[error("the answer has more than {LARGEST} bytes")]
    TooLarge,
    #[error("the Location of the answer has more than {LONGEST_URL} octets")]
    LongLocation,
    #[error(transparent)]
    Broken(BoxError),
}

/// Connections; a clone shares them.
#[derive(Clone)]
pub(super) struct Transport(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Transport {
    /// Trusts the machine's web roots, or only those of `of`.
    pub(super) fn new(of: &str, roots: Option<&Roots>) -> Result<Self, SetupError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = match roots {
            None => builder.try_with_platform_verifier()?.with_no_client_auth(),
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

    /// Sends a request and reads the whole answer, both within `deadline`.
    pub(super) async fn send(
        &self,
        mut request: Request<BodyWrapper<Bytes>>,
        deadline: Duration,
    ) -> Result<Response<Bytes>, Error> {
        request.headers_mut().insert(USER_AGENT, AGENT);
        whole(self.0.request(request), deadline)
            .await
            .map_err(|e| Error::Other(Box::new(e)))
    }
}

async fn whole<B, E>(
    answer: impl Future<Output = Result<Response<B>, E>>,
    deadline: Duration,
) -> Result<Response<Bytes>, NoAnswer>
where
    B: BodyExt<Error: Into<BoxError>>,
    E: Into<BoxError>,
{
    let read = async {
        let (parts, body) = answer.await.map_err(|e| NoAnswer::Broken(e.into()))?.into_parts();
        if parts
            .headers
            .get(LOCATION)
            .is_some_and(|url| url.len() > LONGEST_URL)
        {
            return Err(NoAnswer::LongLocation);
        }
        match Limited::new(body, LARGEST).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(NoAnswer::TooLarge),
            Err(error) => Err(NoAnswer::Broken(error)),
        }
    };
    tokio::time::timeout(deadline, read)
        .await
        .unwrap_or(Err(NoAnswer::Late(deadline)))
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

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future};

    use http_body_util::Full;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    async fn read(body: Vec<u8>) -> Result<Response<Bytes>, NoAnswer> {
        let answer = Response::new(Full::new(Bytes::from(body)));
        whole(
            future::ready(Ok::<_, Infallible>(answer)),
            Duration::from_secs(60),
        )
        .await
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_a_bound() {
        assert_eq!(read(vec![7; LARGEST]).await.unwrap().body().len(), LARGEST);
        let refused = read(vec![7; LARGEST + 1]).await.unwrap_err();
        assert!(matches!(refused, NoAnswer::TooLarge), "{refused}");
    }

    #[tokio::test]
    async fn a_location_that_no_item_holds_is_refused() {
        let at = |octets: usize| async move {
            let answer = Response::builder().header(LOCATION, "u".repeat(octets));
            let answer = answer.body(Full::new(Bytes::new())).unwrap();
            whole(
                future::ready(Ok::<_, Infallible>(answer)),
                Duration::from_secs(60),
            )
            .await
        };
        assert!(at(LONGEST_URL).await.is_ok());
        let refused = at(LONGEST_URL + 1).await.unwrap_err();
        assert!(matches!(refused, NoAnswer::LongLocation), "{refused}");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_late() {
        let never = future::pending::<Result<Response<Full<Bytes>>, Infallible>>();
        let late = whole(never, SHORT).await.unwrap_err();
        assert!(matches!(late, NoAnswer::Late(SHORT)), "{late}");
    }
}
