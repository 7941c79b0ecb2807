//! One item that cannot be read fails no list and no batch, of whatever kind it is.

use std::collections::BTreeSet;

use certmint_core::{
    certificate::{CertificateStatus, RevocationReason},
    chore::Chore,
    issuance::RequestStatus,
    provider::{Limit, Limits, Provider, of_name},
    words::{CertificateId, RequestId},
};
use certmint_shared::store::{
    AccountFilter, AccountLifecycle, AccountStore, BindingFilter, CertificateFilter, CertificateLifecycle,
    CertificateRelations, CertificateStore, ChallengeStore, ChoreStore, EndingFilter, FallbackPolicy,
    ProviderHealth, ProviderTrouble, RateLedger, RenewalStore, RequestFilter, RequestStore, Reserved,
    TxtLedger,
};

use super::*;

#[tokio::test]
async fn accounts_defaults_and_fallback() {
    let world = Emulated::new().await;
    let store = &world.store;
    let (one, two) = (
        account(&world, 1, "a@example.com").await,
        account(&world, 2, "b@example.com").await,
    );
    for (provider, id) in [(1, one), (2, two)] {
        let chosen = store.set_default_account(ProviderId::new(provider), id, start());
        chosen.await.unwrap();
    }
    store.set_fallback(&[one], start()).await.unwrap();
    world.spoil(("ACCOUNT#1", "META"), "version", s("one")).await;
    world
        .spoil(("DEFAULT", "000000000001"), "account_id", s("one"))
        .await;
    world.spoil(("FALLBACK", "META"), "accounts", s("[none]")).await;

    for filter in [
        AccountFilter::default(),
        AccountFilter {
            status: Some(certmint_core::account::AccountStatus::Pending),
            ..AccountFilter::default()
        },
    ] {
        let found = store.accounts(&filter, &page(1, 20)).await.unwrap();
        assert_eq!(found.list.iter().map(|a| a.id).collect::<Vec<_>>(), [two]);
        assert_eq!(found.total, 2, "a total may be off by it");
    }
    let first = store
        .accounts(&AccountFilter::default(), &page(1, 1))
        .await
        .unwrap();
    assert_eq!(
        (first.list.len(), first.next_cursor.as_deref()),
        (0, Some("1")),
        "the list goes on after it"
    );
    let defaults = store.default_accounts().await.unwrap();
    assert_eq!(defaults.iter().map(|d| d.account_id).collect::<Vec<_>>(), [two]);
    assert_eq!(store.fallback().await.unwrap().accounts, []);
    assert!(store.account(one).await.is_err(), "its own page says so");
    let unsure = store.delete_account(two, start()).await;
    assert!(
        matches!(&unsure, Err(StoreError::WrongState { needed, .. }) if needed.contains("/acme/accounts/fallback")),
        "it cannot be told whether it is in the list: {unsure:?}"
    );
}

#[tokio::test]
async fn requests() {
    let world = Emulated::new().await;
    let store = &world.store;
    let of = account(&world, 1, "a@example.com").await;
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        request(&world, of, name).await;
    }
    world.spoil(("REQUEST#2", "META"), "issuance", s("{}")).await;
    let ids = |list: &[Request]| list.iter().map(|r| r.id.get()).collect::<Vec<_>>();
    let status = Some(RequestStatus::Pending);
    for filter in [
        RequestFilter::default(),
        RequestFilter {
            status,
            ..RequestFilter::default()
        },
        RequestFilter {
            account_id: Some(of),
            ..RequestFilter::default()
        },
        RequestFilter {
            account_id: Some(of),
            status,
            ..RequestFilter::default()
        },
    ] {
        let found = store.requests(&filter, &page(1, 20)).await.unwrap();
        assert_eq!((ids(&found.list), found.total), (vec![3, 1], 3), "{filter:?}");
        let first = store.requests(&filter, &page(1, 2)).await.unwrap();
        let rest = store
            .requests(&filter, &after(&first.next_cursor.unwrap(), 2))
            .await
            .unwrap();
        assert_eq!((ids(&first.list), ids(&rest.list)), (vec![3], vec![1]));
    }
    let by_id = [1, 2, 3].map(RequestId::new);
    assert_eq!(ids(&store.requests_that_renew(&by_id).await.unwrap()), [1, 3]);
    assert_eq!(
        store.due_requests(later(1), 10).await.unwrap().free.len(),
        3,
        "a worker sets it aside"
    );
    world.spoil(("REQUEST#2", "META"), "attempts", n(7)).await;
    world.spoil(("REQUEST#3", "META"), "attempts", n(7)).await;
    let often = RequestFilter {
        min_attempts: Some(5),
        ..RequestFilter::default()
    };
    assert_eq!(
        ids(&store.requests(&often, &page(1, 20)).await.unwrap().list),
        [3]
    );
    world
        .spoil(("COUNT#REQUEST#ALL", "T#1"), "pending", s("many"))
        .await;
    assert_eq!(
        store
            .requests(&RequestFilter::default(), &page(1, 20))
            .await
            .unwrap()
            .total,
        2
    );
    store.request_counts().await.unwrap();
}

