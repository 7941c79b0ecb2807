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
use serde_json::{Map, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{StackError, logs::Logs, process, tls::Tls};

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
    running: Running,
}

/// A process that somebody watches.
struct Running {
    /// Ends it, also by being dropped.
    end: oneshot::Sender<()>,
    watch: JoinHandle<()>,
}

impl Running {
    /// Watches a process: if it ends by itself, a user is told. Nothing starts it again: it would know no account.
    fn new(name: &'static str, mut child: Child, logs: Logs) -> Self {
        let (end, ended) = oneshot::channel();
        let watch = tokio::spawn(async move {
            tokio::select! {
                status = child.wait() => {
                    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    logs.notice(&format!(
                        "the CA {name} has ended ({how}): its requests wait until certmint local is stopped and started again"
                    ));
                }
                _ = ended => {
                    // An error means that it is gone already.
                    let _ = child.kill().await;
                }
            }
        });
        Self { end, watch }
    }

    async fn end(self) {
        // An error means that it is gone already.
        let _ = self.end.send(());
        let _ = self.watch.await;
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
        let running = run(&mut command, settings.name, settings.port, logs).await?;
        Ok(Self {
            name: settings.name,
            port: settings.port,
            command,
            running,
        })
    }

    /// Whose CA it is.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens itself.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Starts it anew: it keeps nothing on disk, so it knows no account and no order any more.
    pub(crate) async fn restart(self, logs: &Logs) -> Result<Self, StackError> {
        let Self {
            name,
            port,
            mut command,
            running,
        } = self;
        running.end().await;
        let running = run(&mut command, name, port, logs).await?;
        Ok(Self {
            name,
            port,
            command,
            running,
        })
    }

    pub(crate) async fn stop(self) {
        self.running.end().await;
    }
}

/// Starts it and waits until it answers.
async fn run(
    command: &mut Command,
    name: &'static str,
    port: u16,
    logs: &Logs,
) -> Result<Running, StackError> {
    let mut child = spawn(command).map_err(|why| StackError::Function { name, why })?;
    logs.follow(name, child.stdout.take());
    logs.follow(name, child.stderr.take());
    let answered = answers(&mut child, port).await;
    answered.map_err(|why| StackError::Function {
        name,
        why: format!("{why}; {}", logs.tail(name)),
    })?;
    Ok(Running::new(name, child, logs.clone()))
}

async fn answers(child: &mut Child, port: u16) -> Result<(), String> {
    let connected = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = connected => Ok(()),
        status = child.wait() => Err(format!("ended at once: {status:?}")),
        () = tokio::time::sleep(Duration::from_secs(10)) => Err(format!("does not listen on port {port}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn process(script: &str) -> Child {
        let mut command = process::command(Path::new("/bin/sh"));
        command.args(["-c", script]).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_ca_that_ends_by_itself_is_told_of_once_one_that_we_end_is_not() {
        let logs = Logs::new(None, None);
        let gone = Running::new("letsencrypt", process("exit 3"), logs.clone());
        gone.watch.await.unwrap();
        let told = logs.all();
        assert_eq!(told.len(), 1, "{told:?}");
        for part in ["the CA letsencrypt has ended (exit status: 3)", "started again"] {
            assert!(told[0].contains(part), "{told:?}");
        }
        let lives = Running::new("google", process("exec cat /dev/zero > /dev/null"), logs.clone());
        lives.end().await;
        assert_eq!(logs.all().len(), 1, "{:?}", logs.all());
    }
}
