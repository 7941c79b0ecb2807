//! The world that the conformance tests run in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test world fails by panicking"
)]

pub mod conformance_account_keys;
pub mod conformance_certificates;
mod conformance_ending;
pub mod conformance_fallback;
pub mod conformance_flight;
pub mod conformance_health;
pub mod conformance_heartbeats;
pub mod conformance_lifecycle;
pub mod conformance_orders;
pub mod conformance_rates;
pub mod conformance_renewals;
pub mod conformance_requests;
pub mod conformance_secret_intents;
pub mod conformance_store;
pub mod conformance_succession;
pub mod conformance_txt;
pub mod conformance_vault;
pub mod conformance_wakes;
pub mod conformance_zones;
pub mod dynamo;
pub mod failing;
pub mod faults;
pub mod files;
pub mod fleet;
pub mod journey;
pub mod logged;
pub mod memory_limits;
pub mod roles;
pub mod schema;
pub mod scripted;
pub mod sim;
pub mod slow;
pub mod store;
pub mod yaml;
pub mod zones;
