//! Each role allows exactly the calls that its function can make.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use certmint_guards::{
    calls::{Adapter, called, trait_methods},
    files::below,
    modules::Crate,
};
use certmint_shared::{
    aws_call::AwsCall,
    dns::route53,
    kick,
    start::CALLS,
    store::dynamo,
    vault::{envelope, kms, secrets_manager},
};
use serde_json::Value;

use super::{file, template, texts};

/// What Lambda does for a function.
const PLUMBING: [&str; 5] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
];
/// Actions that know no narrower resource.
const EVERYWHERE: [&str; 3] = [
    "route53:ListHostedZones",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
];

fn statements(resource: &Value) -> Vec<&Value> {
    let properties = &resource["Properties"];
    let inline = properties["Policies"].as_array().into_iter().flatten();
    let documents = inline
        .map(|policy| &policy["PolicyDocument"])
        .chain([&properties["PolicyDocument"]]);
    documents
        .filter_map(|document| document["Statement"].as_array())
        .flatten()
        .collect()
}

/// The names of other resources in a value, also in the branches of an `!If`.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => match fields.get("Ref") {
            Some(name) => name.as_str().into_iter().collect(),
            None => fields.values().flat_map(references).collect(),
        },
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => vec![],
    }
}

/// The statements of a role: its own, and those of the policies on either side's list.
fn allowed<'a>(template: &'a Value, role: &str) -> BTreeSet<String> {
    let resources = &template["Resources"];
    let lists: Vec<&str> = references(&resources[role]["Properties"]["ManagedPolicyArns"]);
    let of_role = |(name, resource): (&'a String, &'a Value)| {
        let here = name == role
            || lists.contains(&name.as_str())
            || references(&resource["Properties"]["Roles"]).contains(&role);
        let kind = resource["Type"].as_str();
        let is_policy = matches!(kind, Some("AWS::IAM::Role" | "AWS::IAM::ManagedPolicy"));
        (here && is_policy).then(|| statements(resource))
    };
    let found = resources
        .as_object()
        .unwrap()
        .iter()
        .filter_map(of_role)
        .flatten();
    let actions = found.flat_map(|statement| texts(&statement["Action"]));
    actions
        .filter(|action| !PLUMBING.contains(&action.as_str()))
        .collect()
}

/// What a role allows and its function does not call, and what it calls and may not.
fn differences(template: &Value, function: &str, calls: &[&[AwsCall]]) -> Vec<String> {
    let allowed = allowed(template, &format!("{function}Role"));
    let calls = calls.iter().copied().flatten();
    let called: BTreeSet<String> = calls
        .flat_map(|call| call.actions)
        .map(|&a| a.to_owned())
        .collect();
    let idle = allowed
        .difference(&called)
        .map(|a| format!("{function}Role allows {a}, which {function} never calls"));
    let denied = called
        .difference(&allowed)
        .map(|a| format!("{function} calls {a}, which {function}Role does not allow"));
    idle.chain(denied).collect()
}

#[test]
fn each_role_allows_what_its_function_calls_and_no_more() {
    let template = template();
    for (function, calls) in CALLS {
        assert_eq!(differences(&template, function, calls), [""; 0]);
    }
}

#[test]
fn a_role_that_allows_too_much_or_too_little_is_found() {
    let mut template = template();
    let policy = &mut template["Resources"]["CleanupRole"]["Properties"]["Policies"][0];
    let statement = &mut policy["PolicyDocument"]["Statement"][1];
    assert_eq!(
        texts(&statement["Action"]),
        ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
    );
    statement["Action"] =
        serde_json::json!(["dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DeleteTable"]);
    let (function, calls) = CALLS[2];
    assert_eq!(
        differences(&template, function, calls),
        [
            "CleanupRole allows dynamodb:DeleteTable, which Cleanup never calls",
            "Cleanup calls dynamodb:GetItem, which CleanupRole does not allow",
        ]
    );
    // An action that another role needs does not make up for it.
    let keys = &mut template["Resources"]["ApiKeysPolicy"]["Properties"]["Roles"];
    *keys = serde_json::json!([{"Ref": "CleanupRole"}]);
    let (function, calls) = CALLS[0];
    assert_eq!(differences(&template, function, calls).len(), 2);
}

#[test]
fn no_statement_is_wider_than_it_must_be() {
    let template = template();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        if !matches!(
            resource["Type"].as_str(),
            Some("AWS::IAM::Role" | "AWS::IAM::ManagedPolicy")
        ) {
            continue;
        }
        for statement in statements(resource) {
            let actions = texts(&statement["Action"]);
            assert!(
                !actions.iter().any(|a| a.contains('*')),
                "{name}: an action has a star"
            );
            let all = statement["Resource"] == "*"
                || statement["Resource"]
                    .as_array()
                    .is_some_and(|r| r.contains(&"*".into()));
            let narrow = actions.iter().all(|a| EVERYWHERE.contains(&a.as_str()));
            assert!(!all || narrow, "{name}: {actions:?} on every resource");
            if actions.iter().any(|a| a == "route53:ChangeResourceRecordSets") {
                let condition = &statement["Condition"];
                let names = &condition["ForAllValues:StringLike"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"];
                assert!(!names.is_null(), "{name}: any record name may be written");
                let types =
                    &condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsRecordTypes"];
                assert_eq!(texts(types), ["TXT"], "{name}: record types that may be written");
            }
        }
    }
}

