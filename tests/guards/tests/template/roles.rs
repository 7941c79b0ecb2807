//! Each role allows exactly the calls that its function can make.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use certmint_guards::{
    calls::{Adapter, called, trait_methods},
    files::below,
    modules::Crate,
    stack::{of_role, statements},
};
use certmint_shared::{
    aws_call::AwsCall,
    dns::route53,
    kick,
    start::CALLS,
    store::dynamo,
    vault::{envelope, kms, secrets_manager},
    wake,
};
use serde_json::Value;

use super::{file, template, texts};

/// What Lambda does for a function.
const PLUMBING: [&str; 8] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    // Where events that came to nothing go, and where wakes come from.
    "sqs:SendMessage",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
];
/// Actions that know no narrower resource.
const EVERYWHERE: [&str; 3] = [
    "route53:ListHostedZones",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
];

/// What a role allows. KMS by way of a service is another thing than KMS.
fn allowed(template: &Value, role: &str) -> BTreeSet<String> {
    let resources = template["Resources"].as_object().unwrap();
    let resources: Vec<(&str, &Value)> = resources.iter().map(|(name, r)| (name.as_str(), r)).collect();
    let actions = of_role(&resources, role).into_iter().flat_map(|statement| {
        let by = &statement["Condition"]["StringEquals"]["kms:ViaService"];
        let by = by["Fn::Sub"].as_str().and_then(|by| by.split('.').next());
        let by = by.map_or_else(String::new, |by| format!(" via {by}"));
        // What the worker sends itself is its own call.
        let is_own = statement["Resource"].to_string().contains("\"Wakes");
        let is_plumbing = move |action: &String| {
            PLUMBING.contains(&action.as_str()) && !(is_own && action == "sqs:SendMessage")
        };
        texts(&statement["Action"])
            .into_iter()
            .filter(move |action| !is_plumbing(action))
            .map(move |action| action + &by)
    });
    actions.collect()
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
    let (function, calls) = CALLS[3];
    assert_eq!(
        differences(&template, function, calls),
        [
            "CleanupRole allows dynamodb:DeleteTable, which Cleanup never calls",
            "Cleanup calls dynamodb:GetItem, which CleanupRole does not allow",
        ]
    );
    // An action that another role needs does not make up for it.
    let keys = &mut template["Resources"]["DownloadKeysPolicy"]["Properties"]["Roles"];
    *keys = serde_json::json!([{"Ref": "CleanupRole"}]);
    let (function, calls) = CALLS[1];
    assert_eq!(
        differences(&template, function, calls),
        ["Download calls kms:Decrypt, which DownloadRole does not allow"]
    );
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
            tables: vec![secrets_manager::CALLS, secrets_manager::DEPOSIT_CALLS],
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
            tables: vec![kms::SEAL_CALLS, kms::OPEN_CALLS],
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
        Wired {
            files: one("shared/src/wake.rs"),
            tables: vec![wake::CALLS],
            operator: &[],
            traits: one("shared/src/wake.rs"),
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
    // What download reaches is decided at run time: it never claims a table's version (tests/tests/roles.rs runs it).
    for (function, tables) in CALLS.into_iter().filter(|(function, _)| *function != "Download") {
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
