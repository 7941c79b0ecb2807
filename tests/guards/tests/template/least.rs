//! What each role may not: partitions that its function does not write, keys that it does not read, deletions that cannot be
//! taken back.

use std::collections::BTreeSet;

use certmint_guards::{
    iam::{Asked, Statement, fits},
    stack::{ACCOUNT, REGION, Stack, of_role, statements},
};
use certmint_shared::{
    api::{Server, routes},
    start::CALLS,
    store::schema::ACCESS_PATHS,
};
use serde_json::{Value, json};

use super::{template, texts};

const WRITES: [&str; 4] = [
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:ConditionCheckItem",
];

/// The policies of a template, by name.
fn policies(template: &Value) -> Vec<(&str, &Value)> {
    let resources = template["Resources"].as_object().unwrap().iter();
    let resources = resources.map(|(name, resource)| (name.as_str(), resource));
    resources
        .filter(|(_, r)| {
            matches!(
                r["Type"].as_str(),
                Some("AWS::IAM::Role" | "AWS::IAM::ManagedPolicy")
            )
        })
        .collect()
}

/// Each function writes the partitions that the table of keys gives it, in every statement that writes.
#[test]
fn each_role_writes_the_partitions_of_its_function() {
    let template = template();
    for (function, _) in CALLS {
        let of_function = ACCESS_PATHS
            .iter()
            .filter(|path| path.writers.contains(&function));
        let patterns: BTreeSet<String> = of_function.map(|path| path.pattern()).collect();
        // One that another one covers is not said twice.
        let covered = |one: &String| patterns.iter().any(|other| other != one && fits(other, one));
        let expected: BTreeSet<String> = patterns.iter().filter(|one| !covered(one)).cloned().collect();
        let role = format!("{function}Role");
        let mut allowed = BTreeSet::new();
        for statement in of_role(&policies(&template), &role) {
            if texts(&statement["Action"])
                .iter()
                .any(|a| WRITES.contains(&a.as_str()))
            {
                let condition = &statement["Condition"];
                allowed.extend(texts(
                    &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"],
                ));
                assert_eq!(condition["Null"]["dynamodb:LeadingKeys"], "false", "{role}");
                assert!(!allowed.is_empty(), "{role} writes every partition");
            }
        }
        assert_eq!(allowed, expected, "{role}; see shared/src/store/dynamo/access.rs");
    }
    let known: Vec<&str> = CALLS.iter().map(|(function, _)| *function).collect();
    let mut writers = ACCESS_PATHS.iter().flat_map(|path| path.writers);
    assert!(writers.all(|writer| known.contains(writer)));
}

