//! certmint: certificates through ACME DNS-01, from AWS Lambda.
#![warn(missing_docs)]

pub mod acme;
pub mod api;
pub mod aws_call;
mod aws_refusal;
pub mod bundle;
pub mod cleanup;
pub mod clock;
pub mod config;
mod denials;
pub mod dns;
mod failure;
pub mod kick;
mod lanes;
mod renewal_request;
mod run_errors;
pub mod start;
pub mod store;
mod table_time;
pub mod telemetry;
pub mod vault;
pub mod wake;
pub mod worker;
