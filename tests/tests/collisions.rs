//! Many at once: DynamoDB cancels transactions that touch the same item at the same moment. Each has its items for ten
//! milliseconds here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_core::{
    account::NewAccount,
    challenge::{DesiredState, TxtRecord, TxtStatus},
    issuance::{Event, NewRequest, Request, RequestStatus, next},
    words::{AccountId, Fqdn, NameSet, PageRequest, ProviderId, RequestId},
};
use certmint_shared::store::{AccountStore, ChallengeStore, Claim, RequestStore, TxtLedger};
use certmint_tests::{
    conformance_store::start,
    dynamo::Emulated,
    journey::{Journey, eventually, options},
};
use futures::{StreamExt, future::join_all, stream};

const HELD: Duration = Duration::from_millis(10);

fn value(owner: u64, n: u64) -> TxtRecord {
    TxtRecord {
        fqdn: Fqdn::new(&format!("_acme-challenge.h{n}.example.com")),
        value: format!("value-{n}"),
        zone_id: "Z1".into(),
        zone: Fqdn::new("example.com"),
        owner_id: RequestId::new(owner),
        fence: 1,
        unsettled: false,
        desired_state: DesiredState::Present,
        status: TxtStatus::Pending,
        expires_at: start().plus(Duration::from_secs(3600)),
        created_at: start(),
        updated_at: start(),
    }
}

async fn counted(world: &Emulated, desired: DesiredState) -> u64 {
    let page = PageRequest {
        page: 1,
        page_size: 1,
        cursor: None,
    };
    let page = world.store.txt_records(Some(desired), &page).await;
    page.unwrap().total
}

async fn account(world: &Emulated) -> AccountId {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: None,
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    world.store.create_account(new, None, start()).await.unwrap().id
}

async fn file(world: &Emulated, account: AccountId, n: u64) -> Request {
    let new = NewRequest::new(account, NameSet::parse(&[&format!("h{n}.example.com")]).unwrap());
    world.store.create_request(new, 10, None, start()).await.unwrap()
}

#[tokio::test]
async fn the_values_of_a_hundred_names_do_not_fight_each_other() {
    let world = Emulated::with_conflicts(HELD).await;
    let values: Vec<TxtRecord> = (0..100).map(|n| value(1, n)).collect();
    let (put, cost) = world.cost_of(world.store.put_txt(&values)).await;
    put.unwrap();
    assert_eq!(cost.calls, 4, "98 and 2, each read and written once: {cost:?}");
    assert_eq!(counted(&world, DesiredState::Present).await, 100);

    let active: Vec<_> = values.iter().map(|r| (r.clone(), TxtStatus::Active)).collect();
    let (confirmed, cost) = world.cost_of(world.store.confirm_txt(&active, start())).await;
    confirmed.unwrap();
    assert_eq!(cost.calls, 100, "one small write each: {cost:?}");

    let released: Vec<TxtRecord> = world.store.txt_of_request(RequestId::new(1)).await.unwrap();
    let (gone, cost) = world
        .cost_of(async {
            let seen: Vec<_> = released.iter().map(|r| (r.clone(), TxtStatus::Removed)).collect();
            world.store.confirm_txt(&seen, start()).await
        })
        .await;
    gone.unwrap();
    assert_eq!(cost.calls, 2, "their counters are written twice: {cost:?}");
    let left = (
        counted(&world, DesiredState::Present).await,
        counted(&world, DesiredState::Absent).await,
    );
    assert_eq!(left, (0, 100));
}

#[tokio::test]
async fn a_value_that_changed_meanwhile_keeps_no_other_from_being_confirmed() {
    let world = Emulated::with_conflicts(HELD).await;
    let values: Vec<TxtRecord> = (0..3).map(|n| value(1, n)).collect();
    world.store.put_txt(&values).await.unwrap();
    let seen: Vec<_> = values.iter().map(|r| (r.clone(), TxtStatus::Removed)).collect();
    let wanted_again = TxtRecord {
        updated_at: start().plus(HELD),
        ..values[1].clone()
    };
    world.store.put_txt(&[wanted_again]).await.unwrap();
    world.store.confirm_txt(&seen, start()).await.unwrap();
    let left = world.store.txt_of_request(RequestId::new(1)).await.unwrap();
    let left: Vec<&str> = left.iter().map(|r| r.value.as_str()).collect();
    assert_eq!(left, ["value-1"]);
    assert_eq!(counted(&world, DesiredState::Present).await, 1);
}

#[tokio::test]
async fn hundreds_of_requests_at_once_are_filed_and_worked_on() {
    const MANY: u64 = 300;
    let world = Emulated::with_conflicts(HELD).await;
    let account = account(&world).await;
    let filed = join_all((0..MANY).map(|n| file(&world, account, n))).await;
    let lease = Duration::from_secs(60);
    let store = &world.store;
    let worked = filed.into_iter().map(|request| async move {
        let (now, id) = (start(), request.id);
        let claimed = store
            .claim_request(id, &Claim::new("w", now, lease, Duration::ZERO))
            .await;
        let mut held = claimed.unwrap().unwrap();
        let order_url = format!("https://ca.test/order/{id}");
        let step = next(&held.issuance, Event::OrderCreated { order_url }, now, 1).unwrap();
        (held.issuance, held.status) = (step.state, step.status);
        store.save_request(&held, now).await.unwrap();
    });
    stream::iter(worked)
        .buffer_unordered(32)
        .collect::<Vec<()>>()
        .await;
    let counts = world.store.request_counts().await.unwrap();
    assert_eq!(counts[0], (RequestStatus::Pending, 0));
    assert_eq!(counts[1], (RequestStatus::Running, MANY));
}

#[tokio::test]
async fn a_write_alone_waits_for_the_transaction_that_has_its_item() {
    let world = Emulated::with_conflicts(HELD).await;
    let account = account(&world).await;
    let request = file(&world, account, 1).await;
    let lease = Duration::from_secs(60);
    let claims = (0..20).map(|n| {
        let (store, owner) = (&world.store, format!("w{n}"));
        async move {
            let claim = Claim::new(&owner, start(), lease, Duration::ZERO);
            let claim = store.claim_request(request.id, &claim);
            let retry = store.quarantine_request(request.id, "no reason", start());
            let (claim, quarantined) = futures::join!(claim, retry);
            quarantined.unwrap();
            usize::from(claim.unwrap().is_some())
        }
    });
    let saved = async {
        for n in 0..20 {
            file(&world, account, 100 + n).await;
        }
    };
    let (claimed, ()) = futures::join!(join_all(claims), saved);
    assert!(claimed.into_iter().sum::<usize>() <= 1, "one has it at most");
}

#[tokio::test]
async fn a_certificate_of_a_hundred_names_is_issued() {
    let journey = Journey::start(options()).await;
    journey.stack.aws.tables.hold_transactions(HELD);
    let account = journey.account().await;
    let names: Vec<String> = (0..100).map(|n| format!("h{n}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let id = journey.request(account, &names).await;
    // A pass that takes long hands it back.
    let request = eventually("it has ended", || async {
        journey.work().await;
        let request = journey.look(id).await;
        matches!(request["status"].as_str(), Some("success" | "failed")).then_some(request)
    })
    .await;
    assert_eq!(request["status"], "success", "{request}");
    assert_eq!(
        (&request["attempts"], &request["last_error"]),
        (&1.into(), &serde_json::Value::Null)
    );
    journey.until_clean().await;
    journey.end().await;
}
