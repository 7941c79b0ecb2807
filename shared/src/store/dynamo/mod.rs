//! All state in one DynamoDB table. [`keys`] has every key; an aggregate's `…_items.rs` has how it is stored; the file with
//! its name implements its traits over a [`table`].

pub(crate) mod access;
mod account_lifecycle;
mod accounts;
mod alone;
mod bindings;
pub mod calls;
mod certificate_items;
mod certificate_lifecycle;
mod certificates;
mod challenges;
mod chores;
mod counters;
mod cut;
mod ending;
mod flight;
mod heartbeats;
mod idempotency;
mod item;
pub(crate) mod keys;
mod lists;
mod name_pointers;
mod names;
mod orders;
mod providers;
mod range;
mod rates;
mod renewal_items;
mod renewals;
mod request_items;
mod requests;
mod schema_version;
mod store;
mod succession;
mod table;
mod tx;
mod versions;
mod wakes;

pub use self::{schema_version::SchemaUse, store::DynamoStore};
