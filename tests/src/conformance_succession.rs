//! Terms of renewals, certificates that succeed others, keys that were given away: as every store must do them.

use std::time::Duration;

use certmint_core::{
    certificate::{Certificate, KeyAlgorithm, KeyPlan, RenewAs, RenewalTerms, RevocationReason, RevokedBy},
    chore::Chore,
    issuance::{NewRequest, Request, key_name},
    renewal::{self, RenewMode, Renewal},
    words::{CertificateId, NameSet},
    x509::certificate::key_id_of,
};
use certmint_shared::store::StoreError;
use rcgen::{CertificateParams, KeyPair};

use crate::{
    conformance_lifecycle::{account, failed, is_wrong},
    conformance_renewals::{begin, certificate, issued, renewal_of},
    conformance_store::start,
    store::Store,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TERMS: RenewalTerms = RenewalTerms {
    renew_as: RenewAs::New,
    reuse_key: true,
};

async fn asked(store: &dyn Store, email: &str) -> Request {
    let account = account(store, email).await.id;
    let new = NewRequest {
        key: KeyPlan::Us {
            algorithm: KeyAlgorithm::EcdsaP384,
            reuse: true,
        },
        renew_as: RenewAs::New,
        ..NewRequest::new(account, NameSet::parse(&["example.com"]).expect("names"))
    };
    store
        .create_request(new, 10, None, start())
        .await
        .expect("a request")
}

/// A self-signed one that can be read.
fn real() -> String {
    let key = KeyPair::generate().expect("a key");
    let names = vec!["example.com".to_owned()];
    let params = CertificateParams::new(names).expect("names");
    params.self_signed(&key).expect("a certificate").pem()
}

/// What a request asked for is what its certificate's renewals start with; what a client changes stays over versions.
pub async fn terms(store: &dyn Store) {
    let request = asked(store, "a@example.com").await;
    assert_eq!(store.request(request.id).await.expect("it"), request);
    let new = certificate("01", &request, 90);
    let recorded = store.record_certificate(new, Some(&request)).await;
    let recorded = recorded.expect("recorded");
    let first = renewal_of(store, &recorded).await;
    assert_eq!(
        (first.terms, first.succeeded_by, first.renewal_of),
        (TERMS, None, None)
    );
    let changed = Renewal {
        terms: RenewalTerms {
            renew_as: RenewAs::Replace,
            ..TERMS
        },
        despite: Some(start()),
        ..first.clone()
    };
    store.save_renewal(&changed).await.expect("saved");
    let stored = renewal_of(store, &recorded).await;
    assert_eq!((stored.terms, stored.despite), (changed.terms, Some(start())));
    let again = begin(store, &stored, &recorded, start().plus(DAY)).await;
    let next = Certificate {
        id: recorded.id,
        ..certificate("02", &again, 90)
    };
    let fence = (again.id, again.lease.fence);
    let replaced = store.replace_certificate(next, fence).await.expect("replaced");
    let last = renewal_of(store, &replaced).await;
    assert_eq!((last.terms, last.despite), (changed.terms, None));
}

/// A successor has its own id and schedule, and the old one is renewed no more; a repeat and a lost lease change
/// nothing.
pub async fn as_new(store: &dyn Store) {
    let (old, first) = issued(store, "a", 90).await;
    let manual = renewal::in_mode(
        &Renewal {
            terms: TERMS,
            ..first
        },
        RenewMode::Manual,
        start(),
    );
    let stored = store.save_renewal(&manual).await.expect("saved");
    let now = start().plus(DAY * 60);
    let request = begin(store, &stored, &old, now).await;
    let next = Certificate {
        updated_at: now,
        created_at: now,
        ..certificate("a-2", &request, 150)
    };
    let fence = (request.id, request.lease.fence);
    let succeed = |fence| store.succeed_certificate(old.id, next.clone(), fence);
    let stale = succeed((fence.0, fence.1 + 1)).await;
    assert!(matches!(stale, Err(StoreError::LeaseLost(id)) if id == request.id));
    assert_eq!(renewal_of(store, &old).await.succeeded_by, None);

    let new = succeed(fence).await.expect("recorded");
    assert_ne!(new.id, old.id);
    assert_eq!((new.version, new.created_at), (1, now));
    assert_eq!(
        succeed(fence).await.expect("known"),
        new,
        "a repeat after a lost answer"
    );
    assert_eq!(
        store.certificate(old.id).await.expect("it"),
        old,
        "the old one stays as it is"
    );
    let before = renewal_of(store, &old).await;
    assert_eq!(
        (before.succeeded_by, before.look_at, before.request_id),
        (Some(new.id), None, None)
    );
    let after = renewal_of(store, &new).await;
    assert_eq!(
        (after.renewal_of, after.terms, after.mode, after.look_at),
        (Some(old.id), TERMS, RenewMode::Manual, None)
    );
    assert_eq!(
        after.renew_at,
        renewal::first(&new).renew_at,
        "a schedule of its own"
    );
    assert_eq!(store.due_renewals(now.plus(DAY * 900), 9).await.expect("due"), []);
    let page = store.certificates(&Default::default(), &Default::default()).await;
    let page = page.expect("a page");
    assert_eq!((page.total, page.list), (2, vec![new.clone(), old.clone()]));
    assert_eq!(store.same_names(&old).await.expect("ids"), [new.id]);
    let chores = store.due_chores(new.expires_at, 9).await.expect("chores");
    let ends = |id| chores.iter().any(|c| c.chore == Chore::ExpireCertificate { id });
    assert!(ends(old.id) && ends(new.id));

    // A second successor leaves the first one in its place and is not renewed by itself.
    let on = Renewal {
        mode: RenewMode::Auto,
        ..renewal_of(store, &old).await
    };
    store.save_renewal(&on).await.expect("saved");
    let late = certificate("a-4", &request, 90);
    let late = store
        .succeed_certificate(old.id, late, fence)
        .await
        .expect("recorded");
    assert_eq!(renewal_of(store, &old).await.succeeded_by, Some(new.id));
    let late = renewal_of(store, &late).await;
    assert_eq!(
        (late.renewal_of, late.mode, late.look_at),
        (Some(old.id), RenewMode::Manual, None)
    );

    // A second version of the old one, from a request that was begun before, does not wake it.
    let second = Certificate {
        id: old.id,
        ..certificate("a-3", &request, 90)
    };
    let replaced = store.replace_certificate(second, fence).await.expect("replaced");
    let still = renewal_of(store, &replaced).await;
    assert_eq!((still.succeeded_by, still.look_at), (Some(new.id), None));
}

/// One that is gone or deleted is succeeded by none, and nothing is written.
pub async fn nothing_to_succeed(store: &dyn Store) {
    let (old, first) = issued(store, "a", 90).await;
    let request = begin(store, &first, &old, start()).await;
    let fence = (request.id, request.lease.fence);
    store.delete_certificate(old.id, start()).await.expect("deleted");
    for id in [old.id, CertificateId::new(99)] {
        let answer = store
            .succeed_certificate(id, certificate("a-2", &request, 90), fence)
            .await;
        assert!(matches!(answer, Err(StoreError::NotFound { .. })), "{answer:?}");
    }
    assert_eq!(store.certificate_with("a-2").await.expect("an answer"), None);
    assert_eq!(renewal_of(store, &old).await.succeeded_by, None);
}

/// A key whose certificate is to be revoked for keyCompromise is known as such, whoever has it; for another reason not.
pub async fn given_away_keys(store: &dyn Store) {
    let request = asked(store, "a@example.com").await;
    let mut keys = vec![];
    for fingerprint in ["01", "02"] {
        let cert_pem = real();
        keys.push(key_id_of(&cert_pem).expect("a key"));
        let new = Certificate {
            cert_pem,
            ..certificate(fingerprint, &request, 90)
        };
        store
            .record_certificate(new, Some(&request))
            .await
            .expect("recorded");
    }
    let revoke =
        |id, reason| store.revoke_certificate(CertificateId::new(id), reason, RevokedBy::Account, start());
    revoke(1, RevocationReason::Superseded).await.expect("asked");
    let lost = revoke(2, RevocationReason::KeyCompromise).await.expect("asked");
    assert!(lost.is_compromised());
    assert!(!store.is_compromised(&keys[0]).await.expect("an answer"));
    assert!(store.is_compromised(&keys[1]).await.expect("an answer"));
    let refusal = Some("not that reason");
    store
        .settle_revocation(lost.id, 1, refusal, start())
        .await
        .expect("written");
    assert!(
        store.is_compromised(&keys[1]).await.expect("an answer"),
        "whatever the CA made of it"
    );
    let known = revoke(1, RevocationReason::KeyCompromise).await.expect("already");
    let reason = known.lifecycle.revocation.map(|r| r.reason);
    assert_eq!(reason, Some(RevocationReason::Superseded), "as it was asked for");
    assert!(
        store.is_compromised(&keys[0]).await.expect("an answer"),
        "but its key is known"
    );
}

/// By its own key where we have it, also one that no account ordered. A revocation that is open when a renewal replaces
/// its version is settled at that version.
pub async fn revoked_and_replaced(store: &dyn Store) {
    let (old, first) = issued(store, "a", 90).await;
    let by_key = RevokedBy::CertificateKey {
        provider: certmint_core::words::ProviderId::new(2),
    };
    let reason = RevocationReason::Superseded;
    let foreign = Certificate {
        key_ref: String::new(),
        ..certificate("b-1", &begin(store, &first, &old, start()).await, 90)
    };
    let foreign = store.record_certificate(foreign, None).await.expect("recorded");
    is_wrong(
        store
            .revoke_certificate(foreign.id, reason, by_key, start())
            .await,
        "private key",
    );
    let asked = store
        .revoke_certificate(old.id, reason, by_key, start())
        .await
        .expect("asked");
    let revocation = asked.lifecycle.revocation.clone().expect("asked for");
    assert_eq!((revocation.by, revocation.is_open()), (by_key, true));
    assert_eq!(store.certificate(old.id).await.expect("it"), asked);

    let current = renewal_of(store, &old).await;
    let request = begin(store, &current, &old, start()).await;
    let next = Certificate {
        id: old.id,
        ..certificate("a-2", &request, 90)
    };
    let fence = (request.id, request.lease.fence);
    let new = store.replace_certificate(next, fence).await.expect("replaced");
    assert_eq!((new.version, &new.lifecycle.revocation), (2, &None));
    for _ in 0..2 {
        let settled = store
            .settle_revocation(old.id, 1, None, start().plus(DAY))
            .await
            .expect("settled");
        assert_eq!(settled.version, 1);
        let revoked_at = settled.lifecycle.revocation.and_then(|r| r.revoked_at);
        assert_eq!(revoked_at, Some(start().plus(DAY)));
    }
    let versions = store.certificate_versions(old.id).await.expect("versions");
    assert_eq!(versions[0], new, "the current one is untouched");
    assert!(
        versions[1]
            .lifecycle
            .revocation
            .as_ref()
            .is_some_and(|r| !r.is_open())
    );
    let unknown = store.settle_revocation(old.id, 9, None, start()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

/// Deleting a failed request leaves a chore for the keys of all its orders, and says which of them are in use.
pub async fn keys_of_deleted_requests(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let names = NameSet::parse(&["example.com"]).expect("names");
    let new = NewRequest::new(made.id, names.clone());
    let one = store
        .create_request(new, 10, None, start())
        .await
        .expect("a request");
    let mut request = failed(store, &one, false).await;
    request.issuance.orders = 2;
    store.save_request(&request, start()).await.expect("saved");
    let mut new = certificate("01", &request, 90);
    new.key_ref = key_name(request.id, 1);
    let recorded = store
        .record_certificate(new.clone(), Some(&request))
        .await
        .expect("recorded");
    let next = Certificate {
        id: recorded.id,
        fingerprint: "02".into(),
        key_ref: "certificate-key/9-order0".into(),
        ..new
    };
    let fence = (request.id, request.lease.fence);
    store.replace_certificate(next, fence).await.expect("replaced");
    let mut used = store.keys_in_use(names.as_slice()).await.expect("keys");
    used.sort();
    assert_eq!(used, ["certificate-key/1-order1", "certificate-key/9-order0"]);
    let others = NameSet::parse(&["example.org"]).expect("names");
    assert_eq!(store.keys_in_use(others.as_slice()).await.expect("keys"), [""; 0]);

    store.delete_request(request.id, start()).await.expect("deleted");
    let chores = store.due_chores(start(), 9).await.expect("chores");
    let keys = vec![key_name(request.id, 0), key_name(request.id, 1)];
    let names = names.as_slice().to_vec();
    assert_eq!(chores.len(), 1);
    assert_eq!(chores[0].chore, Chore::DeleteKeys { keys, names });

    let unbegun = NewRequest::new(made.id, others);
    let unbegun = store.create_request(unbegun, 10, None, start()).await;
    let unbegun = failed(store, &unbegun.expect("a request"), false).await;
    store.delete_request(unbegun.id, start()).await.expect("deleted");
    assert_eq!(
        store.due_chores(start(), 9).await.expect("chores").len(),
        1,
        "without an order there was no key"
    );
}
