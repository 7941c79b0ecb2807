//! What stands before Pebble: its URLs lead back to it, and many at once do not lock Pebble up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::KeyVersion,
    provider::Providers,
    words::{AccountId, NameSet},
    x509::keys,
};
use certmint_shared::{
    acme::{AcmeAccounts, AcmeCa, AcmeOrders, CaAccount, OrderTerms},
    clock::SystemClock,
};
use certmint_tests::journey::{Journey, options};
use futures::future::join_all;
use serde_json::Value;
use tokio::process::Command;

#[tokio::test]
async fn the_urls_of_a_ca_lead_to_what_stands_before_it() {
    let journey = Journey::start(options()).await;
    let root = journey.stack.acme_tls[0].display().to_string();
    for port in [journey.stack.ports.acme, journey.stack.ports.acme_eab] {
        let front = format!("https://localhost:{port}");
        let got = Command::new("curl")
            .args(["-sSf", "--cacert", &root, &format!("{front}/dir")])
            .output()
            .await
            .unwrap();
        let directory: Value = serde_json::from_slice(&got.stdout).unwrap();
        for call in ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"] {
            let url = directory[call].as_str().unwrap();
            assert!(url.starts_with(&format!("{front}/")), "{call}: {url}");
        }
    }
    journey.stack.stop().await;
}

/// Orders, and the names of each: newOrder looks through all authorizations for each of them.
const AT_ONCE: usize = 18;
const NAMES: usize = 60;

/// Pebble's newOrder reads every authorization while it holds its store, an authorization that is being read wants the
/// store, and where a third call waits to write to it, all wait for each other, for good.
#[tokio::test(flavor = "multi_thread")]
async fn new_orders_beside_authorizations_that_are_read_do_not_lock_pebble_up() {
    let journey = Journey::start(options()).await;
    let root = journey.stack.acme_tls[0].clone();
    let ca = AcmeCa::new(&Providers::default(), Some(root), Arc::new(SystemClock)).unwrap();
    let ca = ca.with_deadline(Duration::from_secs(15));
    let directory_url = format!("https://localhost:{}/dir", journey.stack.ports.acme);
    let key = keys::generate_account_key().unwrap();
    let registered = ca.register(&directory_url, &key, None, None).await;
    let account = CaAccount {
        id: AccountId::new(1),
        key_version: KeyVersion::FIRST,
        registration_uri: registered.unwrap(),
        directory_url,
        key,
        preferred_chain: None,
    };
    let (ca, account) = (&ca, &account);
    let order = |n: usize| async move {
        let names: Vec<String> = (0..NAMES)
            .map(|name| format!("h{name}.o{n}.example.com"))
            .collect();
        let names = NameSet::parse(&names).unwrap();
        let terms = OrderTerms {
            names: &names,
            profile: None,
            replaces: None,
        };
        ca.new_order(account, &terms).await
    };
    let made = join_all((0..AT_ONCE).map(order)).await;
    let made: Vec<String> = made.into_iter().collect::<Result<_, _>>().unwrap();
    for round in 1..=4 {
        let calls = made.iter().enumerate().map(|(n, url)| async move {
            // Two to one.
            match n % 3 {
                0 => drop(order(round * AT_ONCE + n).await.unwrap()),
                _ => drop(ca.order(account, url, true).await.unwrap()),
            }
        });
        join_all(calls).await;
    }
    journey.stack.stop().await;
}
