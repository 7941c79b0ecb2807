//! Over the real stack: each right that issuing needs is missing for ten minutes, with several requests in hand.

use std::time::Duration;

use certmint_tests::{
    faults::{Call, Fault, Operation, Rules},
    journey::{Journey, eventually, options},
};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const DNS: &str = "Failed to create DNS record: ";
const REQUEST: &str = "Failed to request certificate: ";

/// A right that is missing.
struct Lack {
    /// Which calls of the worker meet it.
    operation: Operation,
    /// Of which secrets, where that matters.
    of: &'static str,
    /// What AWS answers.
    code: &'static str,
    /// How `last_error` begins.
    prefix: &'static str,
    /// What it names.
    words: &'static str,
    /// The phase in which the requests wait.
    waits_in: &'static str,
    /// Whether their account is new.
    of_new_account: bool,
}

const fn lack(operation: Operation, of: &'static str, code: &'static str) -> Lack {
    Lack {
        operation,
        of,
        code,
        prefix: REQUEST,
        words: "access denied to ",
        waits_in: "queued",
        of_new_account: false,
    }
}

const SECRETS: &[Lack] = &[
    // An account that is not registered yet: no key of it, no registration.
    Lack {
        words: "access denied to CreateSecret",
        of_new_account: true,
        ..lack(Operation::CreateSecret, "account-key/", "AccessDeniedException")
    },
    // One that is: what it signs with.
    Lack {
        words: "access denied to GetSecretValue",
        ..lack(Operation::GetSecretValue, "account-key/", "AccessDeniedException")
    },
    Lack {
        words: "credentials (ExpiredTokenException",
        ..lack(Operation::GetSecretValue, "account-key/", "ExpiredTokenException")
    },
    Lack {
        prefix: DNS,
        words: "access denied to ListHostedZones on all zones",
        waits_in: "challenged",
        ..lack(Operation::ListHostedZones, "", "AccessDenied")
    },
    Lack {
        prefix: DNS,
        words: "access denied to ChangeResourceRecordSets on example.com",
        waits_in: "challenged",
        ..lack(Operation::ChangeResourceRecordSets, "", "AccessDenied")
    },
    Lack {
        prefix: DNS,
        words: "credentials (InvalidClientTokenId",
        waits_in: "challenged",
        ..lack(Operation::ChangeResourceRecordSets, "", "InvalidClientTokenId")
    },
    Lack {
        words: "access denied to CreateSecret",
        waits_in: "ready",
        ..lack(
            Operation::CreateSecret,
            "certificate-key/",
            "AccessDeniedException",
        )
    },
    Lack {
        words: "the KMS key of secret certmint/certificate-key/",
        waits_in: "ready",
        ..lack(Operation::CreateSecret, "certificate-key/", "EncryptionFailure")
    },
    // The CSR is there and cannot be read: the CA does not see it.
    Lack {
        words: "access denied to GetSecretValue",
        waits_in: "key_stored",
        ..lack(
            Operation::GetSecretValue,
            "certificate-key/",
            "AccessDeniedException",
        )
    },
    Lack {
        words: "cannot be used (injected DecryptionFailure)",
        waits_in: "key_stored",
        ..lack(Operation::GetSecretValue, "certificate-key/", "DecryptionFailure")
    },
];

const ENVELOPE: &[Lack] = &[
    Lack {
        words: "access denied to kms:Decrypt",
        ..lack(Operation::Decrypt, "account-key/", "AccessDeniedException")
    },
    Lack {
        words: "access denied to kms:GenerateDataKey",
        waits_in: "ready",
        ..lack(
            Operation::GenerateDataKey,
            "certificate-key/",
            "AccessDeniedException",
        )
    },
    Lack {
        words: "cannot be used (injected DisabledException)",
        waits_in: "ready",
        ..lack(
            Operation::GenerateDataKey,
            "certificate-key/",
            "DisabledException",
        )
    },
    Lack {
        words: "cancel its deletion",
        waits_in: "key_stored",
        ..lack(Operation::Decrypt, "certificate-key/", "KMSInvalidStateException")
    },
    Lack {
        words: "access denied to dynamodb:PutItem",
        waits_in: "ready",
        ..lack(
            Operation::PutItem,
            "KEY#certificate-key/",
            "AccessDeniedException",
        )
    },
];

