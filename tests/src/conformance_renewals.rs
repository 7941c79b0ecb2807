//! Renewals, as every store must do them.

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::NewAccount,
    certificate::{Binding, Certificate, CertificateSource, CertificateStatus, Lifecycle},
    chore::Chore,
    issuance::{NewRequest, Request, RequestStatus},
    renewal::{self, RenewMode, Renewal, Window},
    words::{CertificateId, NameSet, PageRequest, ProviderId, RequestId, Timestamp},
};
use certmint_shared::store::{CertificateFilter, StoreError};
use futures::future::join_all;

use crate::{
    conformance_ending::{ending_before, pages_by_end},
    conformance_flight::Stands,
    conformance_store::start,
    store::Store,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn certificate(fingerprint: &str, request: &Request, days: u32) -> Certificate {
    Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: request.names.as_slice().to_vec(),
        not_before: start(),
        expires_at: start().plus(DAY * days),
        cert_pem: format!("pem of {fingerprint}"),
        chain_pem: "pem".into(),
        key_ref: format!("certificate-key/{}-1", request.id),
        source: CertificateSource::Acme,
        account_id: Some(request.account_id),
        provider: "letsencrypt".into(),
        request_id: Some(request.id),
        profile: request.profile.clone(),
        version: 1,
        lifecycle: Lifecycle::default(),
        created_at: start(),
        updated_at: start(),
    }
}

pub(crate) async fn request(store: &dyn Store, name: &str) -> Request {
    let account = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some(format!("{name}@example.com").parse().expect("an address")),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    let account = store.create_account(account, None, start()).await;
    let names = NameSet::parse(&[format!("{name}.example.com")]).expect("names");
    let new = NewRequest {
        profile: Some("classic".into()),
        ..NewRequest::new(account.expect("an account").id, names)
    };
    store
        .create_request(new, 10, None, start())
        .await
        .expect("a request")
}

pub(crate) async fn issued(store: &dyn Store, name: &str, days: u32) -> (Certificate, Renewal) {
    let request = request(store, name).await;
    let new = certificate(&format!("{name}-1"), &request, days);
    let recorded = store
        .record_certificate(new, Some(&request))
        .await
        .expect("recorded");
    let renewal = renewal_of(store, &recorded).await;
    (recorded, renewal)
}

pub(crate) async fn renewal_of(store: &dyn Store, certificate: &Certificate) -> Renewal {
    let found = store.renewals(std::slice::from_ref(certificate)).await;
    found.expect("an answer").pop().expect("a renewal")
}

fn again(certificate: &Certificate) -> NewRequest {
    NewRequest {
        profile: certificate.profile.clone(),
        renews: Some(certificate.id),
        ..NewRequest::new(
            certificate.account_id.expect("an account"),
            NameSet::try_from(certificate.names.clone()).expect("names"),
        )
    }
}

pub(crate) async fn begin(
    store: &dyn Store,
    renewal: &Renewal,
    certificate: &Certificate,
    now: Timestamp,
) -> Request {
    let begun = store.start_renewal(renewal, again(certificate), 10, now).await;
    begun.expect("a request")
}

