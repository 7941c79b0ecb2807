//! The roles of `template.yaml` are enough, and no more than that: journeys through the real functions before an AWS that
//! enforces them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "roles/everything.rs"]
mod everything;
#[path = "roles/taken_away.rs"]
mod taken_away;

use std::process::Command;

use certmint_stack::KMS_ALIAS;
use certmint_tests::{
    journey::{eventually, options, set_env},
    roles::Roles,
};
use serde_json::json;

/// What a run of everything does not come to.
const IDLE: [&str; 22] = [
    // What Lambda does for a function.
    "api Log: logs:CreateLogStream",
    "api Log: logs:PutLogEvents",
    "dns-cleanup Log: logs:CreateLogStream",
    "dns-cleanup Log: logs:PutLogEvents",
    "dns-cleanup ReportFailure: sqs:SendMessage",
    "download Log: logs:CreateLogStream",
    "download Log: logs:PutLogEvents",
    "worker Log: logs:CreateLogStream",
    "worker Log: logs:PutLogEvents",
    "worker ReportFailure: sqs:SendMessage",
    "worker Poll: sqs:ReceiveMessage",
    "worker Poll: sqs:DeleteMessage",
    "worker Poll: sqs:GetQueueAttributes",
    // Whether a secret that cannot be read waits for its deletion.
    "api Tokens: secretsmanager:DescribeSecret",
    "download Keys: secretsmanager:DescribeSecret",
    "download Tokens: secretsmanager:DescribeSecret",
    "worker EabKeys: secretsmanager:DescribeSecret",
    "worker Keys: secretsmanager:DescribeSecret",
    // A deleted upload whose secret somebody else gave up (roles/taken_away.rs).
    "api PutUploadedKeys: secretsmanager:RestoreSecret",
    // Only zones that share a name, or that nobody sees, are asked for their servers (tests/tests/zones.rs).
    "worker ReadZone: route53:GetHostedZone",
    // A zone that was made anew has another id.
    "dns-cleanup ListZones: route53:ListHostedZones",
    // A pass that runs out of time.
    "worker Kick: events:PutEvents",
];

/// Runs everything with keys in one of the vaults; nothing is denied. Gives the rights that no call needed.
async fn run(vault: &str) -> Vec<String> {
    let roles = Roles::of_template(&[("KeyVault", vault), ("KmsKey", "create")]);
    let mut options = options();
    options.env.push(("CERTMINT_KEY_VAULT".into(), vault.into()));
    let (journey, rules) = roles.journey(options).await;
    // The first to use a new table says which version it has: once the worker, once the API.
    match vault {
        "envelope" => assert_eq!(journey.client.get("/acme/accounts").await.status, 200),
        _ => assert!(journey.work().await.is_some()),
    }
    everything::happens(&journey, &rules).await;
    assert_eq!(roles.denied(), [""; 0]);
    let idle = roles.idle();
    journey.end().await;
    idle
}

/// Each right is needed, by one vault or the other: without it a call of these runs would have been denied.
#[tokio::test(flavor = "multi_thread")]
async fn every_journey_passes_under_the_roles_and_needs_them() {
    let secrets = run("secrets-manager").await;
    let mut idle = run("envelope").await;
    idle.retain(|right| secrets.contains(right));
    idle.sort();
    let mut expected = IDLE;
    expected.sort_unstable();
    assert_eq!(idle, expected);
}

/// Secrets under a KMS key of the account's own: the roles have that key through Secrets Manager, if the stack has it.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_under_a_key_of_the_accounts_own() {
    let arn = "arn:aws:kms:us-east-1:000000000000:key/1234";
    let with_key = [("SecretsKmsKeyArn", arn)];
    let roles = Roles::of_template(&with_key);
    let mut options = options();
    options.env.push(("CERTMINT_SECRETS_KMS_KEY".into(), arn.into()));
    let (journey, _) = roles.journey(options).await;
    let account = journey.account().await;
    let body = json!({"accountId": account, "domains": ["example.com"]});
    let id = everything::issued(&journey, body).await;
    let _ = everything::pem(&journey, id).await;
    assert_eq!(roles.denied(), [""; 0]);
    roles.give_back(&[]);
    let id = journey.request(account, &["www.example.com"]).await;
    let told = eventually("it says what is missing", || async {
        let request = journey.look(id).await;
        request["last_error"].is_string().then_some(request)
    })
    .await;
    let error = told["last_error"].as_str().unwrap();
    assert!(
        told["status"] == "running" && error.contains("access denied to CreateSecret"),
        "{told}"
    );
    let denied = roles.denied().join("; ");
    assert!(
        denied.contains(&format!("worker: kms:GenerateDataKey on {arn}")),
        "{denied}"
    );
    journey.until_clean().await;
    journey.end().await;
}

/// An operator moves the keys, with AWS's own credentials; before, between and after the functions have what they need.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_moves_its_keys_has_the_rights_for_both_vaults() {
    let roles = Roles::of_template(&[("KmsKey", "create")]);
    let (journey, _) = roles.journey(options()).await;
    let account = journey.account().await;
    let id = everything::issued(
        &journey,
        json!({"accountId": account, "domains": ["example.com"]}),
    )
    .await;
    let before = everything::pem(&journey, id).await;
    journey.until_clean().await;
    let moved = Command::new(options().functions.join("certmint"))
        .args(["migrate-keys", "--from", "secrets-manager", "--to", "envelope"])
        .env("AWS_ENDPOINT_URL", journey.stack.aws_endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "operator")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("CERTMINT_TABLE", "certmint")
        .env("CERTMINT_KMS_KEY", KMS_ALIAS)
        .output()
        .unwrap();
    assert!(moved.status.success(), "{moved:?}");
    let stack = &journey.stack;
    for function in [&stack.api, &stack.download, &stack.worker, &stack.cleanup] {
        set_env(function, "CERTMINT_KEY_VAULT", "envelope").await;
    }
    // The first call may meet the instance that is going.
    let path = format!("/certificates/{id}/download");
    let read = || async { (journey.client.get(&path).await.status == 200).then_some(()) };
    eventually("keys are read in the new place", read).await;
    assert_eq!(everything::pem(&journey, id).await, before);
    everything::renewed(&journey, id).await;
    assert_ne!(everything::pem(&journey, id).await, before);
    assert_eq!(roles.denied(), [""; 0]);
    journey.until_clean().await;
    journey.end().await;
}
