//! A role, credentials or a key that are wrong for ten minutes: requests in hand say what is missing and wait, nobody ends,
//! and once it is given back all go on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "wrong_role/beside.rs"]
mod beside;
#[path = "wrong_role/issuing.rs"]
mod issuing;
