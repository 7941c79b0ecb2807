//! certmint: certificates through ACME DNS-01, from AWS Lambda.
#![warn(missing_docs)]

pub mod ca;
pub mod cleanup;
pub mod dns;
pub mod domain;
pub mod engine;
pub mod store;
pub mod vault;
pub mod worker;
