//! The ACME client on the wire: what it costs the CA, and what a CA that misbehaves costs it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::KeyVersion,
    provider::Providers,
    words::{AccountId, Cause, Class, Failure, NameSet},
    x509::keys,
};
use certmint_shared::{
    acme::{AcmeAccounts, AcmeCa, AcmeOrders, CaAccount, OrderTerms},
    clock::SystemClock,
};
use certmint_tests::{
    faults::{Call, Fault, Operation, Rules},
    journey::{Journey, options},
};

/// Long enough for every answer that comes at all.
const DEADLINE: Duration = Duration::from_secs(5);

const ACME: [Operation; 10] = [
    Operation::Directory,
    Operation::NewNonce,
    Operation::NewAccount,
    Operation::NewOrder,
    Operation::Order,
    Operation::Authorization,
    Operation::Challenge,
    Operation::Finalize,
    Operation::Certificate,
    Operation::RenewalInfo,
];

/// A client of Pebble behind a proxy.
struct World {
    journey: Journey,
    rules: Rules,
    ca: Arc<AcmeCa>,
    directory_url: String,
}

impl World {
    async fn new() -> Self {
        let (journey, rules) = Journey::with_faults(options()).await;
        let providers = journey.client.get("/acme/providers").await.data();
        let root = journey.stack.acme_tls[0].clone();
        let ca = AcmeCa::new(&Providers::default(), Some(root), Arc::new(SystemClock)).unwrap();
        Self {
            journey,
            rules,
            ca: Arc::new(ca.with_deadline(DEADLINE)),
            directory_url: providers["list"][0]["directoryUrl"].as_str().unwrap().to_owned(),
        }
    }

    async fn account(&self) -> CaAccount {
        let key = keys::generate_account_key().unwrap();
        let email = "ops@example.com".parse().unwrap();
        let registered = self
            .ca
            .register(&self.directory_url, &key, Some(&email), None)
            .await;
        CaAccount {
            id: AccountId::new(1),
            key_version: KeyVersion::FIRST,
            directory_url: self.directory_url.clone(),
            registration_uri: registered.unwrap(),
            key,
            preferred_chain: None,
        }
    }

    async fn order(&self, account: &CaAccount, name: &str) -> Result<String, Failure> {
        let terms = OrderTerms {
            names: &NameSet::parse(&[name]).unwrap(),
            profile: None,
            replaces: None,
        };
        self.ca.new_order(account, &terms).await
    }

    fn count(&self, operation: Operation) -> usize {
        self.rules.seen(operation).len()
    }

    /// A fault for one reading of an order.
    fn meet(&self, order_url: &str, fault: Fault) {
        let order = order_url.to_owned();
        let is_it = move |call: &Call| order.ends_with(&call.path);
        self.rules.add_matching(is_it, 0, 1, fault);
    }
}

fn is_unreachable(failure: &Failure, why: &str) {
    assert_eq!(failure.class, Class::Transient, "{failure:?}");
    assert_eq!(failure.problem.cause, Cause::CaUnreachable, "{failure:?}");
    assert!(failure.problem.detail.contains(why), "{failure:?}");
}

