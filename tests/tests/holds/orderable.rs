//! What a CA would refuse is not asked of it, also after a failover.

use std::time::Duration;

use certmint_core::{
    certificate::KeyPlan,
    issuance::{Fallback, NewRequest, RequestStatus},
    provider::{Limit, Limits, OrderRules},
    words::{AccountId, Class, NameSet, RequestId},
};
use certmint_shared::store::RequestStore;
use certmint_tests::{
    conformance_store::start,
    scripted::{World, directory},
};

use super::acme;

const NAMES: [&str; 4] = [
    "*.example.com",
    "www.example.com",
    "example.com",
    "a.b.example.com",
];

fn strict() -> OrderRules {
    OrderRules {
        refuses_covered_names: true,
        ..OrderRules::default()
    }
}

fn few() -> OrderRules {
    OrderRules {
        profiles: [("short".to_owned(), 2)].into(),
        ..OrderRules::default()
    }
}

/// A request of account 1 that goes on with account 2.
async fn ask(world: &World, names: &[&str], key: KeyPlan, profile: Option<&str>) -> RequestId {
    let names = NameSet::parse(names).unwrap();
    let new = NewRequest {
        fallback: Fallback {
            accounts: vec![AccountId::new(2)],
            own: true,
        },
        key,
        profile: profile.map(str::to_owned),
        ..NewRequest::new(AccountId::new(1), names)
    };
    world
        .store
        .create_request(new, 10, None, start())
        .await
        .unwrap()
        .id
}

fn client_key() -> KeyPlan {
    KeyPlan::Client {
        csr: "AAAA".into(),
        algorithm: certmint_core::certificate::KeyAlgorithm::default(),
    }
}

async fn first_forbids(world: &World) {
    let caa = acme(Class::Permanent, "caa", "CAA forbids");
    world.ca.new_order.lock().unwrap().insert(directory("one"), caa);
}

#[tokio::test]
async fn each_ca_is_asked_for_what_it_takes() {
    let any = OrderRules::default();
    let ordered = ["*.example.com", "example.com", "a.b.example.com"];
    for (orders, wanted) in [
        ([any.clone(), strict()], [&NAMES[..], &ordered]),
        ([strict(), any.clone()], [&ordered, &NAMES]),
        ([strict(), strict()], [&ordered, &ordered]),
        ([any.clone(), any], [&NAMES, &NAMES]),
    ] {
        let world = World::taking(Limits::NONE, orders, 1).await;
        first_forbids(&world).await;
        let id = ask(&world, &NAMES, KeyPlan::default(), None).await;
        world.run().await;
        assert_eq!(*world.ca.names.lock().unwrap(), wanted);
        let request = world.get(id).await;
        assert_eq!(
            (request.account().get(), request.names.strings()),
            (2, NAMES.to_vec()),
            "as the client asked"
        );
    }
}

#[tokio::test]
async fn a_csr_goes_to_a_ca_that_takes_its_names_or_ends_with_the_reason() {
    let both = &NAMES[..2];
    let world = World::taking(Limits::NONE, [strict(), OrderRules::default()], 1).await;
    let id = ask(&world, both, client_key(), None).await;
    world.run().await;
    assert_eq!(
        *world.ca.asked.lock().unwrap(),
        [directory("two")],
        "the first would refuse it"
    );
    assert_eq!(*world.ca.names.lock().unwrap(), [both]);
    let why = world.get(id).await.issuance.failover.candidates()[0]
        .why
        .clone()
        .unwrap();
    assert!(
        why.contains("has www.example.com, which *.example.com covers: one refuses both"),
        "{why}"
    );

    let world = World::taking(Limits::NONE, [strict(), strict()], 1).await;
    let id = ask(&world, both, client_key(), None).await;
    world.run().await;
    let request = world.get(id).await;
    assert_eq!(
        (request.status, request.issuance.attempts),
        (RequestStatus::Failed, 0)
    );
    let error = request.last_error.unwrap();
    assert!(
        error.starts_with("Failed to request certificate: the request has www.example.com"),
        "{error}"
    );
    assert_eq!(world.ca.asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_profile_that_takes_fewer_names_is_not_asked_for_more() {
    for (names, orders, asked) in [
        (
            &["a.example.com", "b.example.com", "c.example.com"][..],
            [few(), OrderRules::default()],
            vec!["two"],
        ),
        (
            &["a.example.com", "b.example.com"],
            [few(), OrderRules::default()],
            vec!["one"],
        ),
        (
            &["a.example.com", "b.example.com", "c.example.com"],
            [OrderRules::default(), few()],
            vec!["one"],
        ),
        (
            &["a.example.com", "b.example.com", "c.example.com"],
            [few(), few()],
            vec![],
        ),
        // Counted is what would be ordered.
        (
            &["*.example.com", "b.example.com", "example.com"],
            [
                OrderRules {
                    refuses_covered_names: true,
                    ..few()
                },
                few(),
            ],
            vec!["one"],
        ),
    ] {
        let world = World::taking(Limits::NONE, orders, 1).await;
        let id = ask(&world, names, KeyPlan::default(), Some("short")).await;
        world.run().await;
        let wanted: Vec<String> = asked.into_iter().map(directory).collect();
        assert_eq!(*world.ca.asked.lock().unwrap(), wanted, "{names:?}");
        let request = world.get(id).await;
        if wanted.is_empty() {
            let error = request.last_error.unwrap();
            assert!(
                error.contains("3 names to order; two takes at most 2 in the profile short"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn limits_are_counted_by_what_is_ordered_and_given_back_alike() {
    let limits = Limits {
        duplicate_certificates: Limit::new(1, 3600),
        ..Limits::NONE
    };
    let world = World::taking(limits, [strict(), strict()], 1).await;
    let request = async |names: &[&str]| {
        let new = NewRequest::new(AccountId::new(1), NameSet::parse(names).unwrap());
        world
            .store
            .create_request(new, 10, None, start())
            .await
            .unwrap()
            .id
    };
    let first = request(&["*.example.com", "www.example.com"]).await;
    world.run().await;
    let second = request(&["*.example.com"]).await;
    world.run().await;
    assert_eq!(
        world.ca.names.lock().unwrap().len(),
        1,
        "the same certificate twice"
    );
    assert!(world.get(second).await.issuance.reason().contains("used up"));
    // The first ends without a certificate: what it took is there again.
    let gone = acme(Class::Permanent, "rejectedIdentifier", "no");
    *world.ca.order.lock().unwrap() = Some(gone);
    world.pass(Duration::from_secs(60));
    world.run().await;
    assert_eq!(world.get(first).await.status, RequestStatus::Failed);
    *world.ca.order.lock().unwrap() = None;
    let third = request(&["*.example.com", "api.example.com"]).await;
    world.run().await;
    assert_eq!(
        world.get(third).await.issuance.orders,
        1,
        "long before the limit's hour is over"
    );
    assert_eq!(world.ca.names.lock().unwrap().len(), 2);
}
