//! What only a table can have: items that nobody can read, pages that cost too much, a form of another version.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod between;
mod ending;
mod large;
mod pages;
mod schema;
mod unreadable;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use certmint_core::{
    account::NewAccount,
    certificate::{Binding, Certificate, CertificateSource, Lifecycle},
    challenge::{DesiredState, TxtRecord, TxtStatus},
    issuance::{NewRequest, Request},
    words::{AccountId, CertificateId, Fqdn, NameSet, PageRequest, ProviderId, RequestId, Timestamp},
};
use certmint_shared::store::{AccountStore, CertificateStore, RequestStore, StoreError};
use certmint_tests::{conformance_store::start, dynamo::Emulated};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

async fn account(world: &Emulated, provider: u64, email: &str) -> AccountId {
    let new = NewAccount {
        provider_id: ProviderId::new(provider),
        email: Some(email.parse().unwrap()),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    world.store.create_account(new, None, start()).await.unwrap().id
}

async fn request(world: &Emulated, account: AccountId, name: &str) -> Request {
    let new = NewRequest::new(account, NameSet::parse(&[name]).unwrap());
    world.store.create_request(new, 10, None, start()).await.unwrap()
}

fn certificate(fingerprint: &str, name: &str) -> Certificate {
    Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec![name.parse().unwrap()],
        not_before: start(),
        expires_at: start().plus(DAY),
        cert_pem: "pem".repeat(1_000),
        chain_pem: "pem".repeat(1_000),
        key_ref: format!("certificate-key/{fingerprint}"),
        source: CertificateSource::Acme,
        account_id: None,
        provider: "letsencrypt".into(),
        request_id: None,
        profile: None,
        version: 1,
        created_at: start(),
        updated_at: start(),
        lifecycle: Lifecycle::default(),
    }
}

async fn record(world: &Emulated, fingerprint: &str, name: &str) -> Certificate {
    let recorded = world
        .store
        .record_certificate(certificate(fingerprint, name), None);
    recorded.await.unwrap()
}

async fn bind(world: &Emulated, certificate_id: CertificateId, website_id: u64, active: bool) {
    let binding = Binding {
        certificate_id,
        website_id,
        active,
    };
    world.store.put_binding(&binding, start()).await.unwrap();
}

fn value(owner: u64, value: &str) -> TxtRecord {
    TxtRecord {
        fqdn: Fqdn::new("_acme-challenge.example.com"),
        value: value.into(),
        zone_id: "Z1".into(),
        zone: Fqdn::new("example.com"),
        owner_id: RequestId::new(owner),
        fence: 1,
        unsettled: false,
        desired_state: DesiredState::Present,
        status: TxtStatus::Active,
        expires_at: start().plus(DAY),
        created_at: start(),
        updated_at: start(),
    }
}

fn page(page: u32, page_size: u32) -> PageRequest {
    PageRequest {
        page,
        page_size,
        cursor: None,
    }
}

fn after(cursor: &str, page_size: u32) -> PageRequest {
    PageRequest {
        cursor: Some(cursor.into()),
        ..page(1, page_size)
    }
}

fn later(days: u32) -> Timestamp {
    start().plus(DAY * days)
}