#[tokio::test]
async fn certificates_renewals_and_bindings() {
    let world = Emulated::new().await;
    let store = &world.store;
    let of = account(&world, 1, "a@example.com").await;
    for n in 1..=3 {
        let made = Certificate {
            account_id: Some(of),
            ..certificate(&format!("0{n}"), "www.example.com")
        };
        let made = store.record_certificate(made, None).await.unwrap();
        bind(&world, made.id, n, true).await;
    }
    let mut all = Vec::new();
    for id in 1..=3 {
        all.push(store.certificate(CertificateId::new(id)).await.unwrap());
    }
    world.spoil(("CERTIFICATE#2", "META"), "names", s("{}")).await;
    world
        .spoil(("CERTIFICATE#2", "RENEWAL"), "renewal_mode", s("odd"))
        .await;
    world
        .spoil(
            ("CERTIFICATE#2", "BINDING#00000000000000000002"),
            "list_sk",
            s("odd"),
        )
        .await;
    world
        .spoil(("WEBSITE#2", "BINDING"), "certificate_id", s("odd"))
        .await;

    let ids = |list: &[Certificate]| list.iter().map(|c| c.id.get()).collect::<Vec<_>>();
    let named = CertificateFilter {
        name: Some("example.com".parse().unwrap()),
        ..CertificateFilter::default()
    };
    for filter in [CertificateFilter::default(), named] {
        let found = store.certificates(&filter, &page(1, 20)).await.unwrap();
        assert_eq!(ids(&found.list), [3, 1], "{filter:?}");
    }
    let soon = |status| EndingFilter {
        until: later(9),
        status,
        now: start(),
    };
    for status in [None, Some(CertificateStatus::Issued)] {
        let found = store.ending(&soon(status), &page(1, 20)).await.unwrap();
        assert_eq!(ids(&found.list), [1, 3]);
    }
    let renewals = store.renewals(&all).await.unwrap();
    assert_eq!(
        renewals
            .iter()
            .map(|r| r.certificate_id.get())
            .collect::<Vec<_>>(),
        [1, 3]
    );
    assert_eq!(
        store.due_renewals(later(9), 10).await.unwrap().len(),
        3,
        "each look is its own"
    );
    assert_eq!(store.ending(&soon(None), &page(1, 20)).await.unwrap().total, 3);
    world
        .spoil(("CERTIFICATE#2", "RENEWAL"), "list_sk", s("odd"))
        .await;
    assert_eq!(store.ending(&soon(None), &page(1, 20)).await.unwrap().total, 2);
    for filter in [
        BindingFilter::default(),
        BindingFilter {
            active: Some(true),
            ..BindingFilter::default()
        },
    ] {
        let found = store.bindings(&filter, &page(1, 20)).await.unwrap();
        assert_eq!(
            found.list.iter().map(|b| b.website_id).collect::<Vec<_>>(),
            [1, 3]
        );
    }
    let same = store.same_names(&all[0]).await.unwrap();
    assert_eq!(same, [2, 3].map(CertificateId::new), "pointers say it without it");
    let mut keys = store.keys_in_use(&all[0].names).await.unwrap();
    keys.sort();
    assert_eq!(keys.len(), 3, "its key stays in use: {keys:?}");
}

#[tokio::test]
async fn versions() {
    let world = Emulated::new().await;
    let store = &world.store;
    let of = account(&world, 1, "a@example.com").await;
    let made_by = request(&world, of, "www.example.com").await;
    let first = record(&world, "01", "www.example.com").await;
    for fingerprint in ["02", "03"] {
        let next = Certificate {
            id: first.id,
            ..certificate(fingerprint, "www.example.com")
        };
        let fence = (made_by.id, made_by.lease.fence);
        store.replace_certificate(next, fence).await.unwrap();
    }
    world
        .spoil(("CERTIFICATE#1", "VERSION#000000000001"), "names", s("{}"))
        .await;
    let versions = store.certificate_versions(first.id).await.unwrap();
    assert_eq!(versions.iter().map(|c| c.version).collect::<Vec<_>>(), [3, 2]);
}

