//! What a page costs: its own rows, wherever it is.

use certmint_shared::store::{
    AccountFilter, BindingFilter, CertificateFilter, CertificateStore, ChallengeStore, RenewalStore,
    RequestFilter, RequestStore, TxtLedger,
};
use certmint_tests::dynamo::Cost;

use super::*;

/// Rows of a list that is long.
const MANY: u64 = 2_500;

/// A failed request, copied.
async fn many_requests(world: &Emulated) {
    let of = account(world, 1, "a@example.com").await;
    request(world, of, "www.example.com").await;
    let copies = world.copy(("REQUEST#1", "META"), 2..MANY + 1, |id, item| {
        item.insert("pk".into(), s(&format!("REQUEST#{id}")));
        item.insert("id".into(), n(id));
        for place in ["list_sk", "owner_sk"] {
            item.insert(place.into(), s(&format!("{id:012}")));
        }
        // One of a hundred was tried often.
        item.insert("attempts".into(), n(if id % 100 == 0 { 5 } else { 0 }));
    });
    copies.await;
}

/// Of at most four lists their totals and their rows, and the items of the page.
fn is_one_page(cost: &Cost, what: &str) {
    assert!(cost.queries <= 8 && cost.batches <= 1, "{what}: {cost:?}");
    assert!(cost.bytes < 80_000, "{what}: {cost:?}");
}

#[tokio::test]
async fn requests() {
    let world = Emulated::new().await;
    many_requests(&world).await;
    let store = &world.store;
    let filter = RequestFilter::default();
    let (first, cost) = world.cost_of(store.requests(&filter, &page(1, 20))).await;
    let first = first.unwrap();
    assert_eq!((first.list.len(), first.list[0].id.get()), (20, MANY));
    is_one_page(&cost, "the first page");
    let one_page = cost.bytes;

    // Beyond what was ever given, in the middle, at the end.
    for (cursor, newest) in [
        ("999999999999", Some(MANY)),
        ("18446744073709551615", Some(MANY)),
        ("1000", Some(999)),
        ("1", None),
        ("0", None),
    ] {
        let (found, cost) = world.cost_of(store.requests(&filter, &after(cursor, 20))).await;
        assert_eq!(
            found.unwrap().list.first().map(|r| r.id.get()),
            newest,
            "{cursor}"
        );
        is_one_page(&cost, cursor);
    }

    let (deep, cost) = world.cost_of(store.requests(&filter, &page(101, 20))).await;
    assert_eq!(deep.unwrap().list[0].id.get(), MANY - 2_000);
    assert_eq!(cost.batches, 1, "items of the page alone: {cost:?}");
    let keys = cost.bytes - one_page;
    assert!(keys < 2_020 * 400, "{keys} bytes of keys for 2,000 rows");
    let (too_deep, cost) = world.cost_of(store.requests(&filter, &page(502, 20))).await;
    assert!(matches!(too_deep, Err(StoreError::TooDeep { rows: 10_000 })));
    assert_eq!(cost.calls, 0, "{cost:?}");
}

