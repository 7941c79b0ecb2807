//! What every store must do. Each function takes a fresh store.

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::NewAccount,
    certificate::{Certificate, CertificateSource, Lifecycle},
    issuance::{NewRequest, Phase, Request, RequestStatus},
    words::{AccountId, CertificateId, NameSet, PageRequest, ProviderId, RequestId, Timestamp},
};
use certmint_shared::store::{
    AccountFilter, BindingFilter, CertificateFilter, Claim, ContactFilter, Idempotency, RequestFilter,
    StoreError,
};
use futures::future::join_all;

use crate::store::Store;

const SKEW: Duration = Duration::from_secs(600);
const LEASE: Duration = Duration::from_secs(60);

/// The moment the tests start at.
#[must_use]
pub fn start() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn new_account(email: &str) -> NewAccount {
    NewAccount {
        provider_id: ProviderId::new(1),
        email: Some(email.parse().expect("an address")),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    }
}

async fn request(store: &dyn Store, account: AccountId) -> Request {
    let names = NameSet::parse(&["example.com"]).expect("names");
    store
        .create_request(NewRequest::new(account, names), 10, None, start())
        .await
        .expect("a request")
}

async fn account(store: &dyn Store) -> AccountId {
    store
        .create_account(new_account("ops@example.com"), None, start())
        .await
        .expect("an account")
        .id
}

/// Ids run from 1, an address is unique at a provider, a key makes a repeat safe, a stale write is refused.
pub async fn accounts(store: &dyn Store) {
    let key = |body: &str| {
        Some(Idempotency {
            key: "k1".into(),
            body_hash: body.into(),
        })
    };
    let first = store
        .create_account(new_account("a@example.com"), key("h1"), start())
        .await
        .expect("created");
    let again = store
        .create_account(new_account("a@example.com"), key("h1"), start())
        .await
        .expect("replayed");
    assert_eq!((first.id.get(), &again), (1, &first));
    let other_body = store
        .create_account(new_account("b@example.com"), key("h2"), start())
        .await;
    assert!(matches!(other_body, Err(StoreError::KeyReused)));
    let twice = store
        .create_account(new_account("a@example.com"), None, start())
        .await;
    assert!(matches!(twice, Err(StoreError::Exists { .. })));
    let second = store
        .create_account(new_account("b@example.com"), None, start())
        .await
        .expect("created");
    assert_eq!(second.id.get(), 2, "a refused call takes no id");
    let other_case = store
        .create_account(new_account("A@example.com"), None, start())
        .await;
    assert!(matches!(other_case, Err(StoreError::Exists { .. })));
    let saved = store.save_account(&first).await.expect("saved");
    assert_eq!(saved.version, first.version + 1);
    assert!(matches!(
        store.save_account(&first).await,
        Err(StoreError::Conflict { .. })
    ));
    let page = store
        .accounts(&AccountFilter::default(), &PageRequest::default())
        .await
        .expect("a page");
    assert_eq!((page.total, page.list.len()), (2, 2));
    contactless(store).await;
    assert!(matches!(
        store.account(AccountId::new(9)).await,
        Err(StoreError::NotFound { .. })
    ));
}

/// A provider has one account without an address.
async fn contactless(store: &dyn Store) {
    let without = || NewAccount {
        email: None,
        ..new_account("a@example.com")
    };
    let made = store.create_account(without(), None, start()).await;
    let made = made.expect("created");
    let read = store.account(made.id).await.expect("there");
    assert_eq!((read.email.as_ref(), &read), (None, &made));
    let twice = store.create_account(without(), None, start()).await;
    assert!(matches!(twice, Err(StoreError::Exists { .. })), "{twice:?}");
    let of = |contact| AccountFilter {
        contact: Some(contact),
        ..AccountFilter::default()
    };
    let any_case = ContactFilter::Email("A@EXAMPLE.com".parse().expect("an address"));
    for (contact, wanted) in [(ContactFilter::Without, made.id), (any_case, AccountId::new(1))] {
        let found = store.accounts(&of(contact), &PageRequest::default()).await;
        let ids: Vec<_> = found.expect("a page").list.iter().map(|a| a.id).collect();
        assert_eq!(ids, [wanted]);
    }
}

