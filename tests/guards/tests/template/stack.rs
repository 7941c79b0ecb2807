//! Table, events, environment, alarms.

use std::collections::BTreeSet;

use certmint_guards::source::{alarms, literals};
use certmint_shared::{
    config::VARIABLES,
    kick::{DETAIL_TYPE, SOURCE},
    store::schema::{INDEXES, PRIMARY},
};
use serde_json::{Value, json};

use super::{shared, template, texts};

/// (partition, sort) of a KeySchema.
fn keys(schema: &Value) -> (&str, &str) {
    let name = |kind: &str| {
        let mut keys = schema.as_array().unwrap().iter();
        keys.find(|key| key["KeyType"] == kind).unwrap()["AttributeName"]
            .as_str()
            .unwrap()
    };
    (name("HASH"), name("RANGE"))
}

#[test]
fn the_table_has_the_keys_of_the_store() {
    let template = template();
    let table = &template["Resources"]["Table"];
    let properties = &table["Properties"];
    assert_eq!(keys(&properties["KeySchema"]), PRIMARY);
    let here: BTreeSet<_> = properties["GlobalSecondaryIndexes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|index| {
            let (partition, sort) = keys(&index["KeySchema"]);
            (index["IndexName"].as_str().unwrap(), partition, sort)
        })
        .collect();
    assert_eq!(here, BTreeSet::from(INDEXES));
    let ttl = properties["TimeToLiveSpecification"]["AttributeName"]
        .as_str()
        .unwrap();
    assert!(
        literals(&shared()).contains(ttl),
        "nothing writes the TTL attribute {ttl}"
    );
    for safe in ["DeletionPolicy", "UpdateReplacePolicy"] {
        assert_eq!(table[safe], "Retain", "{safe}");
    }
}

#[test]
fn the_rule_matches_the_kick() {
    let pattern =
        &template()["Resources"]["WorkerFunction"]["Properties"]["Events"]["Kick"]["Properties"]["Pattern"];
    assert_eq!(pattern["source"], json!([SOURCE]));
    assert_eq!(pattern["detail-type"], json!([DETAIL_TYPE]));
}

#[test]
fn every_variable_that_is_set_is_read() {
    let template = template();
    let functions = ["Api", "Download", "Worker", "Cleanup"]
        .map(|f| &template["Resources"][format!("{f}Function")]["Properties"]);
    let places = functions.into_iter().chain([&template["Globals"]["Function"]]);
    let set = places.filter_map(|place| place["Environment"]["Variables"].as_object());
    let set: Vec<&String> = set.flat_map(|variables| variables.keys()).collect();
    assert!(set.len() > 5, "{set:?}");
    for name in set {
        assert!(VARIABLES.contains(&name.as_str()), "nothing reads {name}");
    }
}

#[test]
fn every_alarm_of_the_code_has_a_metric_filter() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap().values();
    let filters: String = resources
        .filter(|resource| resource["Type"] == "AWS::Logs::MetricFilter")
        .flat_map(|resource| texts(&resource["Properties"]["FilterPattern"]))
        .collect();
    let words = alarms(&shared());
    assert!(words.len() > 3, "{words:?}");
    for word in words {
        assert!(
            filters.contains(&format!("\"{word}\"")),
            "alarm = {word:?} has no metric filter"
        );
    }
}

/// AWS (Lambda, "Using Lambda with Amazon SQS"): a queue's visibility timeout below the function's timeout is refused.
#[test]
fn wakes_start_the_worker() {
    let template = template();
    let worker = &template["Resources"]["WorkerFunction"]["Properties"];
    let queue = &template["Resources"]["Wakes"]["Properties"];
    let seconds = |value: &Value| value.as_u64().unwrap();
    assert!(seconds(&queue["VisibilityTimeout"]) >= seconds(&worker["Timeout"]));
    assert!(
        seconds(&queue["MessageRetentionPeriod"]) > 900,
        "longer than the longest delay"
    );
    let of_queue = |value: &Value| value.to_string().contains("\"Wakes");
    assert!(of_queue(
        &worker["Environment"]["Variables"]["CERTMINT_WAKE_QUEUE"]
    ));
    let event = &worker["Events"]["Wake"];
    assert_eq!(event["Type"], "SQS");
    assert!(of_queue(&event["Properties"]["Queue"]));
}
