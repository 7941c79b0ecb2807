//! Renewals with the same key, and when not; keys that nobody needs any more.

use std::sync::Arc;

use certmint_tests::{
    faults::{Call, Fault, Operation},
    journey::eventually,
};
use serde_json::{Value, json};

use super::steps::{
    DAY, HOUR, about_the_key, calm, ends_with, issued_as, key_of, look, orders, pass, renew, revoke, secrets,
    without_ari,
};

#[tokio::test]
async fn a_renewal_has_the_same_key_where_that_was_asked_for_and_a_new_one_else() {
    let (journey, _) = issued_as(calm(), json!({"reuseKey": true, "profile": "classic"}), |_| {}).await;
    for (kind, reuse) in [("ecdsa-p384", true), ("rsa-2048", true), ("ecdsa-p256", false)] {
        let name = format!("{kind}-{reuse}.example.com");
        let body = json!({"accountId": 1, "domains": [name], "keyAlgorithm": kind, "reuseKey": reuse, "profile": "classic"});
        let made = journey
            .client
            .post("/acme/certificate/request", &body.to_string())
            .await;
        let made = made.data();
        assert_eq!(
            (&made["reuse_key"], &made["renew_as"]),
            (&json!(reuse), &json!("replace"))
        );
        journey.until(made["id"].as_u64().unwrap(), "success").await;
    }
    pass(&journey).await;
    for id in 1..=4 {
        let first = look(&journey, id).await;
        let reuse = id != 4;
        assert_eq!(first["reuseKey"], reuse, "{first}");
        let request = renew(&journey, id).await;
        assert_eq!(request["reuse_key"], reuse);
        let second = look(&journey, id).await;
        assert_eq!(
            (&second["version"], &second["reuseKey"]),
            (&json!(2), &json!(reuse))
        );
        assert_eq!(second["keyAlgorithm"], first["keyAlgorithm"]);
        assert_eq!(key_of(&first) == key_of(&second), reuse, "{second}");
        let told = about_the_key(&request);
        assert_eq!(
            told.ends_with("the key of the certificate that is renewed"),
            reuse,
            "{told}"
        );
        let third = renew(&journey, id).await;
        assert_eq!(key_of(&look(&journey, id).await) == key_of(&first), reuse);
        let own = format!("{}-order0", third["id"]);
        assert!(
            secrets(&journey).await.contains(&own),
            "each version has a secret of its own"
        );
    }
    assert_eq!(secrets(&journey).await.len(), 12);
    // A week later the keys of the versions that were replaced are gone.
    journey.later(DAY * 8).await;
    eventually("four keys are left", || async {
        pass(&journey).await;
        (secrets(&journey).await.len() == 4).then_some(())
    })
    .await;
    ends_with(journey, 4).await;
}