#[tokio::test]
async fn values_of_the_ledger() {
    let world = Emulated::new().await;
    let store = &world.store;
    store
        .put_txt(&["a", "b", "c"].map(|v| value(1, v)))
        .await
        .unwrap();
    world
        .spoil(("TXT#_acme-challenge.example.com", "b#1#Z1"), "status", s("odd"))
        .await;
    let values = |list: &[TxtRecord]| {
        let mut values: Vec<String> = list.iter().map(|r| r.value.clone()).collect();
        values.sort();
        values
    };
    let fqdn = value(1, "a").fqdn;
    assert_eq!(values(&store.txt_rrset(&fqdn).await.unwrap()), ["a", "c"]);
    assert_eq!(
        values(&store.txt_of_request(RequestId::new(1)).await.unwrap()),
        ["a", "c"]
    );
    for limit in [2, 10] {
        assert_eq!(
            values(&store.due_txt(later(9), limit, &BTreeSet::new()).await.unwrap()),
            ["a", "c"],
            "it takes no place"
        );
    }
    let found = store.txt_records(None, &page(1, 20)).await.unwrap();
    assert_eq!(
        (values(&found.list), found.total),
        (vec!["a".to_owned(), "c".to_owned()], 3)
    );
    let gone: Vec<(TxtRecord, TxtStatus)> = store
        .txt_rrset(&fqdn)
        .await
        .unwrap()
        .into_iter()
        .map(|r| (r, TxtStatus::Removed))
        .collect();
    store.confirm_txt(&gone, start()).await.unwrap();
    world
        .spoil(("TXT#_acme-challenge.example.com", "a#1#Z1"), "status", s("odd"))
        .await;
    assert_eq!(store.forget_txt(later(90), 10).await.unwrap(), 1);
}

#[tokio::test]
async fn chores_and_providers() {
    let world = Emulated::new().await;
    let store = &world.store;
    for n in 1..=2 {
        let made = record(&world, &format!("0{n}"), "www.example.com").await;
        let by = certmint_core::certificate::RevokedBy::CertificateKey {
            provider: ProviderId::new(1),
        };
        store
            .revoke_certificate(made.id, RevocationReason::Superseded, by, start())
            .await
            .unwrap();
        let trouble = ProviderTrouble {
            provider_id: ProviderId::new(n),
            since: start(),
            failures: 1,
            last_error: "away".into(),
            retry_at: start(),
            updated_at: start(),
        };
        store.note_trouble(&trouble).await.unwrap();
    }
    world.spoil(("CHORE#revoke-1", "META"), "chore", s("odd")).await;
    world.spoil(("PROVIDER", "000000000001"), "since", s("odd")).await;
    let due = store.due_chores(start(), 1).await.unwrap();
    let id = CertificateId::new(2);
    assert_eq!(
        due.into_iter().map(|c| c.chore).collect::<Vec<_>>(),
        [Chore::RevokeCertificate { id }]
    );
    let troubles = store.provider_troubles().await.unwrap();
    assert_eq!(
        troubles.iter().map(|t| t.provider_id.get()).collect::<Vec<_>>(),
        [2]
    );
}

#[tokio::test]
async fn rate_buckets() {
    let world = Emulated::new().await;
    let store = &world.store;
    let limits = Limits {
        new_orders: Limit::new(2, 3600),
        certificates_per_domain: Limit::new(2, 3600),
        ..Limits::NONE
    };
    let ca = Provider {
        limits,
        ..Provider::new(ProviderId::new(1), "ca", "https://ca.test/dir")
    };
    let buckets = of_name(&ca, AccountId::new(1), Some(&"example.com".parse().unwrap()));
    let keys: Vec<_> = buckets.iter().map(|b| b.key.clone()).collect();
    store.reserve("one", &buckets, &[], start()).await.unwrap();
    assert_eq!(store.arrivals(&keys).await.unwrap().len(), 2);
    let pk = format!("RATE#{}", keys[0].as_str());
    world.spoil((&pk, "META"), "arrival", s("odd")).await;
    assert_eq!(store.arrivals(&keys).await.unwrap().len(), 1);
    let reserved = store.reserve("two", &buckets, &[], start()).await.unwrap();
    assert_eq!(
        reserved,
        Reserved::Taken,
        "it counts as empty, and is whole again"
    );
    assert_eq!(store.arrivals(&keys).await.unwrap().len(), 2);
}
