//! docs/security.md shows the roles as the template has them. `CERTMINT_BLESS=1 cargo test -p certmint-guards --test template`
//! writes them there.

use std::{collections::BTreeMap, fs};

use certmint_guards::stack::{Stack, of_role};
use certmint_shared::start::CALLS;
use serde_json::Value;

use super::{file, template, texts};

const PAGE: &str = "docs/security.md";
const BEGIN: &str =
    "<!-- Made from template.yaml: CERTMINT_BLESS=1 cargo test -p certmint-guards --test template -->\n";
const END: &str = "<!-- Made from template.yaml: end -->\n";

/// An ARN without partition, region and account.
fn resource(arn: &str) -> String {
    let last = arn.splitn(6, ':').last().unwrap_or(arn);
    format!("`{last}`")
}

fn list(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(", ")
}

/// The actions of one service share its name.
fn actions(statement: &Value) -> String {
    let all = texts(&statement["Action"]);
    let service = all[0].split(':').next().unwrap_or_default();
    let names = all.iter().map(|action| {
        assert!(
            action.starts_with(&format!("{service}:")),
            "one service a statement: {all:?}"
        );
        action.split(':').next_back().unwrap_or_default().to_owned()
    });
    format!("{service}: {}", list(names))
}

fn condition(statement: &Value) -> String {
    let operators: BTreeMap<_, _> = statement["Condition"].as_object().into_iter().flatten().collect();
    let mut all = vec![];
    for (operator, keys) in operators {
        let how = match operator.as_str() {
            "Bool" | "BoolIfExists" | "StringEquals" | "ForAllValues:StringEquals" => "is",
            "StringLike" | "ForAllValues:StringLike" => "like",
            "NumericGreaterThanEquals" => "at least",
            // It goes with the others, and says that the key must be there.
            "Null" => continue,
            other => panic!("{other} has no word here"),
        };
        let keys: BTreeMap<_, _> = keys.as_object().unwrap().iter().collect();
        for (key, values) in keys {
            let values = list(texts(values).into_iter().map(|value| format!("`{value}`")));
            all.push(format!(
                "{} {how} {values}",
                key.split(':').skip(1).collect::<Vec<_>>().join(":")
            ));
        }
    }
    all.join("; ")
}

/// The table: every statement of every role, with all that parameters may add.
fn made() -> String {
    let parameters = [
        ("SecretPrefix", "<prefix>"),
        ("Table", "<table>"),
        ("KeysKey", "<KmsKey>"),
        ("KeyVault", "envelope"),
        ("SecretsKmsKeyArn", "<SecretsKmsKeyArn>"),
        ("HostedZoneArns", "<HostedZoneArns>"),
        ("ChallengeNames", "<ChallengeNames>"),
        ("Tracing", "Active"),
        ("AWS::Region", "<region>"),
    ];
    let stack = Stack::new(template(), &parameters);
    let mut resources = stack.resources();
    resources.sort_unstable_by_key(|(name, _)| *name);
    let mut page = String::from("\n| role | may | on | if |\n|---|---|---|---|\n");
    for (function, _) in CALLS {
        let role = format!("{function}Role");
        // Its own statements first, those of policies after them.
        let own: Vec<_> = resources
            .iter()
            .filter(|(name, _)| *name == role)
            .copied()
            .collect();
        let mut all = of_role(&own, &role);
        let others: Vec<_> = of_role(&resources, &role)
            .into_iter()
            .filter(|s| !all.contains(s))
            .collect();
        all.extend(others);
        for statement in all {
            let statement = stack.value(statement);
            let on = list(texts(&statement["Resource"]).iter().map(|arn| resource(arn)));
            let row = [
                function.to_owned(),
                actions(&statement),
                on,
                condition(&statement),
            ];
            page.push_str(&format!("| {} |\n", row.join(" | ")));
        }
    }
    page.push('\n');
    page
}

#[test]
fn the_page_shows_the_roles_of_the_template() {
    let path = file(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let made = made();
    if std::env::var_os("CERTMINT_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        shown, made,
        "{PAGE} is not that of the template; see the line above its table"
    );
}