#[tokio::test]
async fn a_compromised_key_is_not_used_again_and_a_revoked_certificate_only_renewed_when_wanted() {
    let (journey, _) = issued_as(
        calm(),
        json!({"reuseKey": true, "profile": "classic"}),
        without_ari,
    )
    .await;
    let first = look(&journey, 1).await;
    revoke(&journey, 1, "keyCompromise").await;
    let revoked = look(&journey, 1).await;
    assert_eq!(
        (
            &revoked["renewMode"],
            &revoked["renewAt"],
            &revoked["renewalReason"]
        ),
        (
            &json!("auto"),
            &Value::Null,
            &json!("revoked; trigger or enable-auto renews it")
        )
    );
    journey.later(70 * DAY).await;
    pass(&journey).await;
    journey.later(DAY).await;
    pass(&journey).await;
    let requests = journey.client.get("/acme/certificate/requests").await.data();
    assert_eq!(requests["total"], 1, "nothing is renewed by itself");
    let row = journey
        .client
        .get("/certificates/renewal/candidates?renewBeforeDays=400&status=revoked")
        .await
        .data();
    assert_eq!(
        (&row["total"], &row["list"][0]["status"]),
        (&json!(1), &json!("revoked"))
    );
    let none = journey
        .client
        .get("/certificates/renewal/candidates?renewBeforeDays=400&status=issued")
        .await
        .data();
    assert_eq!(none["total"], 0);

    let renewed = renew(&journey, 1).await;
    let second = look(&journey, 1).await;
    assert_eq!(
        (&second["status"], &second["version"]),
        (&json!("issued"), &json!(2))
    );
    assert_ne!(key_of(&first), key_of(&second));
    let told = about_the_key(&renewed);
    assert!(told.ends_with("was revoked for keyCompromise"), "{told}");
    // From then on the new one is kept.
    renew(&journey, 1).await;
    assert_eq!(key_of(&second), key_of(&look(&journey, 1).await));

    // Superseded is no word against the key: enable-auto renews at once, with the same.
    revoke(&journey, 1, "superseded").await;
    let on = journey
        .client
        .post("/certificates/renewal/enable-auto", r#"{"certificateId":1}"#)
        .await
        .data();
    assert_eq!(on["renewMode"], "auto");
    journey.later(HOUR).await;
    pass(&journey).await;
    journey.in_time(4).await;
    let last = look(&journey, 1).await;
    assert_eq!((&last["status"], &last["version"]), (&json!("issued"), &json!(4)));
    assert_eq!(key_of(&last), key_of(&second));
    ends_with(journey, 1).await;
}

#[tokio::test]
async fn a_key_that_is_gone_is_replaced_and_says_so_one_that_waits_for_its_end_is_not() {
    let (journey, _) = issued_as(calm(), json!({"reuseKey": true, "profile": "classic"}), |_| {}).await;
    let first = look(&journey, 1).await;
    let secrets = &journey.stack.aws.secrets;
    let delete = |more: Value| {
        let mut call = json!({"SecretId": "certmint/certificate-key/1-order0"});
        call.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        async move { secrets.operate("DeleteSecret", &call).await }
    };
    delete(json!({"RecoveryWindowInDays": 7})).await;
    let started = journey
        .client
        .post("/certificates/renewal/trigger", r#"{"certificateId":1}"#)
        .await
        .data();
    let failed = journey.in_time(started["requestId"].as_u64().unwrap()).await;
    let error = failed["last_error"].as_str().unwrap();
    assert!(
        failed["status"] == "failed" && error.contains("scheduled for deletion"),
        "{failed}"
    );
    assert_eq!(look(&journey, 1).await["version"], 1);

    delete(json!({"ForceDeleteWithoutRecovery": true})).await;
    let renewed = renew(&journey, 1).await;
    let told = about_the_key(&renewed);
    assert!(
        told.contains("certificate-key/1-order0 is gone from the vault"),
        "{told}"
    );
    let logs = journey.stack.logs.all();
    assert!(
        logs.iter()
            .any(|l| l.contains("a new key") && l.contains("is gone from the vault"))
    );
    assert_ne!(key_of(&first), key_of(&look(&journey, 1).await));
    ends_with(journey, 1).await;
}

#[tokio::test]
async fn a_failed_request_takes_its_keys_along() {
    let (journey, rules) = issued_as(calm(), json!({"profile": "classic"}), |_| {}).await;
    rules.add(
        Operation::Finalize,
        0,
        usize::MAX,
        Fault::problem(400, "badCSR", &[]),
    );
    let id = journey.request(1, &["www.example.com"]).await;
    journey.until(id, "failed").await;
    let key = format!("{id}-order0");
    assert!(secrets(&journey).await.contains(&key));
    pass(&journey).await;
    eventually("it can be deleted", || async {
        journey.clean().await;
        let path = format!("/acme/certificate/requests/{id}/delete");
        (journey.client.post(&path, "").await.status == 200).then_some(())
    })
    .await;
    eventually("its key is gone", || async {
        journey.work().await;
        (!secrets(&journey).await.contains(&key)).then_some(())
    })
    .await;
    assert_eq!(
        secrets(&journey).await,
        ["1-order0"],
        "the key of a certificate stays"
    );
    ends_with(journey, 1).await;
}

#[tokio::test]
async fn a_key_that_is_compromised_while_a_renewal_has_it_is_left_behind() {
    let terms = json!({"reuseKey": true, "profile": "classic"});
    let (journey, rules) = issued_as(calm(), terms, without_ari).await;
    let first = look(&journey, 1).await;
    let worker = journey.stack.worker.clone();
    let stores = |call: &Call| {
        let body = String::from_utf8_lossy(&call.body);
        call.operation == Operation::CreateSecret && body.contains("certificate-key/2-order0")
    };
    let kill = Arc::new(move || worker.kill());
    let hits = rules.add_matching(stores, 0, 1, Fault::After(kill));
    let body = r#"{"certificateId":1}"#;
    let started = journey.client.post("/certificates/renewal/trigger", body).await;
    assert_eq!(started.data()["requestId"], 2);
    eventually("the key is stored and the worker dead", || async {
        (hits.count() == 1 && secrets(&journey).await.len() == 2).then_some(())
    })
    .await;
    revoke(&journey, 1, "keyCompromise").await;
    let done = journey.in_time(2).await;
    assert_eq!(done["status"], "success", "{done}");
    assert_ne!(key_of(&first), key_of(&look(&journey, 1).await));
    assert_eq!(
        orders(&rules).len(),
        3,
        "the order whose key was given away is dropped"
    );
    ends_with(journey, 1).await;
}

#[tokio::test]
async fn a_key_that_another_certificate_gave_away_is_not_used_again() {
    let terms = json!({"reuseKey": true, "renewAs": "new", "profile": "classic"});
    let (journey, _) = issued_as(calm(), terms, without_ari).await;
    renew(&journey, 1).await;
    let (first, second) = (look(&journey, 1).await, look(&journey, 2).await);
    assert_eq!(key_of(&first), key_of(&second));
    revoke(&journey, 1, "keyCompromise").await;
    let request = renew(&journey, 2).await;
    assert_eq!(request["result_certificate_id"], 3);
    assert_ne!(key_of(&look(&journey, 3).await), key_of(&second));
    ends_with(journey, 3).await;
}
