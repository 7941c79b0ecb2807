//! The pure half of certmint: words of the field, the issuance engine, renewal, limits and X.509. No I/O, no async, no
//! AWS; time, randomness and ids come as arguments.
#![warn(missing_docs)]

pub mod account;
pub mod acme;
pub mod certificate;
pub mod challenge;
pub mod chore;
pub mod clock;
pub mod issuance;
pub mod provider;
pub mod renewal;
pub mod words;
pub mod x509;