#[tokio::test]
async fn requests_with_many_attempts() {
    let world = Emulated::new().await;
    many_requests(&world).await;
    let store = &world.store;
    let often = RequestFilter {
        min_attempts: Some(5),
        ..RequestFilter::default()
    };
    let mut asked = page(1, 5);
    let mut found: Vec<u64> = Vec::new();
    for _ in 0..20 {
        let (page, cost) = world.cost_of(store.requests(&often, &asked)).await;
        let page = page.unwrap();
        assert!(
            cost.queries <= 12 && cost.batches <= 1 && cost.bytes < 500_000,
            "{cost:?}"
        );
        found.extend(page.list.iter().map(|r| r.id.get()));
        assert!(
            page.total >= found.len() as u64,
            "{} of {}",
            page.total,
            found.len()
        );
        match page.next_cursor {
            Some(cursor) => asked = after(&cursor, 5),
            None => {
                assert_eq!(page.total, found.len() as u64, "the last page knows");
                break;
            }
        }
    }
    assert_eq!(found, (1..=MANY / 100).rev().map(|n| n * 100).collect::<Vec<_>>());
    let second = store.requests(&often, &page(2, 5)).await.unwrap();
    assert_eq!(
        second.list.iter().map(|r| r.id.get()).collect::<Vec<_>>(),
        found[5..10]
    );
    let beyond = store.requests(&often, &page(80, 20)).await;
    assert!(matches!(&beyond, Ok(page) if page.list.is_empty()), "{beyond:?}");
    let rare = RequestFilter {
        min_attempts: Some(6),
        ..RequestFilter::default()
    };
    let early = store.requests(&rare, &page(1, 20)).await.unwrap();
    assert_eq!(
        (early.list.len(), early.next_cursor.is_some()),
        (0, true),
        "it ends early, and goes on"
    );
    let unknown = store.requests(&rare, &page(2, 20)).await;
    assert!(
        matches!(unknown, Err(StoreError::TooDeep { rows: 1_020 })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn certificates_by_name() {
    let world = Emulated::new().await;
    let one = record(&world, "01", "www.example.com").await;
    let copies = world.copy(("CERTIFICATE#1", "META"), 2..401, |id, item| {
        item.insert("pk".into(), s(&format!("CERTIFICATE#{id}")));
        item.insert("id".into(), n(id));
        item.insert("list_sk".into(), s(&format!("{id:012}")));
    });
    copies.await;
    for name in ["NAME#www.example.com", "NAME#example.com"] {
        let pointers = world.copy((name, "000000000001"), 2..401, |id, item| {
            item.insert("sk".into(), s(&format!("{id:012}")));
        });
        pointers.await;
    }
    let named = CertificateFilter {
        name: Some("example.com".parse().unwrap()),
        ..CertificateFilter::default()
    };
    let ids = |list: &[Certificate]| list.iter().map(|c| c.id.get()).collect::<Vec<_>>();
    let (first, cost) = world
        .cost_of(world.store.certificates(&named, &page(1, 10)))
        .await;
    let first = first.unwrap();
    assert_eq!(ids(&first.list), (391..=400).rev().collect::<Vec<_>>());
    assert_eq!((cost.queries, cost.batches), (1, 1));
    assert!(cost.bytes < 15 * 8_000, "{cost:?}");
    let (next, cost) = world
        .cost_of(
            world
                .store
                .certificates(&named, &after(&first.next_cursor.unwrap(), 10)),
        )
        .await;
    let next = next.unwrap();
    assert_eq!((ids(&next.list), next.total), ((381..=390).rev().collect(), 21));
    assert_eq!((cost.queries, cost.batches), (1, 1));
    let last = world.store.certificates(&named, &page(40, 10)).await.unwrap();
    assert_eq!(
        (ids(&last.list), last.total, last.next_cursor),
        ((1..=10).rev().collect(), 400, None)
    );
    assert_eq!(last.list[9], one);
    let too_deep = world.store.certificates(&named, &page(102, 10)).await;
    assert!(
        matches!(too_deep, Err(StoreError::TooDeep { rows: 1_000 })),
        "{too_deep:?}"
    );
}

#[tokio::test]
async fn bindings() {
    let world = Emulated::new().await;
    let store = &world.store;
    let (one, two) = (
        record(&world, "01", "a.example.com").await.id,
        record(&world, "02", "b.example.com").await.id,
    );
    for website in [2, 1, 3, 1_000_000_000_000_000_000] {
        bind(&world, one, website, true).await;
    }
    bind(&world, two, 3, true).await;
    let rows = |list: &[Binding]| {
        list.iter()
            .map(|b| (b.certificate_id.get(), b.website_id % 1_000, b.active))
            .collect::<Vec<_>>()
    };
    let all = [
        (1, 1, true),
        (1, 2, true),
        (1, 3, false),
        (1, 0, true),
        (2, 3, true),
    ];
    let filter = BindingFilter::default();
    let (found, cost) = world.cost_of(store.bindings(&filter, &page(1, 3))).await;
    let found = found.unwrap();
    assert_eq!((rows(&found.list), found.total), (all[..3].to_vec(), 5));
    assert_eq!(
        (cost.queries, cost.calls),
        (3, 3),
        "the totals, which are counted together, and two lists, which say all"
    );
    let rest = store
        .bindings(&filter, &after(&found.next_cursor.unwrap(), 3))
        .await
        .unwrap();
    assert_eq!(rows(&rest.list), all[3..]);
    assert_eq!(
        rows(&store.bindings(&filter, &page(2, 3)).await.unwrap().list),
        all[3..]
    );
    let of_one = BindingFilter {
        certificate_id: Some(one),
        ..filter.clone()
    };
    let found = store.bindings(&of_one, &page(1, 20)).await.unwrap();
    assert_eq!((rows(&found.list), found.total), (all[..4].to_vec(), 4));
    let inactive = BindingFilter {
        active: Some(false),
        ..of_one.clone()
    };
    let found = store.bindings(&inactive, &page(1, 20)).await.unwrap();
    assert_eq!((rows(&found.list), found.total), (all[2..3].to_vec(), 1));
    let beyond = store.bindings(&of_one, &after("2-3", 20)).await.unwrap();
    assert_eq!(rows(&beyond.list), []);
    let odd = store.bindings(&filter, &after("odd", 20)).await;
    assert!(matches!(odd, Err(StoreError::BadCursor)));
}

#[tokio::test]
async fn accounts_and_values() {
    let world = Emulated::new().await;
    let store = &world.store;
    for number in 1..=5 {
        account(&world, number % 2 + 1, &format!("a{number}@example.com")).await;
    }
    let ids = |list: &[certmint_core::account::Account]| list.iter().map(|a| a.id.get()).collect::<Vec<_>>();
    let all = AccountFilter::default();
    let (first, cost) = world.cost_of(store.accounts(&all, &page(1, 2))).await;
    let first = first.unwrap();
    assert_eq!((ids(&first.list), first.total), (vec![1, 2], 5));
    assert_eq!((cost.queries, cost.batches), (2, 1));
    let next = store
        .accounts(&all, &after(&first.next_cursor.unwrap(), 2))
        .await
        .unwrap();
    assert_eq!(ids(&next.list), [3, 4]);
    let second = AccountFilter {
        provider_id: Some(ProviderId::new(2)),
        ..all
    };
    let found = store.accounts(&second, &page(1, 2)).await.unwrap();
    assert_eq!((ids(&found.list), found.total), (vec![1, 3], 3));
    let found = store.accounts(&second, &page(2, 2)).await.unwrap();
    assert_eq!(
        (ids(&found.list), found.total, found.next_cursor),
        (vec![5], 3, None)
    );

    let records: Vec<TxtRecord> = (0..30).map(|n| value(n, &format!("{n:02}"))).collect();
    store.put_txt(&records).await.unwrap();
    let (deep, cost) = world.cost_of(store.txt_records(None, &page(5, 5))).await;
    let deep = deep.unwrap();
    assert_eq!((deep.list[0].value.as_str(), deep.total), ("09", 30));
    assert_eq!((cost.queries, cost.batches), (3, 1), "{cost:?}");
    let too_deep = store.txt_records(None, &page(102, 100)).await;
    assert!(matches!(too_deep, Err(StoreError::TooDeep { .. })));
}

#[tokio::test]
async fn versions() {
    let world = Emulated::new().await;
    let store = &world.store;
    let of = account(&world, 1, "a@example.com").await;
    let made_by = request(&world, of, "www.example.com").await;
    let id = record(&world, "01", "www.example.com").await.id;
    let next = Certificate {
        id,
        ..certificate("02", "www.example.com")
    };
    let fence = (made_by.id, made_by.lease.fence);
    store.replace_certificate(next, fence).await.unwrap();
    let copies = world.copy(
        ("CERTIFICATE#1", "VERSION#000000000001"),
        2..400,
        |number, item| {
            item.insert("sk".into(), s(&format!("VERSION#{number:012}")));
            item.insert("version".into(), n(number));
        },
    );
    copies.await;
    world.spoil(("CERTIFICATE#1", "META"), "version", n(400)).await;

    let numbers = |list: &[Certificate]| list.iter().map(|c| c.version).collect::<Vec<_>>();
    let (first, cost) = world.cost_of(store.versions_page(id, &page(1, 10), true)).await;
    let first = first.unwrap();
    assert_eq!(
        (numbers(&first.list), first.total),
        ((391..=400).rev().collect(), 400)
    );
    assert!(cost.calls <= 3 && cost.bytes < 250_000, "{cost:?}");
    for asked in [after(&first.next_cursor.unwrap(), 10), page(2, 10)] {
        let (next, cost) = world.cost_of(store.versions_page(id, &asked, true)).await;
        assert_eq!(
            numbers(&next.unwrap().list),
            (381..=390).rev().collect::<Vec<_>>()
        );
        assert!(cost.calls <= 3 && cost.bytes < 250_000, "{cost:?}");
    }
    let last = store.versions_page(id, &page(40, 10), true).await.unwrap();
    assert_eq!(
        (numbers(&last.list), last.next_cursor),
        ((1..=10).rev().collect(), None)
    );
    let beyond = store.versions_page(id, &page(41, 10), true).await.unwrap();
    assert_eq!((numbers(&beyond.list), beyond.next_cursor), (vec![], None));
    for place in ["0", "1", "18446744073709551615-18446744073709551615"] {
        let (found, cost) = world
            .cost_of(store.versions_page(id, &after(place, 5), true))
            .await;
        assert!(found.is_ok() && cost.bytes < 250_000, "{place}: {cost:?}");
    }
}