fn fault(lack: &Lack) -> Fault {
    match lack.operation {
        Operation::ListHostedZones | Operation::ChangeResourceRecordSets | Operation::GetChange => {
            Fault::route53(403, lack.code)
        }
        _ => Fault::json(400, lack.code),
    }
}

fn take_away(rules: &Rules, lack: &'static Lack) {
    let meets = |call: &Call| {
        call.operation == lack.operation
            && call.caller.as_deref() == Some("worker")
            && String::from_utf8_lossy(&call.body).contains(lack.of)
    };
    rules.add_matching(meets, 0, usize::MAX, fault(lack));
}

fn seen(rules: &Rules) -> usize {
    let calls = [Operation::Finalize, Operation::NewOrder].map(|operation| rules.seen(operation).len());
    calls.iter().sum()
}

/// The request, once its worker said what is missing.
async fn told(journey: &Journey, id: u64) -> Value {
    eventually(&format!("request {id} says what is missing"), || async {
        let request = journey.look(id).await;
        request["last_error"].is_string().then_some(request)
    })
    .await
}

/// Ten minutes without the right, with three requests in hand; then it is given back.
async fn lacks(journey: &Journey, rules: &Rules, number: usize, lack: &'static Lack, account: u64) {
    let what = format!("{:?} of {:?}: {}", lack.operation, lack.of, lack.code);
    // A worker that starts knows no zones and no keys.
    journey.work().await;
    journey.later(MINUTE).await;
    take_away(rules, lack);
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(
            journey
                .request(account, &[&format!("r{number}-{n}.example.com")])
                .await,
        );
    }
    for id in &ids {
        let request = told(journey, *id).await;
        let error = request["last_error"].as_str().unwrap();
        assert!(
            error.starts_with(lack.prefix) && error.contains(lack.words),
            "{what}: {error}"
        );
        assert_eq!(request["phase"], lack.waits_in, "{what}: {request}");
        assert_ne!(request["next_action"], "retry", "{what}: {request}");
    }
    journey.work().await;
    let asked = seen(rules);
    for _ in 0..4 {
        journey.later(MINUTE * 5 / 2).await;
        journey.work().await;
    }
    for id in &ids {
        let request = journey.look(*id).await;
        let attempts = u64::from(lack.waits_in != "queued");
        assert_eq!(
            (&request["status"], &request["attempts"]),
            (&json!("running"), &json!(attempts)),
            "{what}: nobody ends, nothing is counted: {request}"
        );
        let next = journey.seconds_until(&request["not_before"]);
        assert!((0..=180).contains(&next), "{what}: looks again in {next} s");
    }
    assert_eq!(seen(rules), asked, "{what}: no order anew, no CSR sent");
    rules.clear();
    journey.later(MINUTE * 3).await;
    journey.work().await;
    for id in &ids {
        let request = journey.look(*id).await;
        assert_eq!(request["status"], "success", "{what}: {request}");
        assert_eq!(
            (&request["attempts"], &request["last_error"]),
            (&json!(1), &Value::Null)
        );
    }
    journey.clean().await;
    journey.until_clean().await;
}

async fn journey(vault: &str) -> (Journey, Rules, u64) {
    let mut options = options();
    options.env.push(("CERTMINT_KEY_VAULT".into(), vault.into()));
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    let first = journey.request(account, &["example.com"]).await;
    journey.until(first, "success").await;
    (journey, rules, account)
}

#[tokio::test]
async fn a_role_that_is_wrong_for_ten_minutes_ends_nobodys_request() {
    let (journey, rules, known) = journey("secrets-manager").await;
    for (number, lack) in SECRETS.iter().enumerate() {
        let body = json!({"providerName": "letsencrypt", "email": format!("ops{number}@example.com")});
        let account = match lack.of_new_account {
            true => journey
                .client
                .post("/acme/account/create", &body.to_string())
                .await
                .id(),
            false => known,
        };
        lacks(&journey, &rules, number, lack, account).await;
    }
    journey.end().await;
}

#[tokio::test]
async fn a_kms_key_that_is_out_of_reach_for_ten_minutes_ends_nobodys_request() {
    let (journey, rules, account) = journey("envelope").await;
    for (number, lack) in ENVELOPE.iter().enumerate() {
        lacks(&journey, &rules, number, lack, account).await;
    }
    journey.end().await;
}

