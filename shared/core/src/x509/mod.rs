//! X.509: chains, signing requests and keys, read and checked.

mod bounds;
pub mod certificate;
pub mod chain;
pub mod csr;
mod csr_error;
mod csr_parts;
mod distinguished_name;
mod judge;
pub mod keys;
mod name_constraints;
pub mod pem;
mod private_key;
mod public_key;
mod signature;

pub use self::{
    judge::Concern,
    private_key::{KeyError, PrivateKey},
};
