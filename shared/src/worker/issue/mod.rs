//! From a claimed request to its certificate.

mod astray;
mod ca_steps;
mod dns_steps;
mod failures;
pub(super) mod issuer;
pub(super) mod job;
mod key_reuse;
mod key_steps;
mod limiter;
mod new_order;
mod ordered;
mod pace;
mod places;
mod record;