/// One of many workers gets a request; an older fence writes nothing; a lease ends after the skew.
pub async fn leases(store: Arc<dyn Store>) {
    let id = request(&*store, account(&*store).await).await.id;
    let claims = (0..8).map(|n| {
        let store = store.clone();
        async move {
            store
                .claim_request(id, &Claim::new(&format!("w{n}"), start(), LEASE, SKEW))
                .await
                .expect("an answer")
        }
    });
    let won: Vec<Request> = join_all(claims).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "one worker gets it");
    let held = won[0].clone();
    let early = start().plus(LEASE + SKEW);
    assert!(
        store
            .claim_request(id, &Claim::new("late", early, LEASE, SKEW))
            .await
            .expect("an answer")
            .is_none()
    );
    let over = early.plus(Duration::from_millis(1));
    let taken = store
        .claim_request(id, &Claim::new("late", over, LEASE, SKEW))
        .await
        .expect("an answer")
        .expect("taken");
    assert_eq!(taken.lease.fence, held.lease.fence + 1);
    let stale = store.save_request(&held, over).await;
    assert!(
        matches!(stale, Err(StoreError::LeaseLost(x)) if x == id),
        "{stale:?}"
    );
    let mut done = taken;
    done.status = RequestStatus::Running;
    done.updated_at = over;
    store.save_request(&done, over).await.expect("the holder writes");
    store.save_request(&done, over).await.expect("and may repeat it");
}

/// Lists, totals, pages and counts follow each change of status.
pub async fn lists(store: &dyn Store) {
    let account = account(store).await;
    for _ in 0..25 {
        request(store, account).await;
    }
    let now = start().plus(Duration::from_secs(1));
    for id in [3, 9, 25].map(RequestId::new) {
        let mut failed = store
            .claim_request(id, &Claim::new("w", now, LEASE, SKEW))
            .await
            .expect("an answer")
            .expect("claimed");
        failed.status = RequestStatus::Failed;
        failed.issuance.phase = Phase::Failed;
        failed.issuance.attempts = 6;
        failed.last_error = Some("Failed to request certificate: no".into());
        failed.wake_at = None;
        failed.updated_at = now;
        store.save_request(&failed, now).await.expect("saved");
    }
    let ids = |list: &[Request]| list.iter().map(|r| r.id.get()).collect::<Vec<_>>();
    let filter = |status| RequestFilter {
        status,
        ..RequestFilter::default()
    };
    let page = |page, page_size| PageRequest {
        page,
        page_size,
        cursor: None,
    };

    let failed = store
        .requests(&filter(Some(RequestStatus::Failed)), &page(1, 2))
        .await
        .expect("a page");
    assert_eq!((failed.total, ids(&failed.list)), (3, vec![25, 9]));
    let rest = PageRequest {
        cursor: failed.next_cursor,
        ..page(1, 2)
    };
    let rest = store
        .requests(&filter(Some(RequestStatus::Failed)), &rest)
        .await
        .expect("a page");
    assert_eq!(ids(&rest.list), vec![3]);
    let third = store.requests(&filter(None), &page(3, 10)).await.expect("a page");
    assert_eq!((third.total, ids(&third.list)), (25, vec![5, 4, 3, 2, 1]));
    let beyond = store.requests(&filter(None), &page(9, 10)).await.expect("a page");
    assert_eq!((beyond.total, beyond.list.len()), (25, 0));
    let pending = store
        .requests(&filter(Some(RequestStatus::Pending)), &page(2, 10))
        .await
        .expect("a page");
    assert_eq!(
        (pending.total, ids(&pending.list)),
        (22, vec![14, 13, 12, 11, 10, 8, 7, 6, 5, 4])
    );
    let of_account = RequestFilter {
        account_id: Some(account),
        ..RequestFilter::default()
    };
    let mine = store.requests(&of_account, &page(2, 20)).await.expect("a page");
    assert_eq!((mine.total, ids(&mine.list)), (25, vec![5, 4, 3, 2, 1]));
    let often = RequestFilter {
        min_attempts: Some(5),
        ..RequestFilter::default()
    };
    assert_eq!(
        ids(&store.requests(&often, &page(1, 20)).await.expect("a page").list),
        vec![25, 9, 3]
    );
    let bad = PageRequest {
        cursor: Some("nonsense".into()),
        ..page(1, 2)
    };
    assert!(matches!(
        store.requests(&filter(None), &bad).await,
        Err(StoreError::BadCursor)
    ));

    let again = store
        .retry_request(RequestId::new(9), now)
        .await
        .expect("retried");
    assert_eq!(
        (again.status, again.issuance.attempts, again.last_error),
        (RequestStatus::Pending, 0, None)
    );
    assert!(matches!(
        store.retry_request(RequestId::new(9), now).await,
        Err(StoreError::WrongState { .. })
    ));
    let counts = store.request_counts().await.expect("counts").map(|(_, n)| n);
    assert_eq!(counts, [23, 0, 0, 2]);
    assert_eq!(
        ids(&store.requests(&often, &page(1, 20)).await.expect("a page").list),
        vec![25, 3]
    );
    let due = store.due_requests(now, 100).await.expect("due").free;
    assert_eq!(due.len(), 23, "what failed is not due");
}