/// The values stand, and it cannot be asked whether the change is in sync: they stay, and what the authoritative servers
/// answer is enough.
#[tokio::test]
async fn values_stay_while_their_change_may_not_be_asked_for() {
    let (journey, rules, account) = journey("secrets-manager").await;
    let denied = Fault::route53(403, "AccessDenied");
    let refused = rules.add(Operation::GetChange, 0, usize::MAX, denied);
    let id = journey.request(account, &["www.example.com"]).await;
    let request = told(&journey, id).await;
    let error = request["last_error"].as_str().unwrap();
    assert!(
        error.starts_with(DNS) && error.contains("access denied to GetChange"),
        "{error}"
    );
    journey.work().await;
    assert!(refused.count() > 0);
    assert_eq!(journey.txt_values().len(), 1, "what the CA may look at stays");
    let changes = rules.seen(Operation::ChangeResourceRecordSets).len();
    journey.later(MINUTE).await;
    journey.work().await;
    let request = journey.look(id).await;
    assert_eq!(
        (&request["status"], &request["attempts"]),
        (&json!("success"), &json!(1)),
        "{request}"
    );
    let since = rules.seen(Operation::ChangeResourceRecordSets).len() - changes;
    assert_eq!(since, 1, "no change but the removal");
    journey.until_clean().await;
    journey.end().await;
}

/// Nothing can be written down: whoever has the lease next finds it as it was.
#[tokio::test]
async fn a_table_that_may_not_be_written_for_ten_minutes_ends_nobodys_request() {
    let (journey, rules, account) = journey("secrets-manager").await;
    journey.work().await;
    let of_worker = |call: &Call| {
        call.operation == Operation::TransactWriteItems && call.caller.as_deref() == Some("worker")
    };
    let denied = Fault::json(400, "AccessDeniedException");
    let refused = rules.add_matching(of_worker, 0, usize::MAX, denied);
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(journey.request(account, &[&format!("n{n}.example.com")]).await);
    }
    for _ in 0..4 {
        journey.work().await;
        journey.later(MINUTE * 5 / 2).await;
    }
    assert!(refused.count() > 0);
    for id in &ids {
        let request = journey.look(*id).await;
        let status = request["status"].as_str().unwrap();
        assert!(matches!(status, "pending" | "running"), "{request}");
        assert_eq!(request["attempts"], 0, "{request}");
    }
    let alarms = journey
        .stack
        .logs
        .all()
        .into_iter()
        .filter(|line| line.contains("\"permission\""));
    assert!(alarms.count() > 0, "the log raises the alarm");
    rules.clear();
    // Their leases outlive the invocations that took them.
    journey.later(MINUTE * 20).await;
    journey.work().await;
    for id in &ids {
        let request = journey.look(*id).await;
        assert_eq!(
            (&request["status"], &request["attempts"]),
            (&json!("success"), &json!(1)),
            "{request}"
        );
    }
    journey.clean().await;
    journey.until_clean().await;
    journey.end().await;
}

/// Two hosted zones have the name, and the one that it is delegated to may not be asked for its servers: that is no proof
/// that neither is.
#[tokio::test]
async fn a_zone_that_may_not_be_looked_at_is_not_ruled_out() {
    let (journey, rules, account) = journey("secrets-manager").await;
    let route53 = &journey.stack.aws.route53;
    let zones = ["two.example"; 2].map(|name| route53.create_zone(name).unwrap());
    let servers = route53.name_servers(&zones[1]);
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    route53.delegate("two.example", &servers).unwrap();
    let of_zone = zones[1].clone();
    let asks = move |call: &Call| call.operation == Operation::Other && call.path.ends_with(&of_zone);
    let refused = rules.add_matching(asks, 0, usize::MAX, Fault::route53(403, "AccessDenied"));
    // A worker that starts knows no zones.
    journey.work().await;
    journey.later(MINUTE).await;
    let id = journey.request(account, &["www.two.example"]).await;
    let request = told(&journey, id).await;
    let error = request["last_error"].as_str().unwrap();
    assert!(
        error.starts_with(DNS) && error.contains("access denied to GetHostedZone on two.example"),
        "{error}"
    );
    assert_eq!(request["status"], "running", "{request}");
    assert!(refused.count() > 0);
    journey.work().await;
    rules.clear();
    journey.later(MINUTE).await;
    journey.work().await;
    assert_eq!(journey.look(id).await["status"], "success");
    journey.until_clean().await;
    journey.end().await;
}
