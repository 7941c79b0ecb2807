//! What to start.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::Ports;

/// The external account binding that the contract's worked example sends, as its curls stand.
pub const CONTRACT_EAB: [(&str, &str); 2] = [
    ("your_eab_kid_here", "your_eab_hmac_key_here"),
    ("your_eab_kid", "your_eab_hmac_key_here"),
];

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen.
    pub ports: Ports,
    /// Keeps the state in this folder.
    pub data: Option<PathBuf>,
    /// Hosted zones that exist from the start.
    pub zones: Vec<String>,
    /// Hosted zones whose records may not be changed.
    pub read_only_zones: Vec<String>,
    /// Domains that exist in the public DNS and are not in Route53.
    pub foreign_zones: Vec<String>,
    /// Domains whose name servers are dead, hosted or not.
    pub dead_zones: Vec<String>,
    /// How long a Route53 change stays PENDING.
    pub sync_delay: Duration,
    /// EAB key ids and HMAC keys that `google` knows.
    pub eab: Vec<(String, String)>,
    /// The schedule; `None`: nothing runs by itself but kicks.
    pub interval: Option<Duration>,
    /// Worker instances beside each other.
    pub workers: usize,
    /// Seconds that each worker's clock is ahead, by instance; those that are not named are right.
    pub worker_clocks: Vec<i64>,
    /// The token that the API accepts; `None` makes one.
    pub token: Option<String>,
    /// Of a hundred ACME nonces, so many are refused.
    pub bad_nonces: u8,
    /// Of a hundred valid authorizations, so many are used again.
    pub reused_authorizations: u8,
    /// Further roots that the CAs offer chains to.
    pub alternate_roots: u8,
    /// Where the functions reach AWS instead of the emulator itself: a proxy that injects faults.
    pub aws_endpoint: Option<String>,
    /// ACME directories instead of Pebble's own, for the same reason: `letsencrypt`, `google`.
    pub directories: Option<[String; 2]>,
    /// Extra environment of the functions.
    pub env: Vec<(String, String)>,
    /// After this long an invocation of the worker is killed.
    pub worker_timeout: Duration,
    /// The folder with the functions' binaries.
    pub functions: PathBuf,
    /// The folder that `infra/local` installs tools to.
    pub tools: PathBuf,
    /// Shown each line of the log as it comes.
    pub show: Option<fn(&str)>,
    /// Shown what a user must know, where the log is not shown.
    pub tell: Option<fn(&str)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ports: Ports::default(),
            data: None,
            zones: ["example.com", "example.net", "example.org"]
                .map(str::to_owned)
                .to_vec(),
            read_only_zones: vec![],
            foreign_zones: vec![],
            dead_zones: vec![],
            sync_delay: Duration::ZERO,
            eab: CONTRACT_EAB
                .map(|(kid, key)| (kid.to_owned(), key.to_owned()))
                .to_vec(),
            interval: Some(Duration::from_secs(40)),
            workers: 1,
            worker_clocks: vec![],
            token: None,
            bad_nonces: 5,
            reused_authorizations: 50,
            alternate_roots: 0,
            aws_endpoint: None,
            directories: None,
            env: vec![],
            worker_timeout: Duration::from_secs(300),
            functions: beside_us(),
            tools: PathBuf::from(".certmint/tools"),
            show: None,
            tell: None,
        }
    }
}

/// The folder that Cargo puts binaries into: ours, or the one above for a test.
fn beside_us() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let folder = exe.parent().map(Path::to_owned).unwrap_or_default();
    match folder.parent() {
        Some(above) if folder.ends_with("deps") => above.to_owned(),
        _ => folder,
    }
}
