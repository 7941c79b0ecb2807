//! Certificates by their end, of a fleet: a page costs its own rows, wherever it is.

use certmint_core::certificate::CertificateStatus;
use certmint_shared::store::{EndingFilter, RenewalStore};
use certmint_tests::dynamo::Cost;

use super::*;

/// Certificates of the fleet.
const MANY: u64 = 1_600;
/// Those whose time is over.
const OVER: u64 = 1_000;

/// Four end in each moment; the ids are not in the order of the ends.
fn end_of(id: u64) -> Timestamp {
    let rank = (id * 7) % MANY;
    start().plus(Duration::from_secs(rank / 4 * 3600))
}

/// The ids in the order of ends.
fn in_order() -> Vec<u64> {
    let mut ids: Vec<u64> = (1..=MANY).collect();
    ids.sort_by_key(|id| (end_of(*id), *id));
    ids
}

/// The moment at which so many are over.
fn now() -> Timestamp {
    start().plus(Duration::from_secs((OVER / 4 - 1) * 3600))
}

async fn fleet() -> Emulated {
    let world = Emulated::new().await;
    record(&world, "01", "www.example.com").await;
    let end = |id| n(u64::try_from(end_of(id).millis()).unwrap());
    let copies = world.copy(("CERTIFICATE#1", "META"), 1..MANY + 1, |id, item| {
        item.insert("pk".into(), s(&format!("CERTIFICATE#{id}")));
        item.insert("id".into(), n(id));
        item.insert("list_sk".into(), s(&format!("{id:012}")));
        item.insert("expires_at".into(), end(id));
    });
    copies.await;
    let copies = world.copy(("CERTIFICATE#1", "RENEWAL"), 1..MANY + 1, |id, item| {
        item.insert("pk".into(), s(&format!("CERTIFICATE#{id}")));
        item.insert("certificate_id".into(), n(id));
        item.insert("expires_at".into(), end(id));
        item.insert("list_pk".into(), s(&format!("EXPIRY#{}", id % 8)));
        let place = format!("{}#{id:012}", end_of(id).sort_key());
        item.insert("list_sk".into(), s(&place));
    });
    copies.await;
    world
}

fn all(status: Option<CertificateStatus>) -> EndingFilter {
    EndingFilter {
        until: later(365),
        status,
        now: now(),
    }
}

fn ids(list: &[Certificate]) -> Vec<u64> {
    list.iter().map(|c| c.id.get()).collect()
}

/// All pages behind each other: their rows, and what each cost.
async fn walked(world: &Emulated, filter: &EndingFilter, size: u32) -> (Vec<u64>, Vec<Cost>, u64) {
    let (mut rows, mut costs, mut asked) = (Vec::new(), Vec::new(), page(1, size));
    for _ in 0..200 {
        let (found, cost) = world.cost_of(world.store.ending(filter, &asked)).await;
        let found = found.unwrap();
        costs.push(cost);
        rows.extend(ids(&found.list));
        match found.next_cursor {
            Some(cursor) => asked = after(&cursor, size),
            None => return (rows, costs, found.total),
        }
    }
    panic!("the list does not end");
}

#[tokio::test]
async fn a_page_costs_its_rows_wherever_it_is() {
    let world = fleet().await;
    for size in [20, 100] {
        let (rows, costs, total) = walked(&world, &all(None), size).await;
        assert_eq!(rows, in_order(), "by {size}");
        assert_eq!((costs.len() as u64, total), (MANY / u64::from(size), MANY));
        let (first, rest) = costs.split_first().unwrap();
        assert_eq!(first.queries, 16, "eight counts, eight ranges");
        let batches = size.div_ceil(25) as usize;
        // Eight ranges give as many places as the page has rows and one, some 400 bytes of JSON each; items have 8 KB.
        let (least, most) = (size as usize * 6_000, size as usize * (8 * 400 + 8_000) + 10_000);
        for cost in rest {
            // Nothing is counted again.
            assert!(
                cost.queries == 8 && cost.batches == batches && (least..most).contains(&cost.bytes),
                "{cost:?}"
            );
        }
    }
    let one = walked(
        &world,
        &EndingFilter {
            until: start().plus(Duration::from_secs(3600)),
            ..all(None)
        },
        3,
    )
    .await;
    assert_eq!((one.0, one.2), (in_order()[..4].to_vec(), 4), "before, not at");
}

