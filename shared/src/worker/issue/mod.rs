//! From a claimed request to its certificate.

mod certificate_steps;
mod dns_steps;
mod effects;
pub(super) mod job;
mod key_reuse;
pub(super) mod limiter;
pub(super) mod pace;
