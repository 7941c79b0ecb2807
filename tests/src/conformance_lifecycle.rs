//! What every store must do for operators. Each function takes a fresh store.

use std::{sync::Arc, time::Duration};

use certmint_shared::{
    domain::{
        Account, AccountId, AccountStatus, Chore, NameSet, NewAccount, NewRequest, PageRequest, ProviderId,
        Request, RequestStatus,
    },
    engine::Phase,
    store::{AccountFilter, Store, StoreError},
};

use crate::conformance_store::start;

const LEASE: Duration = Duration::from_secs(60);

/// A new account with this address, with an EAB key.
pub(crate) async fn account(store: &dyn Store, email: &str) -> Account {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: email.parse().expect("an address"),
        eab_kid: Some("kid".into()),
        eab_key_ref: Some("account-eab/x".into()),
    };
    let made = store.create_account(new, None, start()).await;
    made.expect("an account")
}

/// A new request of an account.
pub(crate) async fn request(store: &dyn Store, account_id: AccountId) -> Result<Request, StoreError> {
    let names = NameSet::parse(&["example.com"]).expect("names");
    let new = NewRequest { account_id, names };
    store.create_request(new, 10, None, start()).await
}

/// A request as a worker leaves it that could not do it.
pub(crate) async fn failed(store: &dyn Store, made: &Request, owed: bool) -> Request {
    let claimed = store
        .claim_request(made.id, "w", start(), LEASE, Duration::ZERO)
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

fn is_wrong<T: std::fmt::Debug>(answer: Result<T, StoreError>, word: &str) {
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
    assert_eq!((mended.status, mended.last_error), (AccountStatus::Active, None));
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