#[tokio::test]
async fn a_page_by_number_leads_as_far_as_in_other_lists() {
    let world = fleet().await;
    let (deep, cost) = world.cost_of(world.store.ending(&all(None), &page(61, 20))).await;
    let deep = deep.unwrap();
    assert_eq!(
        (ids(&deep.list), deep.total),
        (in_order()[1_200..1_220].to_vec(), MANY)
    );
    assert_eq!(cost.batches, 1, "items of the page alone: {cost:?}");
    let beyond = world.store.ending(&all(None), &page(100, 100)).await.unwrap();
    assert_eq!(
        (ids(&beyond.list), beyond.total, beyond.next_cursor),
        (vec![], MANY, None)
    );
    for (status, far, rows) in [
        (None, page(102, 100), 10_000),
        (None, page(5_000, 100), 10_000),
        (None, page(1_000_000, 100), 10_000),
        (Some(CertificateStatus::Issued), page(102, 10), 1_000),
        (Some(CertificateStatus::Expired), page(5_000, 100), 1_000),
    ] {
        let (found, cost) = world.cost_of(world.store.ending(&all(status), &far)).await;
        assert!(
            matches!(found, Err(StoreError::TooDeep { rows: most }) if most == rows),
            "{far:?}"
        );
        assert_eq!(cost.calls, 0, "{far:?}");
    }
}

#[tokio::test]
async fn with_a_status_a_page_looks_at_some_and_goes_on() {
    let world = fleet().await;
    let (over, issued) = {
        let all = in_order();
        let (over, issued) = all.split_at(usize::try_from(OVER).unwrap());
        (over.to_vec(), issued.to_vec())
    };
    for (status, expected) in [
        (CertificateStatus::Expired, over.clone()),
        (CertificateStatus::Issued, issued.clone()),
        (CertificateStatus::Revoked, vec![]),
    ] {
        for size in [20, 100] {
            let (rows, costs, total) = walked(&world, &all(Some(status)), size).await;
            assert_eq!(rows, expected, "{status:?} by {size}");
            assert_eq!(total, expected.len() as u64, "the last page knows");
            for cost in &costs {
                // 300 certificates of 8 KB, 25 at once, and their places, whose reads grow.
                assert!(cost.batches <= 17 && cost.queries <= 40, "{status:?}: {cost:?}");
                assert!(cost.bytes < 301 * 8_000 + 1_000_000, "{status:?}: {cost:?}");
            }
        }
    }
    let first = world
        .store
        .ending(&all(Some(CertificateStatus::Issued)), &page(1, 20))
        .await
        .unwrap();
    assert_eq!((first.list.len(), first.total), (0, 0));
    assert!(first.next_cursor.is_some(), "the ones that are over come before");
    let unknown = world
        .store
        .ending(&all(Some(CertificateStatus::Issued)), &page(2, 20))
        .await;
    assert!(
        matches!(unknown, Err(StoreError::TooDeep { rows: 320 })),
        "{unknown:?}"
    );
    let second = world
        .store
        .ending(&all(Some(CertificateStatus::Expired)), &page(2, 20))
        .await
        .unwrap();
    assert_eq!((ids(&second.list), second.total), (over[20..40].to_vec(), 41));
}

/// A run of what cannot be read, and of what is gone, costs its pages no more, and hides nobody.
#[tokio::test]
async fn what_cannot_be_read_is_passed() {
    let world = fleet().await;
    let order = in_order();
    for id in &order[10..50] {
        world
            .spoil((&format!("CERTIFICATE#{id}"), "META"), "names", s("{}"))
            .await;
    }
    // Nor of a renewal whose place says no end: it comes before all others, or among them.
    for (id, place) in [(order[60], "0#odd"), (order[61], "00000000000000001#x#y")] {
        world
            .spoil((&format!("CERTIFICATE#{id}"), "RENEWAL"), "list_sk", s(place))
            .await;
    }
    let expected = [&order[..10], &order[50..60], &order[62..]].concat();
    for (status, size) in [(None, 10), (Some(CertificateStatus::Expired), 10), (None, 11)] {
        let (rows, costs, _) = walked(&world, &all(status), size).await;
        let seen = rows.len();
        assert_eq!(rows, expected[..seen], "{status:?}");
        assert_eq!(seen as u64, if status.is_some() { OVER - 42 } else { MANY - 42 });
        assert!(costs.iter().all(|cost| cost.batches <= 17), "{status:?}");
    }
}
