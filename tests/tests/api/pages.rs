//! Cursors: each leads on in its own list alone, whatever a client sends as one, and no page costs more than a page.

use std::time::Duration;

use certmint_core::{
    certificate::{Certificate, CertificateSource},
    challenge::{DesiredState, TxtRecord, TxtStatus},
    clock::Clock,
    issuance::RequestStatus,
    words::{CertificateId, Fqdn, RequestId},
};
use certmint_shared::{
    clock::SystemClock,
    store::{CertificateStore, RenewalStore, RequestFilter, RequestStore, TxtLedger},
};
use serde_json::Value;

use super::{Client, refused};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Every list that goes on behind a page, with a filter or without.
pub(super) const LISTS: [&str; 16] = [
    "/certificates?",
    "/certificates?source=acme&",
    "/certificates?kind=certificate&",
    "/certificates?kind=request&",
    "/certificates?name=example.com&",
    "/certificates?status=issued&",
    "/certificates/bindings?",
    "/certificates/bindings?status=active&",
    "/certificates/1/versions?",
    "/certificates/renewal/candidates?renewBeforeDays=3650&",
    "/certificates/renewal/candidates?renewBeforeDays=3650&status=issued&",
    "/acme/certificate/requests?",
    "/acme/certificate/requests?status=pending&",
    "/acme/accounts?",
    "/acme/accounts?providerId=1&",
    "/acme/challenges?",
];

