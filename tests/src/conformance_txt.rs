//! What every store must do with the TXT ledger. Each function takes a fresh store.

use std::{collections::BTreeSet, time::Duration};

use certmint_core::{
    challenge::{DesiredState, IN_FLIGHT, SHOWN, TxtRecord, TxtStatus},
    words::{Fqdn, PageRequest, RequestId},
};

use certmint_shared::store::StoreError;

use crate::{conformance_store::start, store::Store};

fn name() -> Fqdn {
    Fqdn::new("_acme-challenge.example.com")
}

fn intent(owner: u64, value: &str) -> TxtRecord {
    TxtRecord {
        fqdn: name(),
        value: value.into(),
        zone_id: "Z1".into(),
        zone: Fqdn::new("example.com"),
        owner_id: RequestId::new(owner),
        fence: 1,
        unsettled: false,
        desired_state: DesiredState::Present,
        status: TxtStatus::Pending,
        expires_at: start().plus(Duration::from_secs(7200)),
        created_at: start(),
        updated_at: start(),
    }
}

async fn stored(store: &dyn Store) -> Vec<TxtRecord> {
    let mut records = store.txt_rrset(&name()).await.expect("a list");
    records.sort_by_key(|r| (r.value.clone(), r.owner_id));
    records
}

/// A value has one record for each request: wanting it again keeps what is known of it, and no request's obligation is
/// lost in another's.
pub async fn a_value_is_one_record_a_request(store: &dyn Store) {
    store
        .put_txt(&[intent(1, "a"), intent(2, "b")])
        .await
        .expect("written");
    store.put_txt(&[intent(1, "a")]).await.expect("written again");
    let now = start().plus(Duration::from_secs(1));
    store
        .confirm_txt(&[(intent(1, "a"), TxtStatus::Active)], now)
        .await
        .expect("confirmed");
    let later = start().plus(Duration::from_secs(2));
    let again = |owner| TxtRecord {
        created_at: later,
        updated_at: later,
        ..intent(owner, "a")
    };
    let wanted = [again(1), again(3)];
    store
        .put_txt(&wanted)
        .await
        .expect("wanted again, and by another");
    let first = TxtRecord {
        created_at: start(),
        status: TxtStatus::Active,
        ..again(1)
    };
    // A later look finds the name in another zone: what stands in the first one is owed still.
    let moved = TxtRecord {
        zone_id: "Z2".into(),
        ..intent(2, "b")
    };
    store
        .put_txt(std::slice::from_ref(&moved))
        .await
        .expect("wanted in another zone");
    let both = store.txt_of_request(RequestId::new(2)).await.expect("a list");
    assert_eq!(both.len(), 2);
    store
        .confirm_txt(&[(moved, TxtStatus::Removed)], start())
        .await
        .expect("closed");
    let records = [first, again(3), intent(2, "b")];
    assert_eq!(stored(store).await, records, "the first may stand in the zone");
    for record in &records {
        let of_one = store.txt_of_request(record.owner_id).await.expect("a list");
        assert_eq!(of_one, std::slice::from_ref(record));
    }
    let page = PageRequest::default();
    let found = store.txt_records(None, &page).await.expect("a page");
    assert_eq!((found.total, found.list.len()), (4, 4));

    store
        .confirm_txt(&[(again(3), TxtStatus::Removed)], later)
        .await
        .expect("closed");
    assert_eq!(
        stored(store).await,
        [&records[0], &records[2]].map(Clone::clone),
        "the first is still owed"
    );
}

/// What changed since it was read is not written over; what is removed is closed until it is wanted again.
pub async fn confirmations_are_conditional(store: &dyn Store) {
    store.put_txt(&[intent(1, "a")]).await.expect("written");
    let now = start().plus(Duration::from_secs(1));
    let unwanted = TxtRecord {
        desired_state: DesiredState::Absent,
        updated_at: now,
        ..intent(1, "a")
    };
    store
        .put_txt(std::slice::from_ref(&unwanted))
        .await
        .expect("written");
    for status in [TxtStatus::Active, TxtStatus::Removed] {
        store
            .confirm_txt(&[(intent(1, "a"), status)], now)
            .await
            .expect("left alone");
        assert_eq!(stored(store).await, vec![unwanted.clone()]);
    }
    store
        .confirm_txt(&[(unwanted, TxtStatus::Removed)], now)
        .await
        .expect("closed");
    assert_eq!(stored(store).await, vec![]);
    assert_eq!(
        store.txt_of_request(RequestId::new(1)).await.expect("a list"),
        vec![]
    );
    let later = start().plus(Duration::from_secs(3));
    let again = TxtRecord {
        updated_at: later,
        ..intent(1, "a")
    };
    store
        .put_txt(std::slice::from_ref(&again))
        .await
        .expect("wanted again");
    assert_eq!(stored(store).await, vec![again]);
}

