//! What every store must do with certificates that were recorded. Each function takes a fresh store.

use std::time::Duration;

use certmint_core::{
    certificate::{
        Binding, Certificate, CertificateSource, CertificateStatus, Lifecycle, RESTORABLE, RevocationReason,
        RevokedBy,
    },
    chore::Chore,
    words::{AccountId, CertificateId, PageRequest, Timestamp},
};
use certmint_shared::store::{BindingFilter, CertificateFilter, StoreError};

use crate::{
    conformance_lifecycle::{account, is_wrong},
    conformance_store::start,
    store::Store,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Records one for these names; it ends after a day.
async fn record(
    store: &dyn Store,
    account: Option<AccountId>,
    fingerprint: &str,
    names: &[&str],
) -> Certificate {
    let certificate = Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: names.iter().map(|n| n.parse().expect("a name")).collect(),
        not_before: start(),
        expires_at: start().plus(DAY),
        cert_pem: "pem".into(),
        chain_pem: "pem".into(),
        key_ref: format!("certificate-key/{fingerprint}"),
        source: match account {
            Some(_) => CertificateSource::Acme,
            None => CertificateSource::Upload,
        },
        account_id: account,
        provider: "letsencrypt".into(),
        request_id: None,
        profile: None,
        version: 1,
        created_at: start(),
        updated_at: start(),
        lifecycle: Lifecycle::default(),
    };
    store
        .record_certificate(certificate, None)
        .await
        .expect("recorded")
}

async fn ids(store: &dyn Store, filter: &CertificateFilter) -> Vec<u64> {
    let page = store
        .certificates(filter, &PageRequest::default())
        .await
        .expect("a page");
    let ids: Vec<u64> = page.list.iter().map(|c| c.id.get()).collect();
    assert_eq!(page.total, ids.len() as u64, "{filter:?}");
    ids
}

fn with_status(status: CertificateStatus) -> CertificateFilter {
    CertificateFilter {
        status: Some(status),
        ..CertificateFilter::default()
    }
}

fn named(name: &str) -> CertificateFilter {
    CertificateFilter {
        name: Some(name.parse().expect("a name")),
        ..CertificateFilter::default()
    }
}

async fn do_due(store: &dyn Store, now: Timestamp) -> Vec<Chore> {
    let mut done = vec![];
    for chore in store.due_chores(now, 100).await.expect("chores") {
        match &chore.chore {
            Chore::ExpireCertificate { id } => {
                store.expire_certificate(*id, now).await.expect("moved");
            }
            Chore::RemoveCertificate { id } => store.remove_certificate(*id, now).await.expect("removed"),
            _ => {}
        }
        store.end_chore(&chore).await.expect("struck off");
        done.push(chore.chore);
    }
    done
}

/// Each filter has its rows and its total; pages follow each other by number and by cursor.
pub async fn filters(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    for n in 1..=12 {
        let names: &[&str] = if n % 3 == 0 {
            &["*.example.com"]
        } else {
            &["example.com"]
        };
        let account = (n % 4 != 0).then_some(made.id);
        record(store, account, &format!("{n:02}"), names).await;
    }
    let all: Vec<u64> = (1..=12).rev().collect();
    assert_eq!(ids(store, &CertificateFilter::default()).await, all);
    let uploaded = CertificateFilter {
        source: Some(CertificateSource::Upload),
        ..CertificateFilter::default()
    };
    assert_eq!(ids(store, &uploaded).await, [12, 8, 4]);
    let both = CertificateFilter {
        wildcard: Some(true),
        ..uploaded
    };
    assert_eq!(ids(store, &both).await, [12]);
    assert_eq!(ids(store, &with_status(CertificateStatus::Revoked)).await, [0; 0]);
    let page = |page, cursor| PageRequest {
        page,
        page_size: 5,
        cursor,
    };
    let filter = CertificateFilter::default();
    let first = store.certificates(&filter, &page(1, None)).await.expect("a page");
    let second = store
        .certificates(&filter, &page(1, first.next_cursor))
        .await
        .expect("a page");
    let same = store.certificates(&filter, &page(2, None)).await.expect("a page");
    let shown = |list: &[Certificate]| list.iter().map(|c| c.id.get()).collect::<Vec<_>>();
    assert_eq!(shown(&second.list), [7, 6, 5, 4, 3]);
    assert_eq!(same.list, second.list);
    let third = store.certificates(&filter, &page(3, None)).await.expect("a page");
    assert_eq!((shown(&third.list), third.total), (vec![2, 1], 12));
}

