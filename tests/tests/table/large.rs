//! What is too large is refused before the first write, whoever made it.

use certmint_core::words::DomainName;
use certmint_shared::store::RenewalStore;

use super::*;

/// A CA's chain, or names, of more than an item has room for.
fn too_large() -> [Certificate; 3] {
    let label = "x".repeat(60);
    let name = |n: usize| format!("n{n:04}.{label}.{label}.{label}.example.com");
    let long: Vec<DomainName> = (0..1_700).map(|n| name(n).parse().unwrap()).collect();
    // No two of them have a name above them in common.
    let deep = |n: usize| format!("{}example.com", format!("{n:03}.").repeat(58));
    let deep: Vec<DomainName> = (0..240).map(|n| deep(n).parse().unwrap()).collect();
    [
        Certificate {
            chain_pem: "pem\n".repeat(100_000),
            ..certificate("02", "www.example.com")
        },
        Certificate {
            names: long,
            ..certificate("03", "www.example.com")
        },
        Certificate {
            names: deep,
            ..certificate("04", "www.example.com")
        },
    ]
}

#[tokio::test]
async fn a_certificate_that_no_item_holds_is_not_begun() {
    let world = Emulated::new().await;
    let of = account(&world, 1, "a@example.com").await;
    let made_by = request(&world, of, "www.example.com").await;
    let first = record(&world, "01", "www.example.com").await;
    let before = world.snapshot().await;
    let fence = (made_by.id, made_by.lease.fence);
    for large in too_large() {
        let in_place = Certificate {
            id: first.id,
            ..large.clone()
        };
        let store = &world.store;
        let all = [
            store.record_certificate(large.clone(), Some(&made_by)).await,
            store.replace_certificate(in_place, fence).await,
            store.succeed_certificate(first.id, large, fence).await,
        ];
        for refused in all {
            assert!(
                matches!(&refused, Err(StoreError::TooLarge { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(world.snapshot().await, before, "no id, no name, no item");
    }
}

/// An item that was recorded at the limit has room for what happens to it later.
#[tokio::test]
async fn a_certificate_at_the_limit_is_revoked_replaced_and_deleted() {
    use certmint_core::certificate::{RevocationReason, RevokedBy};
    use certmint_shared::store::CertificateLifecycle;

    let world = Emulated::new().await;
    let store = &world.store;
    let of = account(&world, 1, "a@example.com").await;
    let made_by = request(&world, of, "www.example.com").await;
    let at_limit = |fingerprint: &str| Certificate {
        chain_pem: "pem\n".repeat(85_500),
        account_id: Some(of),
        ..certificate(fingerprint, "www.example.com")
    };
    let id = store.record_certificate(at_limit("01"), None).await.unwrap().id;
    let (reason, by) = (RevocationReason::Superseded, RevokedBy::Account);
    store.revoke_certificate(id, reason, by, start()).await.unwrap();
    // A CA that gives a megabyte of reasons.
    let why = "no ".repeat(400_000);
    let settled = store.settle_revocation(id, 1, Some(&why), start()).await.unwrap();
    assert!(settled.lifecycle.revocation.unwrap().error.unwrap().len() <= 1_000);
    let next = Certificate { id, ..at_limit("02") };
    let fence = (made_by.id, made_by.lease.fence);
    assert_eq!(store.replace_certificate(next, fence).await.unwrap().version, 2);
    assert_eq!(store.certificate_versions(id).await.unwrap().len(), 2);
    store.delete_certificate(id, start()).await.unwrap();
    store.remove_certificate(id, later(31)).await.unwrap();
    let gone = store.certificate(id).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
}
