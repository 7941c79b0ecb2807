//! What every store must do for operators. Each function takes a fresh store.

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::{Account, AccountStatus, NewAccount},
    challenge::{DesiredState, TxtRecord, TxtStatus},
    chore::Chore,
    issuance::{NewRequest, Order, OrderStage, Phase, Request, RequestStatus},
    words::{AccountId, Cause, Fqdn, NameSet, PageRequest, ProviderId, RequestId},
};
use certmint_shared::store::{AccountFilter, Claim, RequestFilter, StoreError};

use crate::{conformance_store::start, store::Store};

const LEASE: Duration = Duration::from_secs(60);

/// A new account with this address, with an EAB key.
pub(crate) async fn account(store: &dyn Store, email: &str) -> Account {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some(email.parse().expect("an address")),
        eab_kid: Some("kid".into()),
        eab_key_ref: Some("account-eab/x".into()),
        eab_expires_at: None,
    };
    let made = store.create_account(new, None, start()).await;
    made.expect("an account")
}

/// A new request of an account.
pub(crate) async fn request(store: &dyn Store, account_id: AccountId) -> Result<Request, StoreError> {
    let names = NameSet::parse(&["example.com"]).expect("names");
    let new = NewRequest::new(account_id, names);
    store.create_request(new, 10, None, start()).await
}

/// A request as a worker leaves it that could not do it.
pub(crate) async fn failed(store: &dyn Store, made: &Request, owed: bool) -> Request {
    let claimed = store
        .claim_request(made.id, &Claim::new("w", start(), LEASE, Duration::ZERO))
        .await;
    let mut request = claimed.expect("an answer").expect("claimed");
    request.status = RequestStatus::Failed;
    request.issuance.phase = Phase::Failed;
    request.issuance.attempts = 3;
    request.issuance.cleanup_owed = owed;
    request.last_error = Some("Failed to request certificate: no".into());
    request.wake_at = None;
    request.lease.owner = None;
    request.updated_at = start();
    store.save_request(&request, start()).await.expect("saved");
    request
}

pub(crate) fn is_wrong<T: std::fmt::Debug>(answer: Result<T, StoreError>, word: &str) {
    match answer {
        Err(error @ StoreError::WrongState { .. }) => {
            assert!(error.to_string().contains(word), "{error} lacks {word}");
        }
        other => panic!("wanted a refusal for its state, got {other:?}"),
    }
}

