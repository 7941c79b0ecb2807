//! certmint on one machine: the real functions behind a local Lambda Runtime API and API Gateway, over emulated AWS,
//! a DNS responder that answers from the emulated Route53, and Pebble as the CA. The functions cannot tell it from
//! AWS.

mod aws;
mod cas;
pub mod dns;
mod front;
mod gateway;
mod keep;
mod lambda;
mod logs;
mod options;
mod pebble;
mod ports;
mod prepare;
mod process;
pub mod route53;
mod schedule;
mod stack;
mod tls;

use std::path::PathBuf;

pub use aws::{Aws, Bus, KMS_ALIAS, Kms, Queue, Secrets, Tables, WAKE_QUEUE};
pub use lambda::{Function, FunctionConfig, InvokeError};
pub use logs::Logs;
pub use options::{CONTRACT_EAB, Options};
pub use ports::Ports;
pub use stack::Stack;

/// Why the stack does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// A port is taken.
    #[error(
        "port {port} for {what} cannot be used: {source}; set another with {option} or move all with --port-offset"
    )]
    Port {
        /// Which.
        port: u16,
        /// Whose.
        what: &'static str,
        /// The option that moves it.
        option: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The machine refused something.
    #[error("{what}: {source}")]
    Io {
        /// For whom.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder cannot be used.
    #[error("{file}: {1}", file = .0.display())]
    Data(PathBuf, String),
    /// A process does not start.
    #[error("{name} {why}")]
    Function {
        /// Which.
        name: &'static str,
        /// Why.
        why: String,
    },
    /// There is no CA to run.
    #[error("Pebble is not installed; infra/local installs it, or set CERTMINT_PEBBLE to its path")]
    NoPebble,
    /// A function's binary is missing.
    #[error("{file} is missing; build it with cargo build --workspace", file = .0.display())]
    NoBinary(PathBuf),
    /// The certificate for the CA's HTTPS cannot be made.
    #[error("TLS: {0}")]
    Tls(String),
    /// An EAB key is no base64url.
    #[error("EAB key of {0} {1}")]
    Eab(String, String),
    /// A hosted zone cannot be made.
    #[error("zone {0}: {1}")]
    Zone(String, String),
    /// The emulated table cannot be made.
    #[error("DynamoDB: {0}")]
    Table(String),
}

impl StackError {
    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