/// A renewal is written with its certificate, changed under its revision, and found when it is due and when it ends.
pub async fn due_and_ending(store: &dyn Store) {
    let (first, renewal) = issued(store, "a", 90).await;
    let (second, _) = issued(store, "b", 6).await;
    let drawn = renewal::first(&first);
    assert_eq!(
        (renewal.renew_at, renewal.look_at, renewal.mode, renewal.revision),
        (drawn.renew_at, drawn.look_at, RenewMode::Auto, 1)
    );
    let due = |now| store.due_renewals(now, 10);
    assert_eq!(due(start()).await.expect("due"), []);
    let soon = start().plus(DAY);
    assert_eq!(due(soon).await.expect("due").len(), 2);
    assert_eq!(store.due_renewals(soon, 1).await.expect("due").len(), 1);

    let window = Window {
        start: start().plus(DAY * 3),
        end: start().plus(DAY * 4),
    };
    let told = Renewal {
        renew_at: Some(start().plus(DAY * 3)),
        look_at: Some(start().plus(DAY * 2)),
        window: Some(window),
        explanation_url: Some("https://ca.test/why".into()),
        last_error: Some("no".into()),
        ..renewal.clone()
    };
    let saved = store.save_renewal(&told).await.expect("saved");
    assert_eq!(saved.revision, 2);
    assert_eq!(renewal_of(store, &first).await, saved);
    assert!(matches!(
        store.save_renewal(&told).await,
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(due(soon).await.expect("due"), [second.id]);
    let manual = renewal::in_mode(&saved, RenewMode::Manual, soon);
    let manual = store.save_renewal(&manual).await.expect("saved");
    assert_eq!(due(start().plus(DAY * 30)).await.expect("due"), [second.id]);
    assert_eq!((manual.mode, manual.look_at), (RenewMode::Manual, None));

    let ending = |days| ending_before(store, start().plus(DAY * days));
    assert_eq!(ending(5).await, []);
    assert_eq!(ending(30).await, [second.id]);
    assert_eq!(ending(91).await, [second.id, first.id]);
    pages_by_end(store, [second.id, first.id]).await;

    store.forget_renewal(second.id).await.expect("gone");
    store.forget_renewal(second.id).await.expect("still gone");
    assert_eq!(ending(91).await, [first.id]);
    let unwritten = renewal_of(store, &second).await;
    assert_eq!(
        unwritten,
        renewal::first(&second),
        "a certificate without one has the defaults"
    );
    let back = store.save_renewal(&unwritten).await.expect("saved");
    assert_eq!(back.revision, 1);
}

/// Of callers at once one makes a request; it is a normal one that names what it renews.
pub async fn one_request(store: Arc<dyn Store>) {
    let (certificate, renewal) = issued(&*store, "a", 90).await;
    let now = start().plus(DAY * 60);
    let calls = (0..6).map(|_| store.start_renewal(&renewal, again(&certificate), 10, now));
    let made: Vec<Request> = join_all(calls).await.into_iter().filter_map(Result::ok).collect();
    let [request] = made.as_slice() else {
        panic!("one request, not {}", made.len());
    };
    let stored = store.request(request.id).await.expect("it is there");
    assert_eq!(&stored, request);
    assert_eq!(
        (stored.renews, stored.profile.as_deref(), stored.status),
        (Some(certificate.id), Some("classic"), RequestStatus::Pending)
    );
    assert_eq!(
        renewal_of(&*store, &certificate).await.request_id,
        Some(request.id)
    );
    let due = store.due_requests(now, 10).await.expect("due");
    assert!(due.free.contains(&request.id));
    let found = store.requests_that_renew(&[request.id, RequestId::new(99)]).await;
    assert_eq!(found.expect("rows"), [stored]);
    let joined = store
        .request_once(again(&certificate), 10, None, &Stands(true), now)
        .await;
    assert_eq!(
        joined.expect("a request").request.id,
        request.id,
        "who asks for the same names gets the renewal"
    );
}

/// A new version takes the place of the old one, which stays; a repeat and a lost lease change nothing.
pub async fn in_place(store: &dyn Store) {
    let (old, renewal) = issued(store, "a", 90).await;
    let now = start().plus(DAY * 60);
    let request = begin(store, &renewal, &old, now).await;
    let next = Certificate {
        id: old.id,
        not_before: now,
        expires_at: now.plus(DAY * 90),
        created_at: now,
        updated_at: now,
        ..certificate("a-2", &request, 90)
    };
    let fence = (request.id, request.lease.fence);
    let stale = store
        .replace_certificate(next.clone(), (fence.0, fence.1 + 1))
        .await;
    assert!(matches!(stale, Err(StoreError::LeaseLost(id)) if id == request.id));
    let new = store
        .replace_certificate(next.clone(), fence)
        .await
        .expect("replaced");
    assert_eq!((new.id, new.version, new.created_at), (old.id, 2, old.created_at));
    let again = store
        .replace_certificate(next.clone(), fence)
        .await
        .expect("known");
    assert_eq!(again, new);
    assert_eq!(store.certificate(old.id).await.expect("it"), new);
    let versions = store.certificate_versions(old.id).await.expect("versions");
    assert_eq!(versions, [new.clone(), old.clone()]);
    // The older key is kept for a week, and deleted then.
    let (name, chore, due) = old.old_key(now).expect("it has a key");
    assert_eq!(due, now.plus(DAY * 7));
    let before = store.due_chores(due.minus(DAY), 25).await.expect("chores");
    assert!(before.iter().all(|c| c.name != name));
    let then = store.due_chores(due, 25).await.expect("chores");
    let found = then.iter().find(|c| c.name == name).expect("the older key's end");
    assert_eq!(found.chore, chore);
    let all = store
        .certificates(&Default::default(), &Default::default())
        .await
        .expect("a page");
    assert_eq!((all.total, all.list), (1, vec![new.clone()]));

    let renewal = renewal_of(store, &new).await;
    let fresh = renewal::first(&new);
    assert_eq!((renewal.request_id, renewal.renew_at), (None, fresh.renew_at));
    let ending = ending_before(store, old.expires_at.plus(DAY)).await;
    assert_eq!(ending, [], "the index follows");

    let third = begin(store, &renewal, &new, now.plus(DAY)).await;
    let manual = renewal::in_mode(&renewal_of(store, &new).await, RenewMode::Manual, now);
    store.save_renewal(&manual).await.expect("saved");
    let next = Certificate {
        id: old.id,
        ..certificate("a-3", &third, 90)
    };
    let fence = (third.id, third.lease.fence);
    let last = store
        .replace_certificate(next.clone(), fence)
        .await
        .expect("replaced");
    assert_eq!(last.version, 3);
    let renewal = renewal_of(store, &last).await;
    assert_eq!(
        (renewal.mode, renewal.look_at),
        (RenewMode::Manual, None),
        "the mode stays"
    );
    let versions = store.certificate_versions(old.id).await.expect("versions");
    let numbers: Vec<u64> = versions.iter().map(|c| c.version).collect();
    assert_eq!(numbers, [3, 2, 1]);
    let gone = Certificate {
        id: CertificateId::new(99),
        fingerprint: "a-4".into(),
        ..next
    };
    assert!(matches!(
        store.replace_certificate(gone, fence).await,
        Err(StoreError::NotFound { .. })
    ));
}

/// A certificate that websites use is renewed in its place: they go on to use it, it leaves the list of the expired, its
/// new end is a chore. Removing it takes along the older version, its key and the renewal.
pub async fn in_use(store: &dyn Store) {
    let (old, renewal) = issued(store, "used", 90).await;
    let binding = |active| Binding {
        certificate_id: old.id,
        website_id: 7,
        active,
    };
    store.put_binding(&binding(true), start()).await.expect("bound");
    let after = old.expires_at.plus(DAY);
    store.expire_certificate(old.id, after).await.expect("expired");
    let counted = |status| async move {
        let filter = CertificateFilter {
            status: Some(status),
            ..CertificateFilter::default()
        };
        store
            .certificates(&filter, &PageRequest::default())
            .await
            .expect("a page")
            .total
    };
    assert_eq!(counted(CertificateStatus::Expired).await, 1);

    let request = begin(store, &renewal, &old, after).await;
    let new = Certificate {
        id: old.id,
        fingerprint: "used-2".into(),
        key_ref: "certificate-key/of-the-second".into(),
        expires_at: after.plus(DAY * 90),
        updated_at: after,
        ..old.clone()
    };
    let fence = (request.id, request.lease.fence);
    let replaced = store.replace_certificate(new, fence).await.expect("replaced");
    assert_eq!((replaced.id, replaced.version), (old.id, 2));
    assert_eq!(counted(CertificateStatus::Expired).await, 0);
    assert_eq!(counted(CertificateStatus::Issued).await, 1);
    assert!(
        matches!(
            store.delete_certificate(old.id, after).await,
            Err(StoreError::WrongState { .. })
        ),
        "a website still uses it"
    );
    let chores = store.due_chores(replaced.expires_at, 100).await.expect("chores");
    assert!(
        chores
            .iter()
            .any(|c| c.chore == Chore::ExpireCertificate { id: old.id })
    );

    store.put_binding(&binding(false), after).await.expect("unbound");
    store.delete_certificate(old.id, after).await.expect("deleted");
    let much_later = after.plus(DAY * 31);
    store
        .remove_certificate(old.id, much_later)
        .await
        .expect("removed");
    assert!(matches!(
        store.certificate(old.id).await,
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(ending_before(store, much_later.plus(DAY * 365)).await, []);
    let chores = store.due_chores(much_later, 100).await.expect("chores");
    let secrets: Vec<String> = chores
        .into_iter()
        .filter_map(|c| match c.chore {
            Chore::DeleteKeys { keys, .. } => Some(keys),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(
        secrets.contains(&old.key_ref) && secrets.contains(&replaced.key_ref),
        "{secrets:?}"
    );
    assert_eq!(store.certificate_with("used-1").await.expect("an answer"), None);
}