#[tokio::test]
async fn a_body_that_never_ends_delays_its_own_call_only() {
    let world = World::new().await;
    let account = world.account().await;
    let stalled = world.order(&account, "a.example.com").await.unwrap();
    let other = world.order(&account, "b.example.com").await.unwrap();
    world.meet(&stalled, Fault::Stall);
    let (ca, signer, url) = (world.ca.clone(), account.clone(), stalled.clone());
    let waiting = tokio::spawn(async move { ca.order(&signer, &url, false).await });
    for _ in 0..3 {
        world.ca.order(&account, &other, true).await.unwrap();
    }
    assert!(!waiting.is_finished(), "the others do not wait for it");
    is_unreachable(&waiting.await.unwrap().unwrap_err(), "within 5s");
    world.ca.order(&account, &stalled, true).await.unwrap();
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let world = World::new().await;
    let account = world.account().await;
    let order = world.order(&account, "a.example.com").await.unwrap();
    world.meet(&order, Fault::Rewrite(Arc::new(|_| vec![b' '; 2 * 1024 * 1024])));
    let failure = world.ca.order(&account, &order, false).await.unwrap_err();
    is_unreachable(&failure, "more than 1048576 bytes");
    world.ca.order(&account, &order, false).await.unwrap();
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn a_refused_nonce_is_replaced_by_the_one_that_comes_with_the_refusal() {
    let world = World::new().await;
    let account = world.account().await;
    let again = world.account().await;
    assert_ne!(account.registration_uri, again.registration_uri);
    // Without a nonce in the refusal there is one of newNonce; a nonce that is no good is refused by Pebble itself, with
    // one that is.
    for (step, headers, fresh) in [
        (Operation::NewAccount, &[][..], 1),
        (Operation::NewAccount, &[("replay-nonce", "b2xk")][..], 0),
        (Operation::NewOrder, &[][..], 1),
        (Operation::NewOrder, &[("replay-nonce", "b2xk")][..], 0),
    ] {
        let before = (world.count(step), world.count(Operation::NewNonce));
        let hits = world
            .rules
            .add(step, 0, 1, Fault::problem(400, "badNonce", headers));
        match step {
            Operation::NewAccount => drop(world.account().await),
            _ => drop(world.order(&account, "a.example.com").await.unwrap()),
        }
        assert_eq!(hits.count(), 1);
        let calls = world.count(step) - before.0;
        assert_eq!(calls, 3 - fresh, "{step:?} {headers:?}");
        assert_eq!(
            world.count(Operation::NewNonce) - before.1,
            fresh,
            "{step:?} {headers:?}"
        );
    }
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn one_directory_and_one_nonce_serve_every_account() {
    let world = World::new().await;
    for _ in 0..3 {
        let account = world.account().await;
        let order = world.order(&account, "a.example.com").await.unwrap();
        world.ca.order(&account, &order, true).await.unwrap();
        let found = world.ca.find_account(&world.directory_url, &account.key).await;
        assert_eq!(found.unwrap(), Some(account.registration_uri));
    }
    assert_eq!(world.count(Operation::Directory), 1);
    assert_eq!(world.count(Operation::NewNonce), 1);
    let read = (
        world.count(Operation::Order),
        world.count(Operation::Authorization),
    );
    assert_eq!(read, (0, 3), "newOrder said all of the order but its challenges");
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_away_is_asked_for_once_by_all_who_wait() {
    let world = World::new().await;
    let account = world.account().await;
    let reset = world.rules.add(Operation::NewOrder, 0, 1, Fault::Reset);
    is_unreachable(&world.order(&account, "a.example.com").await.unwrap_err(), "");
    assert_eq!(reset.count(), 1);
    // After that the directory is read first: it tells that the CA is away.
    world.rules.add(Operation::Directory, 0, 1, Fault::html(503));
    for (is_there, readings) in [(false, 2), (true, 3)] {
        let names = ["a.example.com", "b.example.com", "c.example.com"];
        let orders = names.map(|name| world.order(&account, name));
        for order in futures::future::join_all(orders).await {
            match order {
                Ok(_) => assert!(is_there),
                Err(failure) => {
                    assert!(!is_there, "{failure:?}");
                    assert_eq!(failure.problem.cause, Cause::DirectoryUnreachable, "{failure:?}");
                }
            }
        }
        assert_eq!(world.count(Operation::Directory), readings);
    }
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn three_certificates_take_one_nonce_of_new_nonce_and_few_requests() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let counts = || ACME.map(|operation| (operation, rules.seen(operation).len()));
    let all = || counts().iter().map(|(_, count)| count).sum::<usize>();
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        let before = all();
        let id = journey.request(account, &[name]).await;
        journey.until(id, "success").await;
        journey.work().await.unwrap();
        // Eleven, and the directory, newNonce and newAccount with the first; each further look at an order that the CA
        // is slow with is one more.
        let cost = all() - before;
        assert!(cost <= 16, "{name}: {cost} requests; all: {:?}", counts());
        println!("{name}: {cost} requests; all: {:?}", counts());
    }
    assert_eq!(rules.seen(Operation::NewNonce).len(), 1);
    assert_eq!(rules.seen(Operation::Directory).len(), 1);
    journey.end().await;
}
