//! The contract's worked example, all 21 steps, and the fifteen questions that its data must answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, eventually, options},
};
use serde_json::{Value, json};

async fn requests(journey: &Journey, query: &str) -> Value {
    journey
        .client
        .get(&format!("/acme/certificate/requests{query}"))
        .await
        .data()
}

fn ids(list: &Value) -> Vec<u64> {
    list["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_u64().unwrap())
        .collect()
}

/// Steps 1 and 2: a Let's Encrypt account, and a Google one with EAB.
async fn accounts(journey: &Journey) {
    let body = r#"{"providerName":"letsencrypt","email":"admin@example.com"}"#;
    let account = journey.client.post("/acme/account/create", body).await;
    let text = r#"{"code":0,"message":"success","data":{"id":1,"provider_id":1,"email":"admin@example.com","status":"pending"}}"#;
    assert_eq!(account.text, text);
    let body = r#"{"providerName":"google","email":"admin@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let account = journey.client.post("/acme/account/create", body).await;
    let text = r#"{"code":0,"message":"success","data":{"id":2,"provider_id":2,"email":"admin@example.com","eab_kid":"your_eab_kid_here","status":"pending"}}"#;
    assert_eq!(account.text, text);
}

/// Steps 3 to 7.
async fn file(journey: &Journey) {
    let wanted: [(u64, &[&str]); 5] = [
        (1, &["example.com"]),
        (1, &["*.example.com"]),
        (1, &["example.com", "www.example.com"]),
        (1, &["example.com", "*.example.com", "www.example.com"]),
        (2, &["test.example.com"]),
    ];
    for (index, (account, names)) in wanted.iter().enumerate() {
        let body = json!({"accountId": account, "domains": names}).to_string();
        let created = journey
            .client
            .post("/acme/certificate/request", &body)
            .await
            .data();
        assert_eq!(created["id"], index as u64 + 1);
        assert_eq!(
            (&created["account_id"], &created["status"]),
            (&json!(account), &json!("pending"))
        );
        assert_eq!(created["attempts"], 0);
        let twice: Value = serde_json::from_str(created["domains"].as_str().unwrap()).unwrap();
        assert_eq!(twice, json!(names), "domains is a string that holds a JSON array");
    }
}

/// Step 15 to 19: a domain that does not exist.
async fn failing(journey: &Journey) {
    let names = ["invalid-domain-that-does-not-exist-12345.com"];
    assert_eq!(journey.request(1, &names).await, 6);
    let failed = journey.until(6, "failed").await;
    assert_eq!(failed["attempts"], 1);
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.starts_with("Failed to request certificate: "), "{error}");
    let text = journey
        .client
        .get("/acme/certificate/requests?status=failed")
        .await
        .text;
    assert!(text.contains(r#""total":1,"#), "{text}");

    // A kick follows the retry; what the answer and the next look say must not depend on how fast it is.
    let retried = journey
        .client
        .post("/acme/certificate/retry", r#"{"id":6}"#)
        .await;
    assert_eq!(retried.text, r#"{"code":0,"message":"success","data":null}"#);
    let seen = journey.look(6).await;
    assert!(
        seen["status"] != "failed" || seen["attempts"] == 1,
        "a retry starts over: {seen}"
    );
    let again = journey.until(6, "failed").await;
    assert_eq!(again["attempts"], 1, "attempts count from zero again");
}

fn verify(journey: &Journey, certificate: &str) {
    let folder = std::env::temp_dir().join(format!("certmint-verify-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let end = certificate.find("-----END CERTIFICATE-----").unwrap() + 26;
    let (leaf, chain) = certificate.split_at(end);
    let management = journey.stack.ports.acme_management;
    let root = Command::new("curl")
        .args(["-sSfk", &format!("https://localhost:{management}/roots/0")])
        .output()
        .unwrap();
    assert!(root.status.success(), "{root:?}");
    let verified = Command::new("openssl")
        .arg("verify")
        .arg("-CAfile")
        .arg(write("root.pem", &String::from_utf8(root.stdout).unwrap()))
        .arg("-untrusted")
        .arg(write("chain.pem", chain))
        .arg(write("leaf.pem", leaf))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// One question: the call that answers it, and how many rows it has.
async fn rows(journey: &Journey, path: &str) -> Vec<Value> {
    let page = journey.client.get(path).await.data();
    let list = page["list"].as_array().unwrap().clone();
    assert_eq!(page["total"].as_u64().unwrap(), list.len() as u64, "{path}");
    list
}

/// The fifteen questions of the contract, each by the call that `docs/api.md` names.
async fn questions(journey: &Journey) {
    let client = &journey.client;
    // 1, 2: requests by status, counts by status.
    assert_eq!(
        rows(journey, "/acme/certificate/requests?status=success")
            .await
            .len(),
        5
    );
    let counts = client.get("/acme/requests/summary").await.data();
    assert_eq!(
        counts["byStatus"],
        json!({"pending": 0, "running": 0, "success": 5, "failed": 1})
    );
    // 3: requests with many attempts.
    assert_eq!(
        rows(journey, "/acme/certificate/requests?minAttempts=1")
            .await
            .len(),
        6
    );
    assert_eq!(
        rows(journey, "/acme/certificate/requests?minAttempts=5")
            .await
            .len(),
        0
    );
    // 4: issued certificates with unique fingerprint, issuer, end.
    let certificates = rows(journey, "/certificates?kind=certificate").await;
    assert_eq!(certificates.len(), 5);
    let mut fingerprints: Vec<&str> = certificates
        .iter()
        .map(|c| c["fingerprint"].as_str().unwrap())
        .collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 5);
    assert!(
        fingerprints
            .iter()
            .all(|f| f.len() == 64 && f.bytes().all(|b| b.is_ascii_hexdigit()))
    );
    assert!(
        certificates
            .iter()
            .all(|c| c["issuer"].as_str().unwrap().contains("Pebble Intermediate CA"))
    );
    assert!(
        certificates
            .iter()
            .all(|c| c["expireAt"].as_str().unwrap().ends_with('Z'))
    );
    // Requests without a certificate stand beside them, newest first.
    let all = rows(journey, "/certificates").await;
    assert_eq!(all.len(), 6);
    assert_eq!((&all[0]["kind"], &all[0]["id"]), (&json!("request"), &json!(6)));
    // 5, 6: the names of a certificate with isWildcard, and how many each has.
    let of_request = |id: u64| certificates.iter().find(|c| c["requestId"] == id).unwrap();
    assert_eq!(
        of_request(4)["domains"],
        json!([
            {"domain": "example.com", "isWildcard": false},
            {"domain": "*.example.com", "isWildcard": true},
            {"domain": "www.example.com", "isWildcard": false},
        ])
    );
    let sizes: Vec<usize> = (1..=5)
        .map(|id| of_request(id)["domains"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [1, 1, 2, 3, 1]);
    // 7: certificates with a wildcard.
    assert_eq!(rows(journey, "/certificates?wildcard=true").await.len(), 2);
    // 8: accounts with registration_uri.
    let accounts = rows(journey, "/acme/accounts?status=active").await;
    assert_eq!(accounts.len(), 2);
    assert!(
        accounts
            .iter()
            .all(|a| a["registrationUri"].as_str().unwrap().starts_with("https://"))
    );
    assert_eq!(
        (&accounts[0]["eabKid"], &accounts[1]["eabKid"]),
        (&Value::Null, &json!("your****"))
    );
    // 9: providers that require EAB.
    let bound = rows(journey, "/acme/providers?requiresEab=true").await;
    assert_eq!((bound.len(), &bound[0]["name"]), (1, &json!("google")));
    // 10: request and certificate, both ways.
    for id in 1..=5 {
        let request = journey.look(id).await;
        assert_eq!(request["result_certificate_id"], of_request(id)["id"]);
    }
    // 11, 12: TXT records of the challenges; those to be absent.
    let records = rows(journey, "/acme/challenges?pageSize=100").await;
    assert!(records.len() >= 6 && records.iter().all(|r| r["owner_type"] == "acme_challenge"));
    assert!(
        records
            .iter()
            .all(|r| r["type"] == "TXT" && r["ttl"] == 60 && r["zone"] == "example.com")
    );
    let names: Vec<&str> = records.iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(
        names.contains(&"_acme-challenge") && names.contains(&"_acme-challenge.www"),
        "{names:?}"
    );
    let absent = rows(journey, "/acme/challenges?desired_state=absent&pageSize=100").await;
    assert_eq!(absent.len(), records.len(), "all are gone");
    // 13, 14: bindings of a certificate, active bindings: a website goes from one certificate to another.
    for certificate in [1, 2] {
        let bind = format!("/certificates/{certificate}/bind");
        let bound = client.post(&bind, r#"{"websiteId":7}"#).await.data();
        assert_eq!(bound["status"], "active");
    }
    let of_first = rows(journey, "/certificates/bindings?certificateId=1").await;
    assert_eq!(
        of_first,
        [json!({"certificateId": 1, "websiteId": 7, "status": "inactive"})]
    );
    let active = rows(journey, "/certificates/bindings?status=active").await;
    assert_eq!(
        active,
        [json!({"certificateId": 2, "websiteId": 7, "status": "active"})]
    );
    // 15: accounts by provider.
    assert_eq!(rows(journey, "/acme/accounts?providerId=2").await.len(), 1);
}

#[tokio::test]
async fn the_worked_example() {
    let mut options = options();
    // As real CAs do now and then.
    options.bad_nonces = 5;
    let journey = Journey::start(options).await;
    accounts(&journey).await;
    file(&journey).await;
    // 8 to 10: the list, the pending ones, one of them.
    let all = requests(&journey, "").await;
    assert_eq!(
        (&all["total"], &all["page"], &all["pageSize"]),
        (&json!(5), &json!(1), &json!(20))
    );
    assert_eq!(ids(&all), [5, 4, 3, 2, 1], "newest first");
    let pending = requests(&journey, "?status=pending").await;
    assert!(
        pending["list"]
            .as_array()
            .unwrap()
            .iter()
            .all(|r| r["status"] == "pending")
    );
    assert_eq!(journey.look(1).await["names"], json!(["example.com"]));
    // 11 to 14: to success, within one polling interval.
    for id in 1..=5 {
        let done = journey.until(id, "success").await;
        assert_eq!(
            (&done["attempts"], &done["last_error"]),
            (&json!(1), &Value::Null)
        );
    }
    assert_eq!(ids(&requests(&journey, "?status=success").await), [5, 4, 3, 2, 1]);
    assert_eq!(requests(&journey, "?status=failed").await["total"], 0);
    failing(&journey).await;
    // 20, 21: by account, by page.
    assert_eq!(ids(&requests(&journey, "?accountId=1").await), [6, 4, 3, 2, 1]);
    let page = requests(&journey, "?page=1&pageSize=5").await;
    assert_eq!((ids(&page).len(), &page["total"]), (5, &json!(6)));
    assert_eq!(ids(&requests(&journey, "?page=2&pageSize=5").await), [1]);

    journey.until_clean().await;
    questions(&journey).await;
    let id = journey.look(4).await["result_certificate_id"].as_u64().unwrap();
    let certificate = journey.client.get(&format!("/certificates/{id}")).await.data();
    verify(&journey, certificate["certificatePem"].as_str().unwrap());
    journey.end().await;
}

#[tokio::test]
async fn a_kick_that_is_lost_costs_one_interval() {
    let mut options = options();
    options.interval = Some(std::time::Duration::from_secs(1));
    let (journey, rules) = Journey::with_faults(options).await;
    let lost = rules.add(Operation::PutEvents, 0, usize::MAX, Fault::Reset);
    let account = journey.account().await;
    let id = journey.request(account, &["example.net"]).await;
    journey.until(id, "success").await;
    assert!(lost.count() > 0, "there was a kick to lose");
    eventually("the zone is clean", || async {
        journey.txt_values().is_empty().then_some(())
    })
    .await;
    journey.end().await;
}
