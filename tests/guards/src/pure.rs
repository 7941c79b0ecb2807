//! What certmint-core depends on.

/// Crates that core may name. One that is not here is looked at before it is added: no I/O, no clock, no runtime.
pub const PURE: [&str; 14] = [
    // Signatures and digests.
    "aws-lc-rs",
    "base64",
    "idna",
    "pkcs8",
    // The public suffix list, compiled in.
    "psl",
    "rcgen",
    "secrecy",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    // Formats only: `Timestamp` is given.
    "time",
    "x509-parser",
    "zeroize",
];

/// Starts of the names of crates that must not come in through another one either.
const IMPURE: [&str; 16] = [
    "async-",
    "aws-config",
    "aws-sdk-",
    "aws-smithy-",
    "futures",
    "h2",
    "hickory-",
    "hyper",
    "instant-acme",
    "lambda_",
    "mio",
    "reqwest",
    "rustls-platform-verifier",
    "socket2",
    "tokio",
    "tower",
];

/// What is wrong with these direct dependencies, and with all that they bring.
#[must_use]
pub fn impure(direct: &[String], all: &[String]) -> Vec<String> {
    let unknown = direct.iter().filter(|name| !PURE.contains(&name.as_str()));
    let unknown =
        unknown.map(|name| format!("core depends on {name}, which is not on the list of pure crates"));
    let brought = all
        .iter()
        .filter(|name| IMPURE.iter().any(|start| name.starts_with(start)));
    let brought = brought.map(|name| {
        format!("{name} is in the tree of core: cargo tree -p certmint-core -e normal -i {name}")
    });
    unknown.chain(brought).collect()
}
