//! The table of calls in docs/operations.md, made from what was called.

use std::collections::BTreeMap;

use super::{Calls, Operation};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
const BEGIN: &str = "<!-- made by CERTMINT_BLESS=1 cargo test -p certmint-tests --test costs -->\n";
const END: &str = "<!-- end -->\n";

/// Calls of DynamoDB in the order of their rows.
const AWS: [Operation; 7] = [
    Operation::TransactWriteItems,
    Operation::PutItem,
    Operation::UpdateItem,
    Operation::DeleteItem,
    Operation::GetItem,
    Operation::BatchGetItem,
    Operation::Query,
];

fn row(name: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {name} | {} |\n", cells.join(" | "))
}

fn shown(n: f64) -> String {
    if n == 0.0 { String::new() } else { n.to_string() }
}

#[allow(clippy::cast_precision_loss, reason = "some hundred calls")]
fn count(n: usize) -> String {
    shown(n as f64)
}

fn table(columns: &[(&str, &Calls)]) -> String {
    let all: Vec<&Calls> = columns.iter().map(|(_, calls)| *calls).collect();
    let names = columns.iter().map(|(name, _)| (*name).to_owned());
    let mut text = row("", names) + &row("---", columns.iter().map(|_| "---".to_owned()));
    for operation in AWS {
        let calls = |calls: &&Calls| {
            calls
                .aws
                .iter()
                .filter(|one| one.call.operation == operation)
                .count()
        };
        text += &row(&format!("{operation:?}"), all.iter().map(|c| count(calls(c))));
    }
    text += &row("**write units**", all.iter().map(|c| shown(c.writes())));
    text += &row("**read units**", all.iter().map(|c| shown(c.reads())));
    text += &row("saves of the request", all.iter().map(|c| count(c.saves())));
    text += &row("SQS: SendMessage", all.iter().map(|c| count(c.wakes)));
    let mut kinds: BTreeMap<&str, ()> = BTreeMap::new();
    kinds.extend(
        all.iter()
            .flat_map(|c| c.acme.keys())
            .map(|kind| (kind.as_str(), ())),
    );
    for (kind, ()) in kinds {
        let asked = all
            .iter()
            .map(|c| count(c.acme.get(kind).copied().unwrap_or_default()));
        text += &row(&format!("CA: {kind}"), asked);
    }
    text + &row("**requests to the CA**", all.iter().map(|c| count(c.acme())))
}

/// Compares the file with what was counted, or writes it.
pub(super) fn check(columns: &[(&str, &Calls)]) {
    let made = table(columns);
    let text = std::fs::read_to_string(FILE).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("CERTMINT_BLESS").is_some() {
        std::fs::write(FILE, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert!(found == made, "docs/operations.md is stale; counted:\n{made}");
}
