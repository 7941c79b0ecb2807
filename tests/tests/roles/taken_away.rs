//! One right is taken out of a role: the call that needs it is refused, and says what it can.

use std::time::Duration;

use certmint_tests::{
    files::TestCa,
    journey::{Answer, Journey, eventually, options, set_env},
    roles::Roles,
};
use rcgen::KeyPair;
use serde_json::json;

use super::everything::{MONTH, is_done, issued, pem, upload_of};

struct World {
    roles: Roles,
    journey: Journey,
}

impl World {
    /// What a call meets without a right; then everything is given back.
    async fn without(&self, function: &str, sid: &str, action: &str, path: &str, body: &str) -> Answer {
        self.roles.take_away(function, sid, action);
        let answer = match body {
            "" => self.journey.client.get(path).await,
            body => self.journey.client.post(path, body).await,
        };
        let denied = self.roles.denied().join("; ");
        assert!(
            denied.contains(&format!("{function}: {action} on ")),
            "{action}: {denied}"
        );
        self.roles.give_back(&[]);
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_its_right_is_refused() {
    let roles = Roles::of_template(&[]);
    let (journey, _) = roles.journey(options()).await;
    let account = journey.account().await;
    let ours = issued(
        &journey,
        json!({"accountId": account, "domains": ["example.com"]}),
    )
    .await;
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let upload = json!({"provider": "manual", "certificatePem": ca.chain(&key, &["shop.example"]),
        "privateKeyPem": key.serialize_pem(), "domains": ["shop.example"]})
    .to_string();
    let eab = json!({"providerName": "google", "email": "ops@example.com", "eabKid": "your_eab_kid_here",
        "eabHmacKey": "your_eab_hmac_key_here"})
    .to_string();
    let world = World { roles, journey };
    let (download, body) = (format!("/certificate/{ours}/download"), r#"{"format":"pem"}"#);
    let certificate = format!("/certificates/{ours}");

    let vault = [
        (
            "api",
            "PutUploadedKeys",
            "secretsmanager:CreateSecret",
            "/certificates/upload",
            upload.as_str(),
        ),
        (
            "api",
            "PutUploadedKeys",
            "secretsmanager:TagResource",
            "/certificates/upload",
            &upload,
        ),
        (
            "api",
            "PutEabKeys",
            "secretsmanager:CreateSecret",
            "/acme/account/create",
            &eab,
        ),
        (
            "download",
            "Keys",
            "secretsmanager:GetSecretValue",
            &download,
            body,
        ),
    ];
    for (function, sid, action, path, body) in vault {
        let answer = world.without(function, sid, action, path, body).await;
        answer.refused(502, 5003, "key vault refused");
    }
    let store = [
        ("api", "Read", "dynamodb:GetItem", certificate.as_str(), ""),
        ("api", "Read", "dynamodb:Query", "/acme/accounts", ""),
        ("api", "Indexes", "dynamodb:Query", "/certificates", ""),
        (
            "api",
            "Write",
            "dynamodb:PutItem",
            "/acme/account/create",
            r#"{"providerName":"letsencrypt","email":"b@example.com"}"#,
        ),
        (
            "api",
            "Write",
            "dynamodb:UpdateItem",
            "/acme/account/create",
            r#"{"providerName":"letsencrypt","email":"b@example.com"}"#,
        ),
        ("download", "Read", "dynamodb:GetItem", &download, body),
    ];
    for (function, sid, action, path, body) in store {
        let answer = world.without(function, sid, action, path, body).await;
        answer.refused(500, 5002, "the store refused");
    }
    // A function that starts reads the tokens first.
    set_env(&world.journey.stack.download, "RUST_LOG", "info").await;
    let action = "secretsmanager:GetSecretValue";
    let answer = world.without("download", "Tokens", action, &download, body).await;
    answer.refused(502, 5003, "key vault refused");

    // Deleted certificates that are uploaded again: one whose key waits for its deletion, one that was issued here.
    let client = &world.journey.client;
    let uploaded = client.post("/certificates/upload", &upload).await.id();
    for id in [uploaded, ours] {
        let _ = client.post(&format!("/certificate/{id}/delete"), "").await.data();
    }
    let secrets = world.journey.stack.aws.secrets.values().await;
    let (name, _) = secrets.iter().find(|(name, _)| name.contains("upload-")).unwrap();
    let gone = json!({"SecretId": name, "RecoveryWindowInDays": 7});
    world
        .journey
        .stack
        .aws
        .secrets
        .operate("DeleteSecret", &gone)
        .await;
    let action = "secretsmanager:RestoreSecret";
    let answer = world
        .without("api", "PutUploadedKeys", action, "/certificates/upload", &upload)
        .await;
    answer.refused(502, 5003, "key vault refused");
    let _ = client
        .post(&format!("/certificate/{ours}/restore"), "")
        .await
        .data();
    let of_ours = upload_of(&pem(&world.journey, ours).await, "example.com").to_string();
    let _ = client
        .post(&format!("/certificate/{ours}/delete"), "")
        .await
        .data();
    let action = "secretsmanager:DescribeSecret";
    let answer = world
        .without("api", "LookForKeys", action, "/certificates/upload", &of_ours)
        .await;
    answer.refused(502, 5003, "key vault refused");
    // With their rights both come back.
    for upload in [&upload, &of_ours] {
        assert_eq!(
            client.post("/certificates/upload", upload).await.data()["restored"],
            true
        );
    }
    world.journey.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuance_without_a_right_says_which() {
    let roles = Roles::of_template(&[]);
    let (journey, _) = roles.journey(options()).await;
    let account = journey.account().await;
    for (number, (sid, action, word)) in [
        (
            "Keys",
            "secretsmanager:CreateSecret",
            "access denied to CreateSecret",
        ),
        (
            "WriteChallenges",
            "route53:ChangeResourceRecordSets",
            "Failed to create DNS record: ",
        ),
        (
            "ListZones",
            "route53:ListHostedZones",
            "Failed to create DNS record: ",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        roles.take_away("worker", sid, action);
        // One that starts knows no zones.
        set_env(&journey.stack.worker, "RUST_LOG", "info").await;
        let id = journey
            .request(account, &[&format!("n{number}.example.com")])
            .await;
        let told = eventually("it says what is missing", || async {
            let request = journey.look(id).await;
            request["last_error"].is_string().then_some(request)
        })
        .await;
        let error = told["last_error"].as_str().unwrap();
        assert!(
            told["status"] == "running" && error.contains(word),
            "{action}: {told}"
        );
        let denied = roles.denied().join("; ");
        assert!(denied.contains(&format!("worker: {action} on ")), "{denied}");
        roles.give_back(&[]);
        assert_eq!(journey.in_time(id).await["status"], "success");
    }
    journey.clean().await;
    journey.until_clean().await;
    assert_eq!(roles.denied(), [""; 0]);
    journey.end().await;
}

/// A key whose deletion hangs while its certificate is uploaded again is the new one's: it stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_needed_again_outlives_a_late_deletion() {
    let roles = Roles::of_template(&[]);
    let (journey, _) = roles.journey(options()).await;
    let client = &journey.client;
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let upload = json!({"provider": "manual", "certificatePem": ca.chain(&key, &["shop.example"]),
        "privateKeyPem": key.serialize_pem(), "domains": ["shop.example"]})
    .to_string();
    let first = client.post("/certificates/upload", &upload).await.id();
    let before = pem(&journey, first).await;
    let _ = client
        .post(&format!("/certificate/{first}/delete"), "")
        .await
        .data();
    roles.take_away("worker", "DeleteKeys", "secretsmanager:DeleteSecret");
    journey.later(MONTH).await;
    eventually("the key cannot be deleted", || async {
        journey.work().await;
        (!roles.denied().is_empty()).then_some(())
    })
    .await;
    client
        .get(&format!("/certificates/{first}"))
        .await
        .refused(404, 3001, "does not exist");
    let second = client.post("/certificates/upload", &upload).await.id();
    roles.give_back(&[]);
    journey.later(Duration::from_secs(24 * 3600)).await;
    eventually("the chore is done", || async {
        journey.work().await;
        is_done(&journey, &format!("certificate-{first}\"")).then_some(())
    })
    .await;
    assert_eq!(pem(&journey, second).await, before);
    journey.end().await;
}
