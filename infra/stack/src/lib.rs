//! certmint on one machine.

pub mod route53;
