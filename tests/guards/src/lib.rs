//! What no compiler checks, by reading the sources with `syn`: import circles, long files, what the pure core depends
//! on, which AWS calls an adapter makes, and what a role of the template allows. `tests/house.rs` and `tests/template.rs` hold the project to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a guard fails by panicking"
)]

pub mod calls;
pub mod circles;
pub mod files;
pub mod iam;
pub mod modules;
pub mod pure;
pub mod source;
pub mod stack;
pub mod yaml;
