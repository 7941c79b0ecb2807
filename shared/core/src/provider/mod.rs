//! Certificate authorities as data, and what each allows in a time, so that we wait instead of asking in vain. The counts
//! are in the store.

mod bucket;
mod buckets;
mod known_ca;
mod limits;
mod order_rules;
#[expect(
    clippy::module_inception,
    reason = "the record that gives the folder its name"
)]
mod provider;

pub use self::{
    bucket::Limit,
    buckets::{Blame, Bucket, Kind, OrderBuckets, RateKey, of_name, of_order},
    limits::Limits,
    order_rules::{NotOrderable, OrderRules},
    provider::{Provider, ProviderEntry, ProviderError, Providers, Roots},
};