/// An adapter: its files, its tables, the traits through which functions reach it, and the tables' names in `CALLS`.
struct Wired {
    files: Vec<PathBuf>,
    tables: Vec<&'static [AwsCall]>,
    /// Calls that no function makes.
    operator: &'static [AwsCall],
    traits: Vec<PathBuf>,
}

fn wired() -> Vec<Wired> {
    let one = |path: &str| vec![file(path)];
    let traits_of_store = below(&file("shared/src/store"));
    let traits_of_store = traits_of_store
        .into_iter()
        .filter(|f| f.parent().unwrap().ends_with("store"));
    vec![
        Wired {
            files: below(&file("shared/src/store/dynamo")),
            tables: vec![dynamo::calls::CALLS],
            operator: &[],
            traits: traits_of_store.collect(),
        },
        Wired {
            files: one("shared/src/vault/secrets_manager.rs"),
            tables: vec![secrets_manager::CALLS, secrets_manager::DELETE_CALLS],
            operator: secrets_manager::OPERATOR_CALLS,
            traits: vec![],
        },
        Wired {
            files: one("shared/src/vault/envelope.rs"),
            tables: vec![envelope::CALLS],
            operator: envelope::OPERATOR_CALLS,
            traits: vec![],
        },
        Wired {
            files: one("shared/src/vault/kms.rs"),
            tables: vec![kms::CALLS],
            operator: &[],
            traits: vec![],
        },
        Wired {
            files: vec![
                file("shared/src/dns/route53.rs"),
                file("shared/src/dns/zone_list.rs"),
            ],
            tables: vec![route53::CHANGE_CALLS, route53::RRSET_CALLS],
            operator: &[],
            traits: one("shared/src/dns/mod.rs"),
        },
        Wired {
            files: one("shared/src/kick.rs"),
            tables: vec![kick::CALLS],
            operator: &[],
            traits: one("shared/src/kick.rs"),
        },
    ]
}

fn operations<'a>(calls: impl IntoIterator<Item = &'a AwsCall>) -> BTreeSet<String> {
    calls.into_iter().map(|call| call.operation.to_owned()).collect()
}

#[test]
fn each_table_has_exactly_the_calls_of_its_adapter() {
    for adapter in wired() {
        let listed = adapter.tables.iter().copied().flatten().chain(adapter.operator);
        let made = Adapter::read(&adapter.files).operations();
        assert!(!made.is_empty(), "{:?}", adapter.files);
        assert_eq!(made, operations(listed), "{:?}", adapter.files);
    }
}

#[test]
fn no_other_file_calls_aws() {
    let known: BTreeSet<PathBuf> = wired().into_iter().flat_map(|adapter| adapter.files).collect();
    for path in super::shared().into_iter().filter(|path| !known.contains(path)) {
        let made = Adapter::read(std::slice::from_ref(&path)).operations();
        assert!(
            made.is_empty(),
            "{} calls {made:?} and has no table",
            path.display()
        );
    }
}

/// The files that a function's code is in: those that its own use, adapters apart.
fn code_of(function: &str) -> Vec<PathBuf> {
    let start = match function {
        "Api" => below(&file("shared/src/api")),
        "Worker" => below(&file("shared/src/worker")),
        _ => vec![file("shared/src/cleanup.rs")],
    };
    let library = Crate::read(&file("shared/src/lib.rs"));
    let mut uses: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to, _) in library.edges() {
        uses.entry(from).or_default().push(to);
    }
    let mut open: Vec<usize> = (0..library.files.len())
        .filter(|f| start.contains(&library.files[*f]))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if seen.insert(at) {
            open.extend(uses.get(&at).into_iter().flatten());
        }
    }
    assert!(!seen.is_empty(), "{function}");
    seen.into_iter().map(|at| library.files[at].clone()).collect()
}

/// Where a function has a table of less than an adapter's, no code of it reaches more.
#[test]
fn a_function_reaches_the_calls_of_its_tables() {
    for (function, tables) in CALLS {
        let code = called(&code_of(function));
        for adapter in wired().into_iter().filter(|adapter| !adapter.traits.is_empty()) {
            let methods = trait_methods(&adapter.traits);
            let used: BTreeSet<String> = methods.intersection(&code).cloned().collect();
            let reached = Adapter::read(&adapter.files).reached_from(&used);
            let whole = operations(adapter.tables.iter().copied().flatten());
            let listed = operations(tables.iter().copied().flatten());
            let listed: BTreeSet<String> = listed.intersection(&whole).cloned().collect();
            // The worker's kick stands in start.rs.
            if function == "Worker" && whole.contains("put_events") {
                continue;
            }
            let made: BTreeSet<String> = reached.keys().cloned().collect();
            assert_eq!(made, listed, "{function}: {reached:?}");
        }
    }
}
