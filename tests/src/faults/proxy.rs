//! The proxy itself: HTTP/1.1, with TLS towards the functions and the CA where the CA is the other side.

use std::{convert::Infallible, io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{
    HeaderValue, Request, Response, Uri,
    header::{CONTENT_LENGTH, HOST},
};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OnceCell,
};
use tokio_rustls::TlsAcceptor;

use super::{Call, Fault, Operation, Rules, meter};

/// Where calls go.
#[derive(Clone)]
pub enum Upstream {
    /// Plain HTTP on this port.
    Http(u16),
    /// HTTPS on this port; the same certificate is shown to the functions.
    Https {
        /// The port.
        port: u16,
        /// PEM files: root, certificate, key.
        files: [std::path::PathBuf; 3],
    },
}

struct Ready {
    upstream: Upstream,
    acceptor: Option<TlsAcceptor>,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// A proxy; it lives as long as the runtime.
pub struct Proxy {
    /// Its port.
    pub port: u16,
    ready: Arc<OnceCell<Ready>>,
}

fn tls(files: &[std::path::PathBuf; 3]) -> (TlsAcceptor, ClientConfig) {
    let certificates = |path: &Path| -> Vec<CertificateDer<'static>> {
        let all = CertificateDer::pem_file_iter(path)
            .expect("PEM")
            .collect::<Result<_, _>>();
        all.expect("certificates")
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for root in certificates(&files[0]) {
        roots.add(root).expect("a root");
    }
    let client = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let client = client
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::from_pem_file(&files[2]).expect("a key");
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let server = server.expect("versions").with_no_client_auth();
    let server = server
        .with_single_cert(certificates(&files[1]), key)
        .expect("a certificate with its key");
    (TlsAcceptor::from(Arc::new(server)), client)
}

impl Proxy {
    /// Listens; calls wait until [`Proxy::lead_to`] says where they go.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn bind(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let ready = Arc::new(OnceCell::new());
        let proxy = Self {
            port,
            ready: ready.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, rules.clone(), ready.clone()));
            }
        });
        proxy
    }

    /// Opens the way to the other side. The first call counts.
    ///
    /// # Panics
    /// If the certificates cannot be used.
    pub fn lead_to(&self, upstream: Upstream) {
        let (acceptor, config) = match &upstream {
            Upstream::Http(_) => (None, None),
            Upstream::Https { files, .. } => {
                let (acceptor, client) = tls(files);
                (Some(acceptor), Some(client))
            }
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = config.unwrap_or_else(|| {
            let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            builder
                .expect("versions")
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        });
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let _ = self.ready.set(Ready {
            upstream,
            acceptor,
            http,
        });
    }
}

async fn serve(stream: TcpStream, rules: Rules, ready: Arc<OnceCell<Ready>>) {
    // A function may call before the test has said where to.
    while ready.get().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Some(side) = ready.get() else { return };
    let service = service_fn(|request| answer(request, &rules, side));
    // A connection that a fault cuts ends with an error: that is the fault.
    let _ = match &side.acceptor {
        None => {
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
        }
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => {
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            }
            Err(_) => return,
        },
    };
}

/// What the other side says.
async fn forward(request: Request<Bytes>, side: &Ready) -> Result<Response<Bytes>, io::Error> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let target = match &side.upstream {
        Upstream::Http(port) => format!("http://127.0.0.1:{port}{path}"),
        Upstream::Https { port, .. } => format!("https://localhost:{port}{path}"),
    };
    parts.uri = target.parse::<Uri>().map_err(io::Error::other)?;
    let request = Request::from_parts(parts, Full::new(body));
    let answer = side.http.request(request).await.map_err(io::Error::other)?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

/// The same, with a note of what it cost.
async fn metered(
    request: Request<Bytes>,
    call: &Call,
    rules: &Rules,
    side: &Ready,
) -> Result<Response<Bytes>, io::Error> {
    let Some(asking) = meter::asking(call) else {
        return forward(request, side).await;
    };
    let mut request = request.map(|_| asking);
    request.headers_mut().remove(CONTENT_LENGTH);
    let answer = forward(request, side).await?;
    rules.note(meter::of(call, &answer));
    Ok(answer)
}

/// An error here closes the connection without an answer.
fn cut() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// Says nothing for longer than a killed caller lives: it must not notice and go on.
async fn silence() -> io::Error {
    tokio::time::sleep(Duration::from_secs(3)).await;
    cut()
}

type Body = http_body_util::combinators::BoxBody<Bytes, io::Error>;

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|e: Infallible| match e {}).boxed()
}

/// The first half of a body, and what comes in the place of the second.
fn half(body: &Bytes, end: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + Sync + 'static) -> Body {
    let half = Frame::data(body.slice(..body.len() / 2));
    let frames = stream::iter([Ok(half)]).chain(end);
    BodyExt::boxed(StreamBody::new(frames))
}

/// The access key in a signature (AWS, *Signature Version 4*).
fn signed_by(authorization: &str) -> Option<&str> {
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split('/').next()
}

async fn answer(
    request: Request<Incoming>,
    rules: &Rules,
    side: &Ready,
) -> Result<Response<Body>, io::Error> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    // The CA builds its URLs from the host that it is called by: that of the proxy.
    let host = parts.headers.get(HOST).cloned();
    parts
        .headers
        .insert(HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    let request = Request::from_parts(parts, body.clone());
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let call = Call {
        operation: Operation::of(&request),
        caller: header("authorization").and_then(signed_by).map(str::to_owned),
        target: header("x-amz-target").unwrap_or_default().to_owned(),
        host,
        path: request.uri().path().to_owned(),
        body,
    };
    let unchanged = |answer: Response<Bytes>| answer.map(whole);
    match rules.meet(&call) {
        None if rules.is_metering() => metered(request, &call, rules, side).await.map(unchanged),
        None => forward(request, side).await.map(unchanged),
        Some(Fault::Answer(status, headers, text)) => {
            let mut answer = Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(name, value);
            }
            answer.body(whole(text.into())).map_err(io::Error::other)
        }
        Some(Fault::Reset) => Err(cut()),
        Some(Fault::LoseAnswer) => {
            forward(request, side).await?;
            Err(cut())
        }
        // The header promises more than comes.
        Some(Fault::Truncate) => {
            let answer = forward(request, side).await?;
            Ok(answer.map(|body| half(&body, stream::iter([Err(cut())]))))
        }
        Some(Fault::Stall) => {
            let answer = forward(request, side).await?;
            Ok(answer.map(|body| half(&body, stream::pending())))
        }
        Some(Fault::Slow(by)) => {
            tokio::time::sleep(by).await;
            forward(request, side).await.map(unchanged)
        }
        Some(Fault::Meanwhile(run)) => {
            run();
            forward(request, side).await.map(unchanged)
        }
        Some(Fault::Before(run)) => {
            run();
            Err(silence().await)
        }
        Some(Fault::After(run)) => {
            forward(request, side).await?;
            run();
            Err(silence().await)
        }
        Some(Fault::Exchange(exchange)) => {
            let answer = forward(request, side).await?;
            Ok(unchanged(exchange(&call, answer)))
        }
        Some(Fault::Rewrite(edit)) => {
            let (mut parts, body) = forward(request, side).await?.into_parts();
            parts.headers.remove("content-length");
            Ok(Response::from_parts(parts, whole(edit(&body).into())))
        }
    }
}
