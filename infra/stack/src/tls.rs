//! HTTPS of the CAs on this machine: one certificate, made anew at each start, for Pebble and for what stands before it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::StackError;

/// A client that does not finish its handshake is let go after this.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The machine may be out of file descriptors for a moment.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What the CAs' HTTPS is served with.
pub(crate) struct Tls {
    /// PEM of the root that signed it, for clients.
    pub(crate) root: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Tls {
    /// The files: root, certificate, key.
    pub(crate) fn files(&self) -> [PathBuf; 3] {
        [self.root.clone(), self.certificate.clone(), self.key.clone()]
    }

    /// Makes a root and a certificate for this machine in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, StackError> {
        let tls = |e: rcgen::Error| StackError::Tls(e.to_string());
        let mut root = CertificateParams::new(vec![]).map_err(tls)?;
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name
            .push(DnType::CommonName, "certmint local: HTTPS of the ACME server");
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().map_err(tls)?).map_err(tls)?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let key = KeyPair::generate().map_err(tls)?;
        let leaf = CertificateParams::new(names)
            .and_then(|leaf| leaf.signed_by(&key, &root))
            .map_err(tls)?;
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|e| StackError::Data(path.clone(), e.to_string()))?;
            Ok(path)
        };
        Ok(Self {
            root: file("acme-root.pem", &root.pem())?,
            certificate: file("acme-cert.pem", &leaf.pem())?,
            key: file("acme-key.pem", &key.serialize_pem())?,
        })
    }

    /// A server with this certificate that speaks what Pebble speaks: HTTP/2 and HTTP/1.1.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, StackError> {
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| unreadable(&self.key, &e))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(refused)?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(server)))
    }

    /// A client that trusts servers with this certificate.
    pub(crate) fn client(&self) -> Result<ClientConfig, StackError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.root)? {
            roots.add(root).map_err(refused)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        Ok(client.with_root_certificates(roots).with_no_client_auth())
    }
}

fn refused(error: rustls::Error) -> StackError {
    StackError::Tls(error.to_string())
}

fn unreadable(file: &Path, error: &pem::Error) -> StackError {
    StackError::Data(file.to_owned(), error.to_string())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StackError> {
    let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    all.map_err(|e| unreadable(file, &e))
}

/// Serves `routes` over TLS until `stop` becomes true. No client waits for another one's handshake.
pub(crate) fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    routes: Router,
    mut stop: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(async move {
        tokio::select! {
            () = accept(listener, acceptor, routes) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, routes: Router) {
    // They end with this function.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, acceptor.clone(), routes.clone()));
                }
                Err(_) => sleep(ACCEPT_AGAIN).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One client; what it breaks off is its own affair.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, routes: Router) {
    // Else small answers wait for the client's acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    if let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await {
        let server = auto::Builder::new(TokioExecutor::new());
        let service = TowerToHyperService::new(routes);
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }
}
