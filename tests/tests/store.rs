//! The DynamoDB store against the conformance suite.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use certmint_tests::{
    conformance_flight as flight, conformance_health as health, conformance_rates as rates,
    conformance_store as suite, dynamo, memory_limits::MemoryLimits,
};

#[tokio::test]
async fn accounts() {
    suite::accounts(&dynamo::store().await).await;
}

#[tokio::test]
async fn leases() {
    suite::leases(Arc::new(dynamo::store().await)).await;
}

#[tokio::test]
async fn lists() {
    suite::lists(&dynamo::store().await).await;
}

#[tokio::test]
async fn certificates() {
    suite::certificates(&dynamo::store().await).await;
}

#[tokio::test]
async fn same_names_are_one_request() {
    flight::same_names(&dynamo::store().await).await;
}

#[tokio::test]
async fn a_key_gives_its_first_answer_again() {
    flight::keys(&dynamo::store().await).await;
}

#[tokio::test]
async fn calls_at_once_make_one_request() {
    flight::at_once(Arc::new(dynamo::store().await)).await;
}

#[tokio::test]
async fn providers_in_trouble() {
    health::troubles(&dynamo::store().await).await;
    health::troubles(&MemoryLimits::default()).await;
}

#[tokio::test]
async fn reservations() {
    rates::reservations(&dynamo::store().await).await;
    rates::reservations(&MemoryLimits::default()).await;
}

#[tokio::test]
async fn reservations_are_given_back() {
    rates::giving_back(&dynamo::store().await).await;
    rates::giving_back(&MemoryLimits::default()).await;
}

#[tokio::test]
async fn what_happened_counts_and_what_is_closed_waits() {
    rates::counting_and_closing(&dynamo::store().await).await;
    rates::counting_and_closing(&MemoryLimits::default()).await;
}

#[tokio::test]
async fn orders_at_once_share_the_limit() {
    rates::at_once(Arc::new(dynamo::store().await)).await;
    rates::at_once(Arc::new(MemoryLimits::default())).await;
}

#[tokio::test]
async fn a_hundred_registered_domains_are_counted() {
    rates::a_hundred_domains(&dynamo::store().await).await;
    rates::a_hundred_domains(&MemoryLimits::default()).await;
}
