//! What a call asks leave for: actions, resources and condition keys (AWS, *Service Authorization Reference*).

use std::collections::BTreeSet;

use certmint_guards::{
    iam::Asked,
    stack::{ACCOUNT, REGION},
};
use serde_json::Value;

use crate::{
    faults::{Call, Operation},
    roles::LEADING_KEYS,
};

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// All that the call needs; every part must be allowed.
///
/// # Panics
/// At a call that no function makes.
pub(super) fn of(call: &Call) -> Vec<Asked> {
    if call.target.is_empty() {
        return vec![of_route53(call)];
    }
    let (service, operation) = call.target.split_once('.').expect("a target");
    let input: Value = serde_json::from_slice(&call.body).expect("JSON");
    match service {
        "DynamoDB_20120810" => of_dynamodb(operation, &input),
        "secretsmanager" => of_secrets(operation, &input),
        "TrentService" => vec![of_kms(operation, &input)],
        "AWSEvents" => of_events(&input),
        "AmazonSQS" => vec![of_queue(operation, &input)],
        other => panic!("{other} is called by no function"),
    }
}

fn of_item(action: &str, table: &Value, key: &Value) -> Asked {
    of_items(action, &text(table), [text(&key["pk"]["S"])])
}

fn of_items(action: &str, table: &str, keys: impl IntoIterator<Item = String>) -> Asked {
    let asked = Asked::new(
        format!("dynamodb:{action}"),
        arn("dynamodb", &format!("table/{table}")),
    );
    asked.with(LEADING_KEYS, keys)
}

fn of_dynamodb(operation: &str, input: &Value) -> Vec<Asked> {
    let table = &input["TableName"];
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => vec![of_item(operation, table, &input["Key"])],
        "PutItem" => vec![of_item(operation, table, &input["Item"])],
        "BatchGetItem" => {
            let tables = input["RequestItems"].as_object().expect("tables").iter();
            let of_table = |(table, asked): (&String, &Value)| {
                let keys: BTreeSet<String> = asked["Keys"]
                    .as_array()
                    .expect("keys")
                    .iter()
                    .map(|k| text(&k["pk"]["S"]))
                    .collect();
                of_items("BatchGetItem", table, keys)
            };
            tables.map(of_table).collect()
        }
        "Query" => {
            let table = text(table);
            let place = match input["IndexName"].as_str() {
                Some(index) => format!("{table}/index/{index}"),
                None => table,
            };
            // The first comparison is the partition's.
            let condition = text(&input["KeyConditionExpression"]);
            let value = condition
                .split('=')
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            let key = &input["ExpressionAttributeValues"][value.unwrap_or_default()]["S"];
            vec![of_items("Query", &place, [text(key)])]
        }
        "TransactWriteItems" => {
            let items = input["TransactItems"].as_array().expect("items").iter();
            items.map(of_action).collect()
        }
        other => panic!("dynamodb:{other} is called by no function"),
    }
}

/// An action of a transaction needs its own permission (*Using IAM with DynamoDB transactions*).
fn of_action(item: &Value) -> Asked {
    let (kind, action) = item
        .as_object()
        .and_then(|item| item.iter().next())
        .expect("an action");
    let (name, key) = match kind.as_str() {
        "Put" => ("PutItem", &action["Item"]),
        "Update" => ("UpdateItem", &action["Key"]),
        "Delete" => ("DeleteItem", &action["Key"]),
        "ConditionCheck" => ("ConditionCheckItem", &action["Key"]),
        other => panic!("{other} is no action"),
    };
    of_item(name, &action["TableName"], key)
}

