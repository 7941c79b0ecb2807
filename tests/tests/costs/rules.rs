//! The rules of AWS that the emulator counts by (*DynamoDB read and write operations*; *Managing complex workflows with
//! DynamoDB transactions*): each case is an item of a known size, and what the pages say that its write or read costs.

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnConsumedCapacity, TransactWriteItem, Update,
};
use certmint_tests::dynamo::Emulated;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

const TABLE: &str = "certmint";

type Item = HashMap<String, AttributeValue>;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// An item of so many bytes beside its keys, in the list of a status if that is named.
fn item(pk: &str, bytes: usize, list: Option<&str>) -> Item {
    let mut item = Item::from([("pk".into(), s(pk)), ("sk".into(), s("META"))]);
    item.insert("x".into(), s(&"x".repeat(bytes)));
    if let Some(list) = list {
        item.insert("list_pk".into(), s(list));
        item.insert("list_sk".into(), s("1"));
    }
    item
}

fn with(mut item: Item, name: &str, value: &str) -> Item {
    item.insert(name.into(), s(value));
    item
}

async fn put(world: &Emulated, item: Item) -> f64 {
    let put = world.client.put_item().table_name(TABLE).set_item(Some(item));
    let put = put.return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    let units = put.send().await.unwrap().consumed_capacity;
    units.unwrap().capacity_units.unwrap()
}

async fn transact(world: &Emulated, action: TransactWriteItem) -> f64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let token = CALLS.fetch_add(1, Ordering::Relaxed).to_string();
    let tx = world.client.transact_write_items().transact_items(action);
    let tx = tx.client_request_token(token);
    let tx = tx.return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    let units = tx.send().await.unwrap().consumed_capacity.unwrap_or_default();
    units.iter().filter_map(|of| of.capacity_units).sum()
}

fn key(pk: &str) -> Item {
    Item::from([("pk".into(), s(pk)), ("sk".into(), s("META"))])
}

#[tokio::test]
async fn a_write_costs_what_aws_says() {
    let world = &Emulated::new().await;
    let listed = |bytes, list| item("a", bytes, Some(list));
    let steps = [
        (
            "a new item, and its row in an index",
            put(world, listed(100, "L1")).await,
            2.0,
        ),
        (
            "the same again: the index does not change",
            put(world, listed(100, "L1")).await,
            1.0,
        ),
        (
            "another attribute that no index holds",
            put(world, listed(200, "L1")).await,
            1.0,
        ),
        (
            "into another list: a row less, a row more",
            put(world, listed(200, "L2")).await,
            3.0,
        ),
        (
            "an attribute that the index holds",
            put(world, with(listed(200, "L2"), "status", "running")).await,
            2.0,
        ),
        (
            "above one kilobyte",
            put(world, with(listed(1_100, "L2"), "status", "running")).await,
            2.0,
        ),
        (
            "smaller again: the larger of both counts",
            put(world, with(listed(10, "L2"), "status", "running")).await,
            2.0,
        ),
        ("out of the list", put(world, item("a", 10, None)).await, 2.0),
        ("nothing changes", put(world, item("a", 10, None)).await, 1.0),
    ];
    for (what, counted, said) in steps {
        assert_eq!(counted, said, "{what}");
    }
}

#[tokio::test]
async fn in_a_transaction_the_table_costs_twice_and_the_index_once() {
    let world = &Emulated::new().await;
    let action = TransactWriteItem::builder;
    let put = |item: Item| {
        let put = Put::builder().table_name(TABLE).set_item(Some(item)).build();
        action().put(put.unwrap()).build()
    };
    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .set_key(Some(key("a")));
    let check = check
        .condition_expression("attribute_exists(pk)")
        .build()
        .unwrap();
    let add = Update::builder().table_name(TABLE).set_key(Some(key("n")));
    let add = add
        .update_expression("ADD n :one")
        .expression_attribute_values(":one", AttributeValue::N("1".into()));
    let delete = Delete::builder()
        .table_name(TABLE)
        .set_key(Some(key("a")))
        .build()
        .unwrap();
    let steps = [
        (
            "a new item with a row",
            transact(world, put(item("a", 100, Some("L1")))).await,
            3.0,
        ),
        (
            "into another list",
            transact(world, put(item("a", 100, Some("L2")))).await,
            4.0,
        ),
        (
            "above one kilobyte",
            transact(world, put(item("a", 1_100, Some("L2")))).await,
            4.0,
        ),
        (
            "a condition on two kilobytes",
            transact(world, action().condition_check(check).build()).await,
            4.0,
        ),
        (
            "a counter",
            transact(world, action().update(add.build().unwrap()).build()).await,
            2.0,
        ),
        (
            "gone, with its row",
            transact(world, action().delete(delete).build()).await,
            5.0,
        ),
    ];
    for (what, counted, said) in steps {
        assert_eq!(counted, said, "{what}");
    }
}

#[tokio::test]
async fn a_read_costs_what_aws_says() {
    let world = &Emulated::new().await;
    for (pk, bytes) in [("small", 100), ("large", 5_000)] {
        put(world, item(pk, bytes, Some("L"))).await;
    }
    let get = async |pk: &str, is_consistent: bool| {
        let get = world.client.get_item().table_name(TABLE).set_key(Some(key(pk)));
        let get = get
            .consistent_read(is_consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        get.send()
            .await
            .unwrap()
            .consumed_capacity
            .unwrap()
            .capacity_units
            .unwrap()
    };
    let query = async |index: &str, pk: &str, value: &str| {
        let query = world.client.query().table_name(TABLE).index_name(index);
        let query = query.key_condition_expression(format!("{pk} = :p"));
        let query = query.expression_attribute_values(":p", s(value));
        let query = query.return_consumed_capacity(ReturnConsumedCapacity::Total);
        query
            .send()
            .await
            .unwrap()
            .consumed_capacity
            .unwrap()
            .capacity_units
            .unwrap()
    };
    for (what, counted, said) in [
        ("up to four kilobytes", get("small", true).await, 1.0),
        ("as it was a moment ago", get("small", false).await, 0.5),
        ("above four kilobytes", get("large", true).await, 2.0),
        ("what is not there", get("nothing", true).await, 1.0),
        ("keys of an index", query("list", "list_pk", "L").await, 0.5),
        ("an empty index", query("work", "work_pk", "W").await, 0.5),
    ] {
        assert_eq!(counted, said, "{what}");
    }
}
