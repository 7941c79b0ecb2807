//! `certmint local`: the service on this machine, with nothing of AWS needed. And what an operator does with the keys
//! of a deployed stack.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program speaks to a terminal"
)]

mod keys;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use certmint_stack::{Options, Ports, Stack, StackError};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Certificates through ACME DNS-01.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the API on this machine: emulated AWS, Pebble as the CA, the real functions
    Local(Local),
    /// Moves all keys of a deployed stack from one vault to the other (docs/operations.md)
    MigrateKeys(keys::Migration),
    /// Takes a deleted key of the envelope vault back
    RestoreKey(keys::Restoration),
}

#[derive(clap::Args)]
struct Local {
    /// Port of the API
    #[arg(long, default_value_t = Ports::default().api)]
    port: u16,
    /// Port of emulated AWS: any AWS client works against it
    #[arg(long, default_value_t = Ports::default().aws)]
    aws_port: u16,
    /// Port of the CA; the next one is the CA that requires EAB
    #[arg(long, default_value_t = Ports::default().acme)]
    acme_port: u16,
    /// Port of the CA's management interface; the next one is that of the CA that requires EAB
    #[arg(long, default_value_t = Ports::default().acme_management)]
    acme_management_port: u16,
    /// Port of DNS, UDP and TCP
    #[arg(long, default_value_t = Ports::default().dns)]
    dns_port: u16,
    /// Moves all ports by this much
    #[arg(long, default_value_t = 0)]
    port_offset: u16,
    /// Keeps the state in this folder instead of memory; it will hold private keys
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Another hosted zone, beside example.com, example.net and example.org; may be repeated
    #[arg(long, value_name = "NAME")]
    zone: Vec<String>,
    /// Another external account binding that the provider google knows; may be repeated
    #[arg(long, value_name = "KID=KEY")]
    eab: Vec<String>,
    /// Seconds between two runs of the worker
    #[arg(long, env = "ACME_WORKER_INTERVAL", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Seconds that a Route53 change stays PENDING
    #[arg(long, default_value_t = 0)]
    sync_delay: u64,
    /// Workers beside each other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    workers: u16,
    /// Where keys are
    #[arg(long, value_enum, default_value_t = keys::Place::SecretsManager)]
    key_vault: keys::Place,
    /// Does not show the log
    #[arg(long)]
    quiet: bool,
    /// The token that the API accepts; made anew if not set
    #[arg(long, env = "CERTMINT_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Local {
    fn options(self) -> Result<Options, String> {
        let defaults = Options::default();
        let given = self.eab.iter().map(|pair| {
            let (kid, key) = pair
                .split_once('=')
                .ok_or_else(|| format!("--eab {pair}: must be KID=KEY"))?;
            Ok((kid.to_owned(), key.to_owned()))
        });
        let given = given.collect::<Result<Vec<_>, String>>()?;
        let next = |port: u16| port.saturating_add(1);
        let ports = Ports {
            api: self.port,
            aws: self.aws_port,
            acme: self.acme_port,
            acme_management: self.acme_management_port,
            acme_eab: next(self.acme_port),
            acme_eab_management: next(self.acme_management_port),
            dns: self.dns_port,
        };
        Ok(Options {
            ports: ports.moved(self.port_offset),
            data: self.data,
            zones: defaults.zones.iter().cloned().chain(self.zone).collect(),
            eab: defaults.eab.iter().cloned().chain(given).collect(),
            interval: Some(Duration::from_secs(self.interval)),
            sync_delay: Duration::from_secs(self.sync_delay),
            workers: usize::from(self.workers),
            token: self.token.filter(|t| !t.is_empty()),
            env: vec![("CERTMINT_KEY_VAULT".to_owned(), self.key_vault.word().to_owned())],
            show: (!self.quiet).then_some(show as fn(&str)),
            tell: Some(show),
            ..defaults
        })
    }
}

fn show(line: &str) {
    eprintln!("{line}");
}

async fn interrupted() -> std::io::Result<()> {
    let (mut interrupt, mut terminate, mut hangup) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

fn welcome(stack: &Stack) {
    let Ports {
        aws,
        acme,
        acme_management,
        dns,
        ..
    } = stack.ports;
    println!("token {}", stack.token);
    println!(
        "AWS http://localhost:{aws}  ACME https://localhost:{acme}/dir  its management https://localhost:{acme_management}  DNS localhost:{dns}"
    );
    println!(
        "try   curl -s {}/api/v1/acme/account/create -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{{\"providerName\":\"letsencrypt\",\"email\":\"admin@example.com\"}}'",
        stack.url(),
        stack.token
    );
    println!("ready {}", stack.url());
}

async fn local(options: Options) -> Result<(), StackError> {
    eprintln!("starting emulated AWS, DNS, two CAs and four functions …");
    tokio::select! {
        stack = Stack::start(options) => {
            let stack = stack?;
            welcome(&stack);
            let waited = interrupted().await;
            eprintln!("stopping …");
            stack.stop().await;
            waited.map_err(|source| StackError::Io { what: "signals", source })
        }
        // A part that was started is ended by being dropped.
        _ = interrupted() => Ok(()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Local(arguments) => match arguments.options() {
            Ok(options) => local(options).await.map_err(|e| e.to_string()),
            Err(error) => Err(error),
        },
        Command::MigrateKeys(arguments) => arguments.run().await,
        Command::RestoreKey(arguments) => arguments.run().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("certmint: {error}");
            ExitCode::FAILURE
        }
    }
}