fn of_secrets(operation: &str, input: &Value) -> Vec<Asked> {
    // The random characters are part of the ARN once the secret is there.
    let resource = match operation {
        "CreateSecret" => arn("secretsmanager", &format!("secret:{}", text(&input["Name"]))),
        _ => arn(
            "secretsmanager",
            &format!("secret:{}-AbCdEf", text(&input["SecretId"])),
        ),
    };
    let mut asked = Asked::new(format!("secretsmanager:{operation}"), resource.clone());
    for (field, key) in [
        ("RecoveryWindowInDays", "secretsmanager:RecoveryWindowInDays"),
        (
            "ForceDeleteWithoutRecovery",
            "secretsmanager:ForceDeleteWithoutRecovery",
        ),
    ] {
        if !input[field].is_null() {
            asked = asked.with(key, [input[field].to_string()]);
        }
    }
    let mut all = vec![asked];
    if !input["Tags"].is_null() {
        all.push(Asked::new("secretsmanager:TagResource", resource));
    }
    // With a key of the account's own, Secrets Manager calls KMS in the caller's name (API reference, CreateSecret).
    if let Some(key) = input["KmsKeyId"].as_str() {
        let via = format!("secretsmanager.{REGION}.amazonaws.com");
        for action in ["kms:GenerateDataKey", "kms:Decrypt"] {
            all.push(Asked::new(action, key).with("kms:ViaService", [via.clone()]));
        }
    }
    all
}

fn of_kms(operation: &str, input: &Value) -> Asked {
    let key = text(&input["KeyId"]);
    let key = key
        .strip_prefix("alias/")
        .map_or_else(|| key.clone(), |name| arn("kms", &format!("key/{name}")));
    let context = input["EncryptionContext"].as_object().into_iter().flatten();
    context.fold(
        Asked::new(format!("kms:{operation}"), key),
        |asked, (name, value)| asked.with(&format!("kms:EncryptionContext:{name}"), [text(value)]),
    )
}

fn of_events(input: &Value) -> Vec<Asked> {
    let entries = input["Entries"].as_array().expect("entries").iter();
    let of_entry = |entry: &Value| {
        let bus = arn("events", &format!("event-bus/{}", text(&entry["EventBusName"])));
        Asked::new("events:PutEvents", bus)
            .with("events:source", [text(&entry["Source"])])
            .with("events:detail-type", [text(&entry["DetailType"])])
    };
    entries.map(of_entry).collect()
}

/// A queue's URL ends in its name, as its ARN does.
fn of_queue(operation: &str, input: &Value) -> Asked {
    let url = text(&input["QueueUrl"]);
    let name = url.rsplit('/').next().unwrap_or_default();
    Asked::new(format!("sqs:{operation}"), arn("sqs", name))
}

/// The texts of an element, wherever it stands.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1);
    parts
        .filter_map(|part| part.split(&close).next())
        .map(str::to_owned)
        .collect()
}

fn of_route53(call: &Call) -> Asked {
    let parts: Vec<&str> = call.path.split('/').filter(|part| !part.is_empty()).collect();
    let resource = |kind: &str| format!("arn:aws:route53:::{kind}/{}", parts.get(2).unwrap_or(&""));
    match call.operation {
        Operation::ListHostedZones => Asked::new("route53:ListHostedZones", "*"),
        Operation::GetChange => Asked::new("route53:GetChange", resource("change")),
        Operation::ListResourceRecordSets => {
            Asked::new("route53:ListResourceRecordSets", resource("hostedzone"))
        }
        Operation::ChangeResourceRecordSets => {
            let xml = String::from_utf8_lossy(&call.body);
            // Normalized: lower case, without the last dot.
            let names = elements(&xml, "Name")
                .into_iter()
                .map(|name| name.trim_end_matches('.').to_ascii_lowercase());
            let key = |name: &str| format!("route53:ChangeResourceRecordSets{name}");
            Asked::new("route53:ChangeResourceRecordSets", resource("hostedzone"))
                .with(&key("NormalizedRecordNames"), names)
                .with(&key("RecordTypes"), elements(&xml, "Type"))
                .with(&key("Actions"), elements(&xml, "Action"))
        }
        _ => panic!("{} is called by no function", call.path),
    }
}
