//! Pebble as the CA: one for `letsencrypt`, one that requires EAB for `google`. Both look up challenges in our own
//! DNS responder.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use certmint_shared::acme::decode_eab_key;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Map, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::{StackError, logs::Logs, process};

/// A CA to run.
pub(crate) struct Settings<'a> {
    pub(crate) name: &'static str,
    pub(crate) binary: &'a Path,
    pub(crate) port: u16,
    pub(crate) management_port: u16,
    pub(crate) dns: SocketAddr,
    /// Key ids and HMAC keys; required of every account if there is one.
    pub(crate) eab: &'a [(String, String)],
    /// Of a hundred nonces, so many are refused (RFC 8555 §6.5 wants clients to cope).
    pub(crate) bad_nonces: u8,
    /// Of a hundred authorizations, so many that are valid already are used again.
    pub(crate) reused_authorizations: u8,
    /// Roots beside the first that it offers chains to (RFC 8555 §7.4.2).
    pub(crate) alternate_roots: u8,
}

/// A CA that runs.
pub(crate) struct Pebble {
    name: &'static str,
    port: u16,
    command: Command,
    child: Child,
}

/// What Pebble's own HTTPS is served with.
pub(crate) struct Tls {
    /// PEM of the root that signed it, for clients.
    pub(crate) root: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
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
}

/// Where Pebble is: `CERTMINT_PEBBLE`, the tools folder of `infra/local`, or the PATH.
pub(crate) fn find(tools: &Path) -> Result<PathBuf, StackError> {
    let named = std::env::var_os("CERTMINT_PEBBLE").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = named.into_iter().chain([tools.join("usr/bin/pebble")]);
    let mut places = places.chain(std::env::split_paths(&path).map(|p| p.join("pebble")));
    places.find(|p| p.is_file()).ok_or(StackError::NoPebble)
}

impl Pebble {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(
        settings: &Settings<'_>,
        tls: &Tls,
        folder: &Path,
        logs: &Logs,
    ) -> Result<Self, StackError> {
        let config = folder.join(format!("pebble-{}.json", settings.name));
        let text = configuration(settings, tls)?.to_string();
        std::fs::write(&config, text).map_err(|e| StackError::Data(config.clone(), e.to_string()))?;
        let failed = |why: String| StackError::Function {
            name: settings.name,
            why,
        };
        let mut command = process::command(settings.binary);
        command
            .arg("-config")
            .arg(&config)
            .args(["-dnsserver", &settings.dns.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", settings.bad_nonces.to_string())
            .env("PEBBLE_AUTHZREUSE", settings.reused_authorizations.to_string())
            .env("PEBBLE_ALTERNATE_ROOTS", settings.alternate_roots.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = spawn(&mut command).map_err(failed)?;
        let mut pebble = Self {
            name: settings.name,
            port: settings.port,
            command,
            child,
        };
        pebble.ready(logs).await?;
        Ok(pebble)
    }

    /// Starts it anew: it keeps nothing on disk, so it knows no account and no order any more.
    pub(crate) async fn restart(&mut self, logs: &Logs) -> Result<(), StackError> {
        // An error means that it is gone already.
        let _ = self.child.kill().await;
        let name = self.name;
        self.child = spawn(&mut self.command).map_err(|why| StackError::Function { name, why })?;
        self.ready(logs).await
    }

    async fn ready(&mut self, logs: &Logs) -> Result<(), StackError> {
        let name = self.name;
        logs.follow(name, self.child.stdout.take());
        logs.follow(name, self.child.stderr.take());
        self.answers(self.port).await.map_err(|why| StackError::Function {
            name,
            why: format!("{why}; {}", logs.tail(name)),
        })
    }

    async fn answers(&mut self, port: u16) -> Result<(), String> {
        let connected = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = connected => Ok(()),
            status = self.child.wait() => Err(format!("ended at once: {status:?}")),
            () = tokio::time::sleep(Duration::from_secs(10)) => Err(format!("does not listen on port {port}")),
        }
    }

    pub(crate) async fn stop(mut self) {
        // An error means that it is gone already.
        let _ = self.child.kill().await;
    }
}

fn spawn(command: &mut Command) -> Result<Child, String> {
    let program = command.as_std().get_program().to_owned();
    command.spawn().map_err(|e| format!("{}: {e}", program.display()))
}

fn configuration(settings: &Settings<'_>, tls: &Tls) -> Result<serde_json::Value, StackError> {
    let mut keys = Map::new();
    for (kid, key) in settings.eab {
        let mut bytes =
            decode_eab_key(&key.clone().into()).map_err(|e| StackError::Eab(kid.clone(), e.to_string()))?;
        // Pebble takes no HS256 key under 256 bits (RFC 7518 §3.2). HMAC itself fills a short key up with zeros
        // (RFC 2104 §2): the longer key makes the same codes.
        let length = bytes.len().max(32);
        bytes.resize(length, 0);
        keys.insert(kid.clone(), BASE64_URL_SAFE_NO_PAD.encode(&*bytes).into());
    }
    let listen = |port: u16| format!("127.0.0.1:{port}");
    Ok(json!({"pebble": {
        "listenAddress": listen(settings.port),
        "managementListenAddress": listen(settings.management_port),
        "certificate": tls.certificate,
        "privateKey": tls.key,
        "httpPort": 5002,
        "tlsPort": 5001,
        "externalAccountBindingRequired": !keys.is_empty(),
        "externalAccountMACKeys": keys,
        "retryAfter": {"authz": 1, "order": 1},
        "keyAlgorithm": "ecdsa",
        "profiles": {
            "classic": {"description": "90 days", "validityPeriod": 90 * 86_400},
            "tlsserver": {"description": "45 days", "validityPeriod": 45 * 86_400},
            "shortlived": {"description": "6 days", "validityPeriod": 6 * 86_400},
        },
    }}))
}
