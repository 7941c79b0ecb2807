//! All that a stack does in its life, once.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use certmint_tests::{
    faults::{Call, Fault, Operation, Rules},
    files::TestCa,
    journey::{Journey, eventually, set_env},
};
use rcgen::KeyPair;
use serde_json::{Value, json};

pub(super) const MONTH: Duration = Duration::from_secs(31 * 24 * 3600);

async fn post(journey: &Journey, path: &str, body: Value) -> Value {
    journey.client.post(path, &body.to_string()).await.data()
}

/// Issues a certificate; its id.
pub(super) async fn issued(journey: &Journey, body: Value) -> u64 {
    let request = post(journey, "/acme/certificate/request", body).await["id"]
        .as_u64()
        .unwrap();
    let done = eventually("it is issued", || async {
        journey.work().await;
        let seen = journey.look(request).await;
        assert_ne!(seen["status"], "failed", "{seen}");
        (seen["status"] == "success").then_some(seen)
    })
    .await;
    done["result_certificate_id"].as_u64().unwrap()
}

/// A certificate and its key as PEM.
pub(super) async fn pem(journey: &Journey, id: u64) -> String {
    let file = post(
        journey,
        &format!("/certificate/{id}/download"),
        json!({"format": "pem"}),
    )
    .await;
    let bytes = BASE64_STANDARD
        .decode(file["contentBase64"].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The upload of what `pem` gave.
pub(super) fn upload_of(pem: &str, name: &str) -> Value {
    let key = pem.find("-----BEGIN PRIVATE KEY-----").unwrap();
    let end = pem[key..].find("-----END PRIVATE KEY-----").unwrap() + "-----END PRIVATE KEY-----\n".len();
    let (key, rest) = (
        &pem[key..key + end],
        format!("{}{}", &pem[..key], &pem[key + end..]),
    );
    json!({"provider": "manual", "certificatePem": rest, "privateKeyPem": key, "domains": [name]})
}

async fn providers(journey: &Journey) {
    let at = |port: u16| format!("https://localhost:{port}/dir");
    let ports = &journey.stack.ports;
    let limits = json!({"newOrders": {"count": 1000, "windowSeconds": 3600}});
    let all = json!([
        {"id": 1, "name": "letsencrypt", "directoryUrl": at(ports.acme), "requiresEab": false, "limits": limits},
        {"id": 2, "name": "google", "directoryUrl": at(ports.acme_eab), "requiresEab": true},
        {"id": 3, "name": "away", "directoryUrl": at(1), "requiresEab": false},
    ]);
    for function in [&journey.stack.api, &journey.stack.worker] {
        set_env(function, "CERTMINT_PROVIDERS", &all.to_string()).await;
    }
}

async fn accounts(journey: &Journey) -> [u64; 2] {
    let first = journey.account().await;
    let eab = json!({"providerName": "google", "email": "ops@example.com", "eabKid": "your_eab_kid_here",
        "eabHmacKey": "your_eab_hmac_key_here"});
    let bound = post(journey, "/acme/account/create", eab.clone()).await["id"]
        .as_u64()
        .unwrap();
    let twice = journey
        .client
        .post("/acme/account/create", &eab.to_string())
        .await;
    twice.refused(409, 3002, "exists");
    let again = json!({"id": bound, "eabKid": "your_eab_kid_here", "eabHmacKey": "your_eab_hmac_key_here"});
    post(journey, "/acme/accounts/eab", again).await;
    post(
        journey,
        "/acme/accounts/set-default",
        json!({"providerId": 1, "accountId": first}),
    )
    .await;
    post(journey, "/acme/accounts/fallback", json!({"accountIds": [bound]})).await;
    let spare = json!({"providerName": "letsencrypt", "email": "spare@example.com"});
    let spare = post(journey, "/acme/account/create", spare).await["id"].clone();
    for call in ["disable", "enable", "delete"] {
        post(journey, &format!("/acme/accounts/{call}"), json!({"id": spare})).await;
    }
    [first, bound]
}

async fn requests(journey: &Journey, account: u64) {
    let client = &journey.client;
    // Its CA is away.
    let away = json!({"providerName": "away", "email": "ops@example.com"});
    let away = post(journey, "/acme/account/create", away).await["id"].clone();
    let own = json!({"accountId": away, "domains": ["away.example.com"], "fallbackAccountIds": []});
    let waiting = post(journey, "/acme/certificate/request", own).await["id"].clone();
    eventually("the CA is known to be away", || async {
        journey.work().await;
        let all = client.get("/acme/providers").await.data();
        let away = all["list"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["name"] == "away")
            .cloned();
        (away.unwrap()["status"] == "inactive").then_some(())
    })
    .await;
    let cancel = format!("/acme/certificate/requests/{waiting}/cancel");
    post(journey, &cancel, json!({})).await;
    post(journey, "/acme/certificate/retry", json!({"id": waiting})).await;
    post(journey, &cancel, json!({})).await;
    eventually("it can be deleted", || async {
        let path = format!("/acme/certificate/requests/{waiting}/delete");
        (client.post(&path, "").await.status == 200).then_some(())
    })
    .await;
    let body = json!({"accountId": account, "domains": ["once.example.com"]}).to_string();
    let once = |key: &'static str| {
        let body = body.clone();
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        async move {
            client
                .call("POST", "/acme/certificate/request", &headers, body)
                .await
                .id()
        }
    };
    assert_eq!(once("a").await, once("a").await);
}

async fn downloads(journey: &Journey, id: u64) {
    let plain = journey
        .client
        .get(&format!("/certificates/{id}/download"))
        .await
        .data();
    assert_eq!(plain["format"], "pem");
    for body in [
        json!({"format": "pem"}),
        json!({"format": "pem", "password": "a password"}),
        json!({"format": "pfx", "password": "a password"}),
        json!({"format": "pfx", "password": "a password", "algorithm": "3des-sha1"}),
        json!({"format": "jks", "password": "a password"}),
    ] {
        let file = post(journey, &format!("/certificate/{id}/download"), body.clone()).await;
        assert_eq!(file["format"], body["format"]);
    }
}

/// Renews a certificate now.
pub(super) async fn renewed(journey: &Journey, id: u64) {
    let body = json!({"certificateId": id});
    let request = post(journey, "/certificates/renewal/trigger", body).await["requestId"]
        .as_u64()
        .unwrap();
    eventually("it is renewed", || async {
        journey.work().await;
        let seen = journey.look(request).await;
        assert_ne!(seen["status"], "failed", "{seen}");
        (seen["status"] == "success").then_some(())
    })
    .await;
}

async fn revoked(journey: &Journey, id: u64, body: Value) {
    post(journey, &format!("/certificate/{id}/revoke"), body).await;
    eventually("it is revoked", || async {
        journey.work().await;
        let seen = journey.client.get(&format!("/certificates/{id}")).await.data();
        (seen["status"] == "revoked").then_some(())
    })
    .await;
}

/// Looks at all that can be looked at.
async fn looks(journey: &Journey, account: u64, certificate: u64) {
    for path in [
        "/acme/accounts".to_owned(),
        format!("/acme/accounts/{account}"),
        "/acme/accounts/defaults".into(),
        "/acme/accounts/fallback".into(),
        "/acme/providers".into(),
        format!("/acme/limits?accountId={account}&domain=example.com"),
        "/acme/certificate/requests?status=success".into(),
        format!("/acme/certificate/requests?accountId={account}"),
        "/acme/requests/summary".into(),
        "/acme/challenges".into(),
        "/certificates".into(),
        "/certificates?name=example.com".into(),
        format!("/certificates/{certificate}"),
        format!("/certificates/{certificate}/versions"),
        "/certificates/bindings".into(),
        "/certificates/renewal/candidates".into(),
    ] {
        let _ = journey.client.get(&path).await.data();
    }
}

/// The uploads, and what comes back: deleted and uploaded again; removed with its key and uploaded again.
async fn uploads(journey: &Journey, issued: u64) {
    let client = &journey.client;
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let upload = json!({"provider": "manual", "certificatePem": ca.chain(&key, &["shop.example"]),
        "privateKeyPem": key.serialize_pem(), "domains": ["shop.example"]});
    let id = post(journey, "/certificates/upload", upload.clone()).await["id"]
        .as_u64()
        .unwrap();
    let first = pem(journey, id).await;
    client
        .post("/certificates/upload", &upload.to_string())
        .await
        .refused(409, 3002, "already");
    post(
        journey,
        &format!("/certificates/{id}/bind"),
        json!({"websiteId": 7}),
    )
    .await;
    client
        .post(&format!("/certificate/{id}/delete"), "")
        .await
        .refused(409, 3003, "websites");
    post(
        journey,
        &format!("/certificates/{id}/unbind"),
        json!({"websiteId": 7}),
    )
    .await;
    post(journey, &format!("/certificate/{id}/delete"), json!({})).await;
    let back = post(journey, "/certificates/upload", upload.clone()).await;
    assert_eq!(back, json!({"id": id, "restored": true}));

    let of_ours = upload_of(&pem(journey, issued).await, "example.com");
    post(journey, &format!("/certificate/{issued}/delete"), json!({})).await;
    let back = post(journey, "/certificates/upload", of_ours).await;
    assert_eq!((&back["id"], &back["restored"]), (&json!(issued), &json!(true)));
    downloads(journey, issued).await;
    for call in ["delete", "restore"] {
        post(journey, &format!("/certificate/{issued}/{call}"), json!({})).await;
    }

    post(journey, &format!("/certificate/{id}/delete"), json!({})).await;
    journey.work().await;
    journey.later(MONTH).await;
    eventually("it is removed with its key", || async {
        journey.work().await;
        let gone = client.get(&format!("/certificates/{id}")).await.status == 404;
        (gone && is_done(journey, &format!("certificate-{id}\""))).then_some(())
    })
    .await;
    let again = post(journey, "/certificates/upload", upload).await["id"]
        .as_u64()
        .unwrap();
    assert_ne!(again, id);
    assert_eq!(pem(journey, again).await, first);
}

/// Whether a chore was done, by the worker's log.
pub(super) fn is_done(journey: &Journey, chore: &str) -> bool {
    let done = |line: &String| line.contains("chore done") && line.contains(chore);
    journey.stack.logs.all().iter().any(done)
}

/// The worker dies with values in a zone, beside another tool's, and the client gives up: dns-cleanup takes them out.
async fn left_behind(journey: &Journey, rules: &Rules, account: u64) {
    let zones = &journey.stack.aws.route53;
    let name = "_acme-challenge.left.example.com";
    zones.upsert(name, "TXT", 60, &["\"theirs\""]).unwrap();
    let worker = journey.stack.worker.clone();
    // The first change meets the other tool's value.
    let kill = Fault::After(Arc::new(move || worker.kill()));
    let killed = rules.add(Operation::ChangeResourceRecordSets, 1, 1, kill);
    let id = journey.request(account, &["left.example.com"]).await;
    eventually("it was killed", || async { (killed.count() == 1).then_some(()) }).await;
    post(
        journey,
        &format!("/acme/certificate/requests/{id}/cancel"),
        json!({}),
    )
    .await;
    journey.later(Duration::from_secs(3600)).await;
    eventually("only the other tool's value stands", || async {
        journey.clean().await;
        (journey.txt_values() == ["\"theirs\""]).then_some(())
    })
    .await;
}

/// Everything, in its order.
pub(super) async fn happens(journey: &Journey, rules: &Rules) {
    providers(journey).await;
    // The answer is lost, and the SDK asks again.
    let of_eab = |call: &Call| {
        let body = String::from_utf8_lossy(&call.body);
        let is_intent = body.contains("CHORE#");
        call.caller.as_deref() == Some("api") && body.contains("account-eab/") && is_write(call) && !is_intent
    };
    rules.add_matching(of_eab, 0, 1, Fault::LoseAnswer);
    let [account, bound] = accounts(journey).await;
    requests(journey, account).await;
    let first = issued(
        journey,
        json!({"accountId": account, "domains": ["example.com", "*.example.com"]}),
    )
    .await;
    let other = json!({"accountId": bound, "domains": ["b.example.com"], "keyAlgorithm": "rsa-2048"});
    let other = issued(journey, other).await;
    let moved = json!({"id": account, "email": "new@example.com"});
    post(journey, "/acme/accounts/contact", moved).await;
    post(journey, "/acme/accounts/rollover", json!({"id": account})).await;
    eventually(
        "the account has its next key, and the old one is gone",
        || async {
            journey.work().await;
            let done = ["contact-1", "rollover-1", "old-key-1"].map(|chore| is_done(journey, chore));
            (done == [true; 3]).then_some(())
        },
    )
    .await;
    renewed(journey, first).await;
    for terms in [
        json!({"certificateId": first, "reuseKey": true}),
        json!({"certificateId": other, "renewAs": "new"}),
    ] {
        post(journey, "/certificates/renewal/settings", terms).await;
    }
    renewed(journey, first).await;
    renewed(journey, other).await;
    for call in ["disable-auto", "enable-auto"] {
        post(
            journey,
            &format!("/certificates/renewal/{call}"),
            json!({"certificateId": first}),
        )
        .await;
    }
    let own = issued(
        journey,
        json!({"accountId": account, "domains": ["c.example.com"]}),
    )
    .await;
    revoked(journey, own, json!({"reason": "keyCompromise"})).await;
    let own = issued(
        journey,
        json!({"accountId": account, "domains": ["d.example.com"]}),
    )
    .await;
    revoked(journey, own, json!({"by": "certificateKey"})).await;
    looks(journey, account, first).await;
    uploads(journey, first).await;
    journey.clean().await;
    journey.until_clean().await;
    left_behind(journey, rules, account).await;
}

fn is_write(call: &Call) -> bool {
    matches!(call.operation, Operation::CreateSecret | Operation::PutItem)
}
