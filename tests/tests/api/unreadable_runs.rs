//! The list of both kinds over runs of items that cannot be read: a page costs no more for them, it ends early, and over all
//! pages each row that can be read is there once, in its place.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use certmint_core::certificate::CertificateSource;
use serde_json::Value;

use super::{Client, refused};

const STATUSES: [&str; 3] = ["pending", "running", "failed"];

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// What cannot be read: certificates and requests by their ids.
type Spoiled = fn(&'static str, u64) -> bool;

/// So many certificates and requests, made in turn; the requests stand in turn in each of the three lists.
async fn world((certificates, requests): (u64, u64), is_spoiled: Spoiled) -> Client {
    let client = Client::new().await;
    client.account().await;
    client
        .certificate("00", "www.example.com", CertificateSource::Acme)
        .await;
    let body = r#"{"accountId":1,"domains":["r.example.com"]}"#;
    assert_eq!(client.post("/acme/certificate/request", body).await.status, 200);
    type Item = HashMap<String, AttributeValue>;
    let placed = |item: &mut Item, kind: &'static str, id: u64, made: u64| {
        item.insert("pk".into(), s(&format!("{kind}#{id}")));
        item.insert("id".into(), n(id));
        item.insert("list_sk".into(), s(&format!("{id:012}")));
        item.insert("created_at".into(), n(made));
        if is_spoiled(kind, id) {
            item.insert("version".into(), s("odd"));
            item.insert("issuance".into(), s("{}"));
        }
    };
    let copies = client
        .world
        .copy(("CERTIFICATE#1", "META"), 1..certificates + 1, |id, item| {
            placed(item, "CERTIFICATE", id, 1_000 + 2 * id);
        });
    copies.await;
    let copies = client
        .world
        .copy(("REQUEST#1", "META"), 1..requests + 1, |id, item| {
            placed(item, "REQUEST", id, 1_001 + 2 * id);
            let status = STATUSES[usize::try_from(id % 3).unwrap()];
            item.insert("list_pk".into(), s(&format!("REQUEST#{status}")));
            item.insert("status".into(), s(status));
        });
    copies.await;
    // What is counted says which of the lists of certificates have rows; pending ones have a counter, too.
    client
}

/// The rows that can be read, the newest first.
fn expected((certificates, requests): (u64, u64), is_spoiled: Spoiled) -> Vec<(&'static str, u64)> {
    let certificates = (1..=certificates).map(|id| (2 * id, "CERTIFICATE", id));
    let requests = (1..=requests).map(|id| (2 * id + 1, "REQUEST", id));
    let mut all: Vec<_> = certificates.chain(requests).collect();
    all.sort_unstable();
    let readable = all
        .into_iter()
        .rev()
        .filter(|(_, kind, id)| !is_spoiled(kind, *id));
    readable.map(|(_, kind, id)| (kind, id)).collect()
}

/// All rows over all pages, and how many pages there are. No page costs more than the lists' pages and one more of each.
async fn walked(client: &Client, size: u64) -> (Vec<(&'static str, u64)>, usize) {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    for pages in 1..200 {
        let path = format!("/certificates?pageSize={size}{cursor}");
        let (answer, cost) = client.world.cost_of(client.get(&path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        // Eight reads, four batches each at most, and what the rows themselves need.
        let batches = 8 * size.div_ceil(25) + 3;
        assert!(cost.batches as u64 <= batches, "{path}: {cost:?}");
        // Fifteen lists are counted once; twelve are read beside a count for certificates, one for requests.
        assert!(cost.queries <= 15 + 5 * 12 + 4, "{path}: {cost:?}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let list = body["data"]["list"].as_array().unwrap();
        assert!(list.len() as u64 <= size, "{path}");
        rows.extend(list.iter().map(|row| match row["kind"].as_str() {
            Some("certificate") => ("CERTIFICATE", row["id"].as_u64().unwrap()),
            _ => ("REQUEST", row["id"].as_u64().unwrap()),
        }));
        match body["data"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (rows, pages),
        }
    }
    panic!("the list does not end");
}

#[tokio::test]
async fn every_row_is_there_once_whatever_stands_between() {
    let scrambled: Spoiled = |kind, id| (id * 2_654_435_761 + kind.len() as u64 * 97) % 1_000 < 700;
    for (what, is_spoiled) in [
        ("none", (|_, _| false) as Spoiled),
        ("the newest certificates", |kind, id| {
            kind == "CERTIFICATE" && id > 15
        }),
        ("the oldest certificates", |kind, id| {
            kind == "CERTIFICATE" && id < 25
        }),
        ("all certificates", |kind, _| kind == "CERTIFICATE"),
        ("the newest requests", |kind, id| kind == "REQUEST" && id > 12),
        ("all requests of one status", |kind, id| {
            kind == "REQUEST" && id % 3 == 1
        }),
        ("all requests", |kind, _| kind == "REQUEST"),
        ("a run in both", |_, id| (8..33).contains(&id)),
        ("the newest of one, the oldest of the other", |kind, id| {
            if kind == "REQUEST" { id < 25 } else { id > 15 }
        }),
        ("all but the oldest", |_, id| id > 1),
        ("all", |_, _| true),
        ("scrambled", scrambled),
    ] {
        let counts = (40, 36);
        let client = world(counts, is_spoiled).await;
        let expected = expected(counts, is_spoiled);
        for size in [1, 2, 7, 100] {
            let (rows, pages) = walked(&client, size).await;
            assert_eq!(rows, expected, "{what} by {size}");
            assert!(pages <= 80, "{what} by {size}: {pages} pages");
        }
    }
}

/// As many as an operator never wants to see.
#[tokio::test]
async fn thousands_of_unreadable_items_cost_pages_and_no_page_more() {
    let counts = (1_500, 3);
    let is_spoiled: Spoiled = |kind, id| kind == "CERTIFICATE" && id > 2;
    let client = world(counts, is_spoiled).await;
    for size in [7, 100] {
        assert_eq!(walked(&client, size).await.0, expected(counts, is_spoiled));
    }
    let first = client.get("/certificates?pageSize=1").await;
    assert!(
        first.body.contains(r#""list":[]"#) && first.body.contains("nextCursor"),
        "{}",
        first.body
    );
    // By number nobody knows which rows those are.
    let second = client.get("/certificates?pageSize=5&page=2").await;
    refused(&second, 400, 2003, "follow nextCursor");
}
