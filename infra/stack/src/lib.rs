//! certmint on one machine.

pub mod dns;
pub mod route53;