/// By a name: that name and what is below it, not what only looks like it.
pub async fn names(store: &dyn Store) {
    record(store, None, "01", &["example.com", "www.example.com"]).await;
    record(store, None, "02", &["*.example.com"]).await;
    record(store, None, "03", &["a.b.example.com"]).await;
    record(store, None, "04", &["notexample.com"]).await;
    record(store, None, "05", &["b-a.example.com"]).await;
    let many: Vec<String> = (0..100).map(|n| format!("h{n}.example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    record(store, None, "06", &many).await;
    assert_eq!(ids(store, &named("example.com")).await, [5, 3, 2, 1]);
    assert_eq!(ids(store, &named("www.example.com")).await, [1]);
    assert_eq!(ids(store, &named("b.example.com")).await, [3]);
    assert_eq!(ids(store, &named("*.example.com")).await, [2]);
    assert_eq!(ids(store, &named("h99.example.org")).await, [6]);
    assert_eq!(ids(store, &named("h1.example.com")).await, [0; 0]);
    store
        .delete_certificate(CertificateId::new(3), start())
        .await
        .expect("deleted");
    assert_eq!(ids(store, &named("example.com")).await, [5, 2, 1]);
    let deleted = CertificateFilter {
        status: Some(CertificateStatus::Deleted),
        ..named("example.com")
    };
    assert_eq!(ids(store, &deleted).await, [3]);
    let second = PageRequest {
        page: 2,
        page_size: 2,
        cursor: None,
    };
    let page = store
        .certificates(&named("example.com"), &second)
        .await
        .expect("a page");
    assert_eq!((page.total, page.list.len(), page.list[0].id.get()), (3, 1, 1));
}

/// Deleted, restored, deleted, removed for good: lists, counts and the account follow.
pub async fn deleting(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let first = record(store, Some(made.id), "01", &["example.com"]).await;
    let is_deleted = with_status(CertificateStatus::Deleted);
    is_wrong(store.delete_account(made.id, start()).await, "1 certificates");
    let gone = store
        .delete_certificate(first.id, start())
        .await
        .expect("deleted");
    assert_eq!(gone.status(start()), CertificateStatus::Deleted);
    assert_eq!(
        store.delete_certificate(first.id, start()).await.expect("twice"),
        gone
    );
    assert_eq!(store.certificate(first.id).await.expect("there"), gone);
    assert_eq!(ids(store, &CertificateFilter::default()).await, [0; 0]);
    assert_eq!(ids(store, &is_deleted).await, [1]);
    let back = store
        .restore_certificate(first.id, start())
        .await
        .expect("restored");
    assert_eq!(back.lifecycle, Lifecycle::default());
    store.restore_certificate(first.id, start()).await.expect("twice");
    assert_eq!(ids(store, &CertificateFilter::default()).await, [1]);
    is_wrong(store.delete_account(made.id, start()).await, "1 certificates");
    let later = start().plus(RESTORABLE);
    do_due(store, later).await;
    assert!(
        store.certificate(first.id).await.is_ok(),
        "the first deletion was taken back"
    );
    assert_eq!(ids(store, &with_status(CertificateStatus::Expired)).await, [1]);

    store.delete_certificate(first.id, later).await.expect("deleted");
    store
        .remove_certificate(first.id, later)
        .await
        .expect("too early");
    assert!(store.certificate(first.id).await.is_ok());
    let end = later.plus(RESTORABLE);
    assert_eq!(
        do_due(store, end).await,
        [Chore::RemoveCertificate { id: first.id }]
    );
    assert!(matches!(
        store.certificate(first.id).await,
        Err(StoreError::NotFound { .. })
    ));
    store.remove_certificate(first.id, end).await.expect("twice");
    let end_of_key = Chore::DeleteKeys {
        keys: vec!["certificate-key/01".to_owned()],
        names: first.names,
    };
    assert_eq!(do_due(store, end).await, [end_of_key]);
    assert_eq!(ids(store, &is_deleted).await, [0; 0]);
    assert_eq!(ids(store, &named("example.com")).await, [0; 0]);
    let again = record(store, None, "01", &["example.com"]).await;
    assert_eq!(again.id.get(), 2, "the fingerprint is free, the id is new");
    store
        .delete_account(made.id, end)
        .await
        .expect("nothing needs it");
}

/// Asked for, refused, asked for anew, done; what is not from an account cannot be.
pub async fn revoking(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let first = record(store, Some(made.id), "01", &["example.com"]).await;
    let uploaded = record(store, None, "02", &["example.com"]).await;
    let reason = RevocationReason::KeyCompromise;
    is_wrong(
        store
            .revoke_certificate(uploaded.id, reason, RevokedBy::Account, start())
            .await,
        "ACME",
    );
    for _ in 0..2 {
        let asked = store
            .revoke_certificate(first.id, reason, RevokedBy::Account, start())
            .await
            .expect("asked");
        assert_eq!(asked.status(start()), CertificateStatus::Issued);
    }
    assert_eq!(
        do_due(store, start()).await,
        [Chore::RevokeCertificate { id: first.id }]
    );
    let refused = store
        .settle_revocation(first.id, 1, Some("no"), start())
        .await
        .expect("written");
    let revocation = refused.lifecycle.revocation.expect("asked for");
    assert_eq!(
        (revocation.revoked_at, revocation.error.as_deref()),
        (None, Some("no"))
    );
    store
        .revoke_certificate(first.id, reason, RevokedBy::Account, start())
        .await
        .expect("anew");
    assert_eq!(do_due(store, start()).await.len(), 1);
    let done = store
        .settle_revocation(first.id, 1, None, start())
        .await
        .expect("written");
    assert_eq!(done.status(start()), CertificateStatus::Revoked);
    let late = store
        .settle_revocation(first.id, 1, Some("late"), start())
        .await
        .expect("nothing");
    assert_eq!(late, done);
    assert_eq!(
        store
            .revoke_certificate(first.id, reason, RevokedBy::Account, start())
            .await
            .expect("already"),
        done
    );
    assert_eq!(ids(store, &with_status(CertificateStatus::Revoked)).await, [1]);
    assert_eq!(ids(store, &with_status(CertificateStatus::Issued)).await, [2]);
    assert_eq!(ids(store, &CertificateFilter::default()).await, [2, 1]);
    store
        .delete_certificate(uploaded.id, start())
        .await
        .expect("deleted");
    is_wrong(
        store
            .revoke_certificate(uploaded.id, reason, RevokedBy::Account, start())
            .await,
        "deleted",
    );
    do_due(store, start().plus(DAY)).await;
    assert_eq!(
        ids(store, &with_status(CertificateStatus::Revoked)).await,
        [1],
        "its end changes nothing"
    );
}

/// A website has one active binding; a certificate that it uses is not deleted.
pub async fn bindings(store: &dyn Store) {
    for fingerprint in ["01", "02"] {
        record(store, None, fingerprint, &["example.com"]).await;
    }
    let (one, two) = (CertificateId::new(1), CertificateId::new(2));
    let bind = |certificate_id, website_id, active| async move {
        let binding = Binding {
            certificate_id,
            website_id,
            active,
        };
        store.put_binding(&binding, start()).await
    };
    let rows = |certificate_id, active| async move {
        let filter = BindingFilter {
            certificate_id,
            active,
        };
        let page = store
            .bindings(&filter, &PageRequest::default())
            .await
            .expect("a page");
        let rows = page.list.iter().map(|b| (b.certificate_id.get(), b.website_id));
        rows.collect::<Vec<_>>()
    };
    let missing = bind(one, 7, false).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    assert!(bind(CertificateId::new(9), 7, true).await.is_err());
    for _ in 0..2 {
        bind(one, 7, true).await.expect("bound");
    }
    bind(one, 8, true).await.expect("bound");
    is_wrong(store.delete_certificate(one, start()).await, "used by 2 websites");
    bind(two, 7, true).await.expect("bound to another");
    assert_eq!(rows(None, Some(true)).await, [(1, 8), (2, 7)]);
    assert_eq!(rows(Some(one), Some(false)).await, [(1, 7)]);
    is_wrong(store.delete_certificate(one, start()).await, "used by 1 websites");
    for _ in 0..2 {
        bind(one, 8, false).await.expect("unbound");
    }
    bind(one, 7, false).await.expect("it is so already");
    assert_eq!(rows(None, Some(true)).await, [(2, 7)]);
    store
        .delete_certificate(one, start())
        .await
        .expect("nobody uses it");
    is_wrong(bind(one, 7, true).await, "deleted");
    bind(two, 7, false).await.expect("unbound");
    store
        .delete_certificate(two, start())
        .await
        .expect("nobody uses it");
}