#[test]
fn no_secret_is_deleted_without_a_recovery_window() {
    let template = template();
    let mut seen = 0;
    for (name, resource) in policies(&template) {
        for statement in statements(resource) {
            let actions = texts(&statement["Action"]);
            if actions.iter().any(|a| a == "secretsmanager:DeleteSecret") {
                assert_eq!(actions.len(), 1, "{name}: its condition is for nothing else");
                let condition = &statement["Condition"];
                let days = &condition["NumericGreaterThanEquals"]["secretsmanager:RecoveryWindowInDays"];
                assert_eq!(days, "7", "{name}");
                let force = &condition["BoolIfExists"]["secretsmanager:ForceDeleteWithoutRecovery"];
                assert_eq!(force, "false", "{name}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 1, "the worker alone");
}

/// KMS under a key of the account's own is used through Secrets Manager alone, and only if there is such a key.
#[test]
fn a_key_of_the_accounts_own_is_used_through_secrets_manager() {
    let template = template();
    let key = "arn:aws:kms:us-east-1:000000000000:key/1234";
    let of = |given: &[(&str, &str)], role: &str| {
        let stack = Stack::new(template.clone(), given);
        let resources = stack.resources();
        let statements = of_role(&resources, role).into_iter();
        let statements = statements.map(|statement| Statement::read(&stack.value(statement)));
        statements.collect::<Vec<_>>()
    };
    let via = |service: &str| {
        Asked::new("kms:Decrypt", key).with("kms:ViaService", [format!("{service}.{REGION}.amazonaws.com")])
    };
    for (role, expected) in [
        ("ApiRole", true),
        ("DownloadRole", true),
        ("WorkerRole", true),
        ("CleanupRole", false),
    ] {
        let with_key = of(&[("SecretsKmsKeyArn", key)], role);
        let allows = |asked: &Asked| with_key.iter().any(|s| s.allows(asked));
        assert_eq!(allows(&via("secretsmanager")), expected, "{role}");
        assert!(!allows(&via("dynamodb")), "{role}");
        assert!(!allows(&Asked::new("kms:Decrypt", key)), "{role}: by itself");
        let without = of(&[], role);
        assert!(
            !without
                .iter()
                .any(|s| s.actions.iter().any(|a| a.starts_with("kms:"))),
            "{role}"
        );
    }
}

/// What a role that was taken over could do beside its function's work. Each line is refused or allowed as it stands here.
#[test]
fn what_roles_may_and_may_not() {
    let parameters = [("KeyVault", "envelope"), ("Table", "t"), ("KeysKey", "k")];
    let stack = Stack::new(template(), &parameters);
    let resources = stack.resources();
    let secret = |action: &str, name: &str| {
        let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:certmint/{name}-AbCdEf");
        Asked::new(format!("secretsmanager:{action}"), arn)
    };
    let item = |action: &str, key: &str| {
        let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t");
        Asked::new(format!("dynamodb:{action}"), arn).with("dynamodb:LeadingKeys", [key])
    };
    let kms = |action: &str, name: &str| {
        Asked::new(
            format!("kms:{action}"),
            format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/k"),
        )
        .with("kms:EncryptionContext:certmint-stack", ["certmint"])
        .with("kms:EncryptionContext:certmint-secret", [name])
    };
    let days = |asked: Asked, days: &str| asked.with("secretsmanager:RecoveryWindowInDays", [days]);
    let forced = |asked: Asked| asked.with("secretsmanager:ForceDeleteWithoutRecovery", ["true"]);
    let change = |name: &str, kind: &str, action: &str| {
        let key = |name: &str| format!("route53:ChangeResourceRecordSets{name}");
        Asked::new(
            "route53:ChangeResourceRecordSets",
            "arn:aws:route53:::hostedzone/Z1",
        )
        .with(&key("NormalizedRecordNames"), [name])
        .with(&key("RecordTypes"), [kind])
        .with(&key("Actions"), [action])
    };
    let (ours, uploaded) = ("certificate-key/1-order0", "certificate-key/upload-aa");
    let cases = [
        ("Api", secret("GetSecretValue", ours), false),
        ("Api", secret("GetSecretValue", uploaded), false),
        ("Api", secret("GetSecretValue", "account-eab/u"), false),
        ("Api", secret("GetSecretValue", "account-key/1"), false),
        ("Api", secret("GetSecretValue", "api-tokens"), true),
        ("Api", secret("GetSecretValue", "api-tokens-of-others"), false),
        ("Api", secret("CreateSecret", uploaded), true),
        ("Api", secret("CreateSecret", ours), false),
        ("Api", secret("PutSecretValue", "api-tokens"), false),
        ("Api", days(secret("DeleteSecret", ours), "7"), false),
        ("Api", days(secret("DeleteSecret", "account-eab/u"), "7"), false),
        ("Api", kms("Decrypt", ours), false),
        ("Api", kms("Decrypt", uploaded), false),
        ("Api", kms("Decrypt", "account-eab/u"), false),
        ("Api", kms("GenerateDataKey", uploaded), true),
        ("Api", kms("GenerateDataKey", ours), false),
        ("Api", item("PutItem", "KEY#certificate-key/1-order0"), false),
        ("Api", item("PutItem", "KEY#certificate-key/upload-aa"), true),
        ("Api", item("UpdateItem", "KEY#account-key/1"), false),
        ("Api", item("PutItem", "TXT#_acme-challenge.example.com"), false),
        ("Api", item("UpdateItem", "RATE#1#orders#1"), false),
        ("Api", item("PutItem", "PROVIDER"), false),
        ("Api", item("PutItem", "REQUEST#1"), true),
        ("Download", secret("GetSecretValue", ours), true),
        ("Download", secret("GetSecretValue", "account-key/1"), false),
        ("Download", secret("GetSecretValue", "account-eab/u"), false),
        ("Download", secret("CreateSecret", uploaded), false),
        ("Download", kms("Decrypt", ours), true),
        ("Download", kms("Decrypt", "account-key/1"), false),
        ("Download", kms("GenerateDataKey", ours), false),
        ("Download", item("GetItem", "CERTIFICATE#1"), true),
        ("Download", item("GetItem", "KEY#account-key/1"), false),
        ("Download", item("GetItem", "ACCOUNT#1"), false),
        ("Download", item("PutItem", "CERTIFICATE#1"), false),
        ("Download", item("Query", "CERTIFICATE#1"), false),
        ("Worker", secret("GetSecretValue", "api-tokens"), false),
        ("Worker", secret("CreateSecret", "account-eab/u"), false),
        ("Worker", days(secret("DeleteSecret", ours), "7"), true),
        ("Worker", days(secret("DeleteSecret", ours), "6"), false),
        ("Worker", forced(secret("DeleteSecret", ours)), false),
        ("Worker", forced(days(secret("DeleteSecret", ours), "7")), false),
        ("Worker", item("PutItem", "IDEMPOTENCY#k"), false),
        ("Worker", item("PutItem", "COMPROMISED#k"), false),
        ("Worker", item("PutItem", "DEFAULT"), false),
        (
            "Worker",
            change("_acme-challenge.example.com", "TXT", "CREATE"),
            true,
        ),
        ("Worker", change("www.example.com", "TXT", "CREATE"), false),
        (
            "Worker",
            change("_acme-challenge.example.com", "A", "CREATE"),
            false,
        ),
        (
            "Worker",
            change("_acme-challenge.example.com", "TXT", "UPSERT"),
            false,
        ),
        ("Cleanup", secret("GetSecretValue", ours), false),
        ("Cleanup", kms("Decrypt", ours), false),
        (
            "Cleanup",
            item("PutItem", "TXT#_acme-challenge.example.com"),
            true,
        ),
        ("Cleanup", item("PutItem", "REQUEST#1"), false),
        ("Cleanup", item("DeleteItem", "COUNT#REQUEST#failed"), false),
        (
            "Cleanup",
            change("_acme-challenge.example.com", "TXT", "DELETE"),
            true,
        ),
    ];
    for (function, asked, expected) in cases {
        let statements = of_role(&resources, &format!("{function}Role")).into_iter();
        let mut statements = statements.map(|statement| Statement::read(&stack.value(statement)));
        assert_eq!(
            statements.any(|s| s.allows(&asked)),
            expected,
            "{function}: {asked:?}"
        );
    }
}

/// The gateway leads to each function what the code serves there.
#[test]
fn each_route_leads_to_the_function_that_serves_it() {
    let template = template();
    let events = |function: &str| {
        let events = &template["Resources"][format!("{function}Function")]["Properties"]["Events"];
        let events = events
            .as_object()
            .unwrap()
            .values()
            .map(|event| &event["Properties"]);
        let routes = events.map(|event| (event["Path"].clone(), event["Method"].clone()));
        routes.collect::<Vec<_>>()
    };
    assert_eq!(events("Api"), [(json!(null), json!(null))], "all else");
    let own = routes()
        .into_iter()
        .filter(|route| route.server == Server::Download);
    let paths: BTreeSet<String> = own.map(|route| route.path).collect();
    let led: BTreeSet<String> = events("Download")
        .into_iter()
        .map(|(path, method)| {
            assert_eq!(
                method, "ANY",
                "a method that a path has not is answered in the envelope too"
            );
            path.as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(led, paths);
    let limits = template["Resources"]["Api"]["Properties"]["RouteSettings"]
        .as_object()
        .unwrap();
    let limited: BTreeSet<&String> = limits.keys().collect();
    let keys: Vec<String> = paths.iter().map(|path| format!("ANY {path}")).collect();
    assert_eq!(limited, keys.iter().collect());
    let all = &template["Resources"]["Api"]["Properties"]["DefaultRouteSettings"];
    for settings in limits.values().chain([all]) {
        assert!(settings["ThrottlingRateLimit"].is_object() && settings["ThrottlingBurstLimit"].is_object());
    }
}

/// A new account has a limit of 10, of which nothing can be reserved.
#[test]
fn nothing_is_reserved_by_default() {
    let template = template();
    for (function, _) in CALLS {
        let reserved = &template["Resources"][format!("{function}Function")]["Properties"]["ReservedConcurrentExecutions"];
        let parameter = format!("{function}Concurrency");
        assert_eq!(reserved["Fn::If"][1], json!({ "Ref": parameter }), "{function}");
        assert_eq!(template["Parameters"][&parameter]["Default"], 0, "{parameter}");
        assert_eq!(
            Stack::new(template.clone(), &[]).value(reserved),
            Value::Null,
            "{function}"
        );
        let chosen = Stack::new(template.clone(), &[(&parameter, "3")]).value(reserved);
        assert_eq!(chosen, "3", "{function}");
    }
}
