//! X.509: chains, signing requests and keys, read and checked.

pub mod chain;
pub mod csr;
pub mod keys;
mod private_key;

pub use self::private_key::{KeyError, PrivateKey};