/// Off, on, off again; a failed one is mended.
pub async fn switching(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let off = store.switch_account(made.id, false, start()).await.expect("off");
    assert_eq!(off.status, AccountStatus::Disabled);
    assert_eq!(
        store.switch_account(made.id, false, start()).await.expect("off"),
        off
    );
    let on = store.switch_account(made.id, true, start()).await.expect("on");
    assert_eq!(on.status, AccountStatus::Pending, "the CA does not know it");
    let failed = Account {
        status: AccountStatus::Failed,
        registration_uri: Some("https://ca.test/1".into()),
        last_error: Some("no".into()),
        ..on
    };
    store.save_account(&failed).await.expect("saved");
    let mended = store.switch_account(made.id, true, start()).await.expect("on");
    assert_eq!(
        (
            mended.status,
            mended.last_cause.clone(),
            mended.last_error.clone()
        ),
        (AccountStatus::Pending, None, None),
        "the CA is asked anew"
    );
    assert_eq!(mended.key_version, failed.key_version);
    let keyless = mended.failed(Cause::AccountKey, "gone", start());
    let keyless = store.save_account(&keyless).await.expect("saved");
    assert_eq!(store.account(made.id).await.expect("there"), keyless);
    let mended = store.switch_account(made.id, true, start()).await.expect("on");
    assert_eq!(
        (mended.status, mended.key_version.get()),
        (AccountStatus::Pending, 2)
    );
    assert_eq!(mended.registration_uri, None, "the CA has not seen the new key");
    let unknown = store.switch_account(AccountId::new(9), true, start()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
}

/// One default a provider; it can be used and is the provider's.
pub async fn defaults(store: &dyn Store) {
    let (first, second) = (
        account(store, "a@example.com").await,
        account(store, "b@example.com").await,
    );
    let one = ProviderId::new(1);
    for id in [first.id, second.id] {
        let chosen = store.set_default_account(one, id, start()).await.expect("chosen");
        assert_eq!(store.default_accounts().await.expect("defaults"), [chosen]);
    }
    let other = store
        .set_default_account(ProviderId::new(2), first.id, start())
        .await;
    assert!(matches!(other, Err(StoreError::NotFound { .. })));
    store.switch_account(first.id, false, start()).await.expect("off");
    is_wrong(
        store.set_default_account(one, first.id, start()).await,
        "disabled",
    );
    store.delete_account(second.id, start()).await.expect("deleted");
    assert_eq!(store.default_accounts().await.expect("defaults"), []);
}

/// An account that is needed stays; a deleted one leaves its address free, its id unused and its secrets to a chore.
pub async fn deleting_accounts(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let asked = request(store, made.id).await.expect("a request");
    is_wrong(
        store.delete_account(made.id, start()).await,
        "1 unfinished or failed request",
    );
    failed(store, &asked, false).await;
    is_wrong(
        store.delete_account(made.id, start()).await,
        "1 unfinished or failed request",
    );
    let free = account(store, "b@example.com").await;
    let deleted = store.delete_account(free.id, start()).await.expect("deleted");
    assert_eq!(deleted, free);
    let gone = store.account(free.id).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    let twice = store.delete_account(free.id, start()).await;
    assert!(matches!(twice, Err(StoreError::NotFound { .. })));
    let orphan = request(store, free.id).await;
    assert!(matches!(orphan, Err(StoreError::NotFound { .. })), "{orphan:?}");
    let due = store.due_chores(start(), 10).await.expect("chores");
    let names = vec!["account-eab/x".to_owned(), format!("account-key/{}", free.id)];
    assert_eq!((due.len(), &due[0].chore), (1, &Chore::DeleteSecrets { names }));
    let again = account(store, "b@example.com").await;
    assert_eq!(again.id.get(), 3, "no id is given twice");
    let page = PageRequest::default();
    let all = store
        .accounts(&AccountFilter::default(), &page)
        .await
        .expect("a page");
    assert_eq!(all.total, 2);
}

/// A request and a deletion at once: never a request without its account.
pub async fn deleting_while_asked(store: Arc<dyn Store>) {
    for round in 0..10 {
        let made = account(&*store, &format!("a{round}@example.com")).await;
        let (asking, deleting) = (store.clone(), store.clone());
        let (asked, deleted) = futures::join!(async move { request(&*asking, made.id).await }, async move {
            deleting.delete_account(made.id, start()).await
        });
        assert_ne!(asked.is_ok(), deleted.is_ok(), "{asked:?} {deleted:?}");
        assert_eq!(store.account(made.id).await.is_ok(), asked.is_ok());
    }
}

/// A chore is one worker's; it comes back if that one dies, and is struck off once.
pub async fn chores(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    store.delete_account(made.id, start()).await.expect("deleted");
    let before = start().minus(LEASE);
    assert_eq!(store.due_chores(before, 10).await.expect("chores"), []);
    let due = store.due_chores(start(), 10).await.expect("chores").remove(0);
    let until = start().plus(LEASE);
    let taken = store
        .take_chore(&due, until)
        .await
        .expect("an answer")
        .expect("taken");
    assert_eq!(store.take_chore(&due, until).await.expect("an answer"), None);
    assert_eq!(store.due_chores(start(), 10).await.expect("chores"), []);
    assert_eq!(
        store.due_chores(until, 10).await.expect("chores"),
        vec![taken.clone()]
    );
    store.end_chore(&due).await.expect("not its own any more");
    assert_eq!(store.due_chores(until, 10).await.expect("chores").len(), 1);
    store.end_chore(&taken).await.expect("struck off");
    store.end_chore(&taken).await.expect("and again");
    assert_eq!(store.due_chores(until, 10).await.expect("chores"), []);
}

fn ordered(stage: OrderStage) -> Phase {
    let url = "https://ca.test/order/1".into();
    Phase::Ordered(Order { url, stage })
}

/// A cancelled request has failed, owes what it owed, and is out of its worker's hands.
pub async fn cancelling(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let asked = request(store, made.id).await.expect("a request");
    let claimed = store
        .claim_request(asked.id, &Claim::new("w", start(), LEASE, Duration::ZERO))
        .await;
    let mut held = claimed.expect("an answer").expect("claimed");
    held.status = RequestStatus::Running;
    held.issuance.phase = ordered(OrderStage::Published {
        challenges: vec![],
        changes: vec![],
    });
    held.issuance.cleanup_owed = true;
    held.issuance.attempts = 1;
    held.updated_at = start();
    store.save_request(&held, start()).await.expect("saved");
    let ended = store.cancel_request(asked.id, start()).await.expect("cancelled");
    assert_eq!(
        (ended.status, ended.issuance.attempts),
        (RequestStatus::Failed, 1)
    );
    let said = "Failed to request certificate: cancelled by a client";
    assert_eq!(ended.last_error.as_deref(), Some(said));
    assert_eq!(store.request(asked.id).await.expect("there"), ended);
    let late = store.save_request(&held, start()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");
    is_wrong(store.cancel_request(asked.id, start()).await, "failed");
    is_wrong(store.delete_request(asked.id, start()).await, "TXT values");
    let counts = store.request_counts().await.expect("counts").map(|(_, n)| n);
    assert_eq!(counts, [0, 0, 0, 1]);
    assert_eq!(
        store.due_requests(start(), 9).await.expect("due").free,
        [asked.id],
        "its values are to go"
    );

    let mut sent = request(store, made.id).await.expect("a request");
    sent.issuance.phase = ordered(OrderStage::KeyStored { key_ref: "k".into() });
    sent.status = RequestStatus::Running;
    store.save_request(&sent, start()).await.expect("saved");
    is_wrong(store.cancel_request(sent.id, start()).await, "key_stored");
    let unknown = store.cancel_request(RequestId::new(9), start()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
}

/// Only a failed request without values in a zone goes; lists and counts go with it.
pub async fn deleting_requests(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let mut asked = vec![];
    for _ in 0..3 {
        asked.push(request(store, made.id).await.expect("a request"));
    }
    is_wrong(store.delete_request(asked[0].id, start()).await, "pending");
    failed(store, &asked[1], true).await;
    is_wrong(store.delete_request(asked[1].id, start()).await, "TXT values");
    failed(store, &asked[2], false).await;
    let value = TxtRecord {
        fqdn: Fqdn::new("_acme-challenge.example.com"),
        value: "v".into(),
        zone_id: "Z".into(),
        zone: Fqdn::new("example.com"),
        owner_id: asked[2].id,
        fence: 1,
        unsettled: false,
        desired_state: DesiredState::Absent,
        status: TxtStatus::Active,
        expires_at: start(),
        created_at: start(),
        updated_at: start(),
    };
    store
        .put_txt(std::slice::from_ref(&value))
        .await
        .expect("written");
    is_wrong(store.delete_request(asked[2].id, start()).await, "TXT values");
    store
        .confirm_txt(&[(value, TxtStatus::Removed)], start())
        .await
        .expect("written");
    store.delete_request(asked[2].id, start()).await.expect("deleted");
    let gone = store.delete_request(asked[2].id, start()).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    let counts = store.request_counts().await.expect("counts").map(|(_, n)| n);
    assert_eq!(counts, [1, 0, 0, 1]);
    let often = RequestFilter {
        min_attempts: Some(1),
        ..RequestFilter::default()
    };
    for (filter, rows) in [(RequestFilter::default(), vec![2, 1]), (often, vec![2])] {
        let page = store
            .requests(&filter, &PageRequest::default())
            .await
            .expect("a page");
        let ids: Vec<u64> = page.list.iter().map(|r| r.id.get()).collect();
        assert_eq!((page.total as usize, &ids), (rows.len(), &rows));
    }
    let next = request(store, made.id).await.expect("a request");
    assert_eq!(next.id.get(), 4, "no id is given twice");
}

/// Another address: free at the provider, the old one free then, and the CA to be told.
pub async fn contacts(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let other = account(store, "b@example.com").await;
    let email = |text: &str| text.parse().expect("an address");
    let taken = store
        .change_contact(made.id, &email("b@example.com"), start())
        .await;
    assert!(matches!(taken, Err(StoreError::Exists { .. })), "{taken:?}");
    let moved = store
        .change_contact(made.id, &email("c@example.com"), start())
        .await
        .expect("moved");
    assert_eq!(
        (moved.email.clone(), moved.version),
        (Some(email("c@example.com")), made.version + 1)
    );
    assert_eq!(store.account(made.id).await.expect("there"), moved);
    let due = store.due_chores(start(), 9).await.expect("chores");
    assert_eq!(
        (due.len(), &due[0].chore),
        (1, &Chore::UpdateContact { id: made.id })
    );
    store
        .change_contact(other.id, &email("a@example.com"), start())
        .await
        .expect("it is free");
    store
        .change_contact(made.id, &email("c@example.com"), start())
        .await
        .expect("the same again");
    store.switch_account(made.id, false, start()).await.expect("off");
    is_wrong(
        store
            .change_contact(made.id, &email("d@example.com"), start())
            .await,
        "disabled",
    );
}