/// Five rows or more in each of them.
pub(super) async fn filled() -> Client {
    let client = Client::new().await;
    client.account().await;
    let id = client
        .certificate("00", "b0.example.com", CertificateSource::Acme)
        .await;
    let template = client.store.certificate(id).await.unwrap();
    for n in 1..=6 {
        let email = format!(r#"{{"providerName":"letsencrypt","email":"a{n}@example.com"}}"#);
        client.post("/acme/account/create", &email).await;
        let body = format!(r#"{{"accountId":1,"domains":["a{n}.example.com"]}}"#);
        client.post("/acme/certificate/request", &body).await;
        let soon = Certificate {
            fingerprint: format!("0{n}"),
            names: vec![format!("b{n}.example.com").parse().unwrap()],
            expires_at: template.created_at.plus(DAY * n),
            ..template.clone()
        };
        client.store.record_certificate(soon, None).await.unwrap();
        let bind = format!(r#"{{"websiteId":{n}}}"#);
        client.post(&format!("/certificates/{n}/bind"), &bind).await;
    }
    let held = client.store.request(RequestId::new(1)).await.unwrap();
    let now = SystemClock.now();
    for n in 1..=4 {
        let old = client.store.certificate(CertificateId::new(1)).await.unwrap();
        let next = Certificate {
            fingerprint: format!("1{n}"),
            ..old
        };
        let fence = (held.id, held.lease.fence);
        client.store.replace_certificate(next, fence).await.unwrap();
    }
    let value = |n: u64| TxtRecord {
        fqdn: Fqdn::new("_acme-challenge.example.com"),
        value: format!("v{n}"),
        zone_id: "Z1".into(),
        zone: Fqdn::new("example.com"),
        owner_id: RequestId::new(n),
        fence: 1,
        unsettled: false,
        desired_state: DesiredState::Present,
        status: TxtStatus::Active,
        expires_at: now.plus(DAY),
        created_at: now,
        updated_at: now,
    };
    let values: Vec<TxtRecord> = (1..=5).map(value).collect();
    client.store.put_txt(&values).await.unwrap();
    client
}

fn data(body: &str) -> Value {
    serde_json::from_str::<Value>(body).unwrap()["data"].take()
}

async fn page(client: &Client, list: &str, query: &str) -> Value {
    let answer = client.get(&format!("{list}{query}")).await;
    assert_eq!(answer.status, 200, "{list}{query}: {}", answer.body);
    data(&answer.body)
}

/// All rows, a page of this size at a time.
async fn walked(client: &Client, list: &str, size: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    for _ in 0..50 {
        let mut page = page(client, list, &format!("pageSize={size}{cursor}")).await;
        let Value::Array(here) = page["list"].take() else {
            panic!("{page}");
        };
        assert!(here.len() <= size, "{list}");
        rows.extend(here);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
    panic!("{list} does not end");
}

#[tokio::test]
async fn every_list_is_walked_without_loss_or_repeat() {
    let client = filled().await;
    for list in LISTS {
        let whole = page(&client, list, "pageSize=100").await["list"].take();
        let whole = whole.as_array().unwrap();
        assert!(whole.len() >= 5, "{list}: {}", whole.len());
        for size in [1, 2, 3] {
            assert_eq!(walked(&client, list, size).await, *whole, "{list} by {size}");
        }
    }
}

pub(super) async fn cursor_of(client: &Client, list: &str, size: usize) -> String {
    let page = page(client, list, &format!("pageSize={size}")).await;
    let cursor = page["nextCursor"].as_str();
    cursor.unwrap_or_else(|| panic!("{list}: {page}")).to_owned()
}

/// At most what the dearest list reads for a page of two, with the rows beside it.
pub(super) fn costs_a_page(cost: &certmint_tests::dynamo::Cost, what: &str) {
    assert!(cost.calls <= 45 && cost.bytes < 150_000, "{what}: {cost:?}");
}

#[tokio::test]
async fn a_cursor_leads_on_in_its_own_list_alone() {
    let client = filled().await;
    let mut cursors = Vec::new();
    for list in LISTS {
        cursors.push((list, cursor_of(&client, list, 2).await));
    }
    for (of, cursor) in &cursors {
        for list in LISTS {
            let (answer, cost) = client
                .world
                .cost_of(client.get(&format!("{list}cursor={cursor}&pageSize=2")))
                .await;
            costs_a_page(&cost, list);
            match list == *of {
                true => assert_eq!(answer.status, 200, "{list}: {}", answer.body),
                false => refused(&answer, 400, 2003, "cursor is not one"),
            }
        }
        // Lists that have no second page take none.
        for list in ["/acme/providers?", "/acme/accounts/defaults?"] {
            let answer = client.get(&format!("{list}cursor={cursor}")).await;
            refused(&answer, 400, 2003, "cursor is not one");
        }
        // Another page size, and what is no filter, go on.
        let more = page(&client, of, &format!("cursor={cursor}&pageSize=100&page=7&odd=x")).await;
        let rest = page(&client, of, "pageSize=100").await["list"].take();
        assert_eq!(
            more["list"].as_array().unwrap()[..],
            rest.as_array().unwrap()[2..],
            "{of}"
        );
    }
}

#[tokio::test]
async fn whatever_else_is_sent_as_a_cursor_is_refused_before_a_read() {
    let client = filled().await;
    client.get("/acme/accounts").await;
    for list in LISTS {
        let good = cursor_of(&client, list, 2).await;
        let long = "A".repeat(20_000);
        let turned: String = good.chars().rev().collect();
        let grown = format!("{good}A");
        let other = match good.strip_prefix('A') {
            Some(rest) => format!("B{rest}"),
            None => format!("A{}", &good[1..]),
        };
        let forged = [
            "0",
            "1",
            "-1",
            "2-0",
            "999999999999",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999",
            "1-18446744073709551615",
            "1_1",
            "%00",
            "%F0%9F%92%A9",
            "%C3%A4",
            "..",
            "null",
            "eyJpZCI6MX0",
            "MSMyIzM",
            &long,
            &turned,
            &grown,
            &other,
            &good[1..],
            &good[..good.len() - 1],
            &good[..good.len() / 2],
        ];
        for cursor in forged {
            let path = format!("{list}cursor={cursor}&pageSize=2");
            let (answer, cost) = client.world.cost_of(client.get(&path)).await;
            // What no text of a query may be is said of this one, too.
            let is_text = cursor != "%00" && cursor.len() <= 4_096;
            let why = if is_text { "cursor is not one" } else { "cursor " };
            refused(&answer, 400, 2003, why);
            assert_eq!(cost.calls, 0, "{list}{cursor}");
        }
    }
    for page in ["0", "-1", "1000001", "99999999999999999999", "x"] {
        let (answer, cost) = client
            .world
            .cost_of(client.get(&format!("/acme/certificate/requests?page={page}")))
            .await;
        assert_eq!((answer.status, cost.calls), (400, 0), "{page}");
    }
}

/// By number no list is read on and on.
#[tokio::test]
async fn a_page_too_far_is_told_to_follow_the_cursor() {
    let client = filled().await;
    client.get("/acme/accounts").await;
    for list in LISTS {
        let path = format!("{list}page=5000&pageSize=100");
        let (answer, cost) = client.world.cost_of(client.get(&path)).await;
        refused(&answer, 400, 2003, "rows on; follow nextCursor");
        // At most the certificate whose versions they are is read, or bindings are counted.
        assert!(cost.calls <= 2, "{path}: {cost:?}");
    }
}

/// A store's own cursors are no text of a client, and still cost no more than a page.
#[tokio::test]
async fn an_extreme_place_costs_a_page() {
    let client = filled().await;
    for cursor in [
        "18446744073709551615-18446744073709551615",
        "0-18446744073709551615",
        "1",
    ] {
        for min_attempts in [None, Some(1)] {
            let filter = RequestFilter {
                status: Some(RequestStatus::Pending),
                min_attempts,
                ..RequestFilter::default()
            };
            let asked = certmint_core::words::PageRequest {
                cursor: Some(cursor.into()),
                ..certmint_core::words::PageRequest::default()
            };
            let (found, cost) = client.world.cost_of(client.store.requests(&filter, &asked)).await;
            found.unwrap();
            costs_a_page(&cost, cursor);
        }
    }
}