/// The same certificate twice is one; a lost lease records nothing.
pub async fn certificates(store: &dyn Store) {
    let request = request(store, account(store).await).await;
    let certificate = |fingerprint: &str, name: &str| Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec![name.parse().expect("a name")],
        not_before: start(),
        expires_at: start().plus(LEASE),
        cert_pem: "pem".into(),
        chain_pem: "pem".into(),
        key_ref: "certificate-key/1-1".into(),
        source: CertificateSource::Acme,
        account_id: Some(request.account_id),
        provider: "letsencrypt".into(),
        request_id: Some(request.id),
        profile: None,
        version: 1,
        created_at: start(),
        updated_at: start(),
        lifecycle: Lifecycle::default(),
    };
    let fence = Some(&request);
    let first = store
        .record_certificate(certificate("aa", "example.com"), fence)
        .await
        .expect("recorded");
    let again = store
        .record_certificate(certificate("aa", "example.com"), fence)
        .await
        .expect("known");
    assert_eq!((first.id.get(), &again), (1, &first));
    let mut stale = request.clone();
    stale.lease.fence += 1;
    let refused = store
        .record_certificate(certificate("bb", "example.com"), Some(&stale))
        .await;
    assert!(matches!(refused, Err(StoreError::LeaseLost(_))));
    store
        .record_certificate(certificate("cc", "*.example.com"), fence)
        .await
        .expect("recorded");
    let wild = CertificateFilter {
        wildcard: Some(true),
        ..CertificateFilter::default()
    };
    let page = store
        .certificates(&wild, &PageRequest::default())
        .await
        .expect("a page");
    assert_eq!((page.total, page.list[0].fingerprint.as_str()), (1, "cc"));
    let all = store
        .certificates(&CertificateFilter::default(), &PageRequest::default())
        .await
        .expect("a page");
    assert_eq!((all.total, all.list.len()), (2, 2));
}

/// By number a page leads so far, by cursor any way; one more row than a page has is another page.
pub async fn depth(store: &dyn Store) {
    let account = account(store).await;
    for _ in 0..3 {
        request(store, account).await;
    }
    let page = |page, page_size| PageRequest {
        page,
        page_size,
        cursor: None,
    };
    let too_deep = |error: Option<StoreError>| matches!(error, Some(StoreError::TooDeep { .. }));
    for (deep, refused) in [
        (page(101, 100), false),
        (page(102, 100), true),
        (page(u32::MAX, 100), true),
    ] {
        let often = RequestFilter {
            min_attempts: Some(1),
            ..RequestFilter::default()
        };
        let found = store.requests(&RequestFilter::default(), &deep).await;
        assert_eq!(too_deep(found.err()), refused, "{deep:?}");
        assert_eq!(too_deep(store.requests(&often, &deep).await.err()), refused);
        let accounts = store.accounts(&AccountFilter::default(), &deep).await;
        assert_eq!(too_deep(accounts.err()), refused);
        let certificates = store.certificates(&CertificateFilter::default(), &deep).await;
        assert_eq!(too_deep(certificates.err()), refused);
        let bindings = store.bindings(&BindingFilter::default(), &deep).await;
        assert_eq!(too_deep(bindings.err()), refused);
        assert_eq!(too_deep(store.txt_records(None, &deep).await.err()), refused);
    }
    let (mut asked, mut shown) = (page(1, 1), Vec::new());
    while shown.len() < 4 {
        let found = store
            .requests(&RequestFilter::default(), &asked)
            .await
            .expect("a page");
        assert_eq!(found.total, 3);
        shown.extend(found.list.iter().map(|r| r.id.get()));
        match found.next_cursor {
            Some(_) => asked.cursor = found.next_cursor,
            None => break,
        }
    }
    assert_eq!(shown, [3, 2, 1]);
}
