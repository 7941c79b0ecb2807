//! certmint: certificates through ACME DNS-01, from AWS Lambda.
#![warn(missing_docs)]

pub mod store;