/// Cleanup is told of what to look at, and when.
pub async fn what_is_due(store: &dyn Store) {
    let ends = start().plus(Duration::from_secs(7200));
    let absent = |value: &str, status| TxtRecord {
        desired_state: DesiredState::Absent,
        status,
        ..intent(1, value)
    };
    let records = [
        intent(1, "wanted"),
        absent("maybe", TxtStatus::Pending),
        absent("stands", TxtStatus::Active),
        absent("gone", TxtStatus::Removed),
    ];
    store.put_txt(&records).await.expect("written");
    let none = BTreeSet::new();
    let due = async |at| {
        let mut due: Vec<String> = store
            .due_txt(at, 10, &none)
            .await
            .expect("a list")
            .into_iter()
            .map(|r| r.value)
            .collect();
        due.sort();
        due
    };
    assert_eq!(due(start()).await, ["stands"]);
    assert_eq!(due(start().plus(IN_FLIGHT)).await, ["maybe", "stands"]);
    assert_eq!(due(ends).await, ["maybe", "stands", "wanted"]);
    assert_eq!(store.due_txt(ends, 2, &none).await.expect("a list").len(), 2);
    let page = PageRequest::default();
    for (desired, total) in [
        (Some(DesiredState::Present), 1),
        (Some(DesiredState::Absent), 3),
        (None, 4),
    ] {
        let list = store.txt_records(desired, &page).await.expect("a page");
        assert_eq!(
            (list.total, list.list.len()),
            (total, list.list.len()),
            "{desired:?}"
        );
        assert_eq!(list.list.len() as u64, total);
    }
    let elsewhere = TxtRecord {
        zone_id: "Z9".into(),
        ..absent("elsewhere", TxtStatus::Active)
    };
    store.put_txt(&[elsewhere]).await.expect("written");
    let ours = intent(1, "stands").zone_id;
    for (passed_over, found) in [("Z9", "stands"), (&*ours, "elsewhere")] {
        let over = BTreeSet::from([passed_over.to_owned()]);
        let due = store.due_txt(start(), 1, &over).await.expect("a list");
        assert_eq!(due.len(), 1, "another zone's takes no place");
        assert_eq!(due[0].value, found);
    }
}

/// What is gone is shown for a time, then forgotten with its count; a cursor leads through all.
pub async fn forgetting(store: &dyn Store) {
    let later = |n: u64| start().plus(Duration::from_secs(n));
    let gone = |n: u64| TxtRecord {
        desired_state: DesiredState::Absent,
        status: TxtStatus::Removed,
        created_at: later(n),
        updated_at: later(n),
        ..intent(n, &format!("v{n}"))
    };
    let records: Vec<TxtRecord> = (1..=5).map(gone).collect();
    store.put_txt(&records).await.expect("written");
    store.put_txt(&[intent(9, "stays")]).await.expect("written");
    let mut page = PageRequest {
        page_size: 2,
        ..PageRequest::default()
    };
    let mut seen = vec![];
    loop {
        let found = store.txt_records(None, &page).await.expect("a page");
        assert_eq!(found.total, 6);
        seen.extend(found.list.into_iter().map(|r| r.value));
        page.cursor = found.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["v5", "v4", "v3", "v2", "v1", "stays"]);
    page.cursor = Some("nonsense".into());
    assert!(store.txt_records(None, &page).await.is_err());

    let at = later(3).plus(SHOWN);
    assert_eq!(store.forget_txt(start(), 10).await.expect("none"), 0);
    // Wanted again in the last moment.
    let again = TxtRecord {
        updated_at: at,
        ..intent(2, "v2")
    };
    store.put_txt(&[again]).await.expect("written");
    assert_eq!(store.forget_txt(at, 10).await.expect("two"), 2);
    assert_eq!(store.forget_txt(at, 10).await.expect("none"), 0);
    for (desired, total) in [
        (Some(DesiredState::Absent), 2),
        (Some(DesiredState::Present), 2),
        (None, 4),
    ] {
        let page = PageRequest::default();
        let found = store.txt_records(desired, &page).await.expect("a page");
        assert_eq!(
            (found.total, found.list.len()),
            (total, total as usize),
            "{desired:?}"
        );
    }
}

/// Who lost the lease of a request changes none of its values, neither wanting nor giving up; the next holder does, and
/// what others wrote in the same call is written.
pub async fn a_later_fence_decides(store: &dyn Store) {
    let under = |fence, value: &str, desired_state| TxtRecord {
        fence,
        desired_state,
        ..intent(1, value)
    };
    let (present, absent) = (DesiredState::Present, DesiredState::Absent);
    store.put_txt(&[under(3, "a", present)]).await.expect("written");
    for late in [absent, present] {
        let both = [under(2, "a", late), under(2, "b", late)];
        let refused = store.put_txt(&both).await;
        assert!(
            matches!(&refused, Err(StoreError::LeaseLost(id)) if *id == RequestId::new(1)),
            "{refused:?}"
        );
        assert_eq!(stored(store).await, [under(3, "a", present), under(2, "b", late)]);
    }
    // What a confirmation read is not what stands.
    let later = start().plus(Duration::from_secs(1));
    store
        .confirm_txt(&[(under(2, "a", present), TxtStatus::Removed)], later)
        .await
        .expect("an answer");
    assert_eq!(stored(store).await[0], under(3, "a", present));
    for (fence, desired) in [(3, absent), (4, present), (4, absent)] {
        store
            .put_txt(&[under(fence, "a", desired)])
            .await
            .expect("written");
        assert_eq!(stored(store).await[0], under(fence, "a", desired));
    }
}
