//! What the journeys of renewals do again and again.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use certmint_core::{clock::Clock, words::Timestamp, x509::certificate::key_id_of};
use certmint_shared::{acme::certificate_id, clock::SystemClock};
use certmint_tests::{
    faults::{Call, Fault, Operation, Rules},
    journey::{Answer, Journey, eventually, options},
};
use serde_json::{Value, json};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Without refused nonces: orders are counted. Where no profile is asked for, Pebble takes any.
pub(crate) fn calm() -> certmint_stack::Options {
    certmint_stack::Options {
        bad_nonces: 0,
        ..options()
    }
}

/// A stack behind proxies with certificate 1, just issued.
pub(crate) async fn issued(profile: Option<&str>) -> (Journey, Rules) {
    issued_with(calm(), profile, |_| {}).await
}

/// The same at a CA without renewal information.
pub(crate) async fn issued_without_ari(profile: Option<&str>) -> (Journey, Rules) {
    issued_with(calm(), profile, without_ari).await
}

/// The CA's directory says nothing of renewal information.
pub(crate) fn without_ari(rules: &Rules) {
    let edit = |body: &[u8]| {
        let mut directory: Value = serde_json::from_slice(body).unwrap();
        directory.as_object_mut().unwrap().remove("renewalInfo");
        directory.to_string().into_bytes()
    };
    rules.add(
        Operation::Directory,
        0,
        usize::MAX,
        Fault::Rewrite(Arc::new(edit)),
    );
}

pub(crate) async fn issued_with(
    options: certmint_stack::Options,
    profile: Option<&str>,
    prepare: impl Fn(&Rules),
) -> (Journey, Rules) {
    issued_as(options, json!({"profile": profile}), prepare).await
}

/// The same with these further fields of its request.
pub(crate) async fn issued_as(
    options: certmint_stack::Options,
    more: Value,
    prepare: impl Fn(&Rules),
) -> (Journey, Rules) {
    loop {
        let (journey, rules) = issued_once(options.clone(), &more, &prepare).await;
        if pebble_finds(&certificate(&journey).await) {
            return (journey, rules);
        }
        ends(journey).await;
    }
}

/// Whether Pebble finds the certificate that an order `replaces`. The identifier has the serial number as DER writes it
/// (RFC 9773 §4.1), Pebble keeps it without the zero that DER puts before a first bit that is set: about one in 250 of its
/// certificates it answers with serverInternal, always. That our engine orders without `replaces` then has a test of its
/// own; the other journeys count orders.
fn pebble_finds(certificate: &Value) -> bool {
    let id = certificate_id(certificate["certificatePem"].as_str().unwrap()).unwrap();
    let serial = BASE64_URL_SAFE_NO_PAD
        .decode(id.split_once('.').unwrap().1)
        .unwrap();
    serial[0] != 0
}

async fn issued_once(
    options: certmint_stack::Options,
    more: &Value,
    prepare: impl Fn(&Rules),
) -> (Journey, Rules) {
    let (journey, rules) = Journey::with_faults(options).await;
    prepare(&rules);
    let account = journey.account().await;
    let mut body = json!({"accountId": account, "domains": ["example.com"]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = journey
        .client
        .post("/acme/certificate/request", &body.to_string())
        .await;
    let id = made.id();
    journey.until(id, "success").await;
    // The pass that the kick began ends before the clock is moved.
    pass(&journey).await;
    (journey, rules)
}

/// Every certificate asked about has this window from now on.
pub(crate) fn suggest(rules: &Rules, start: Timestamp, end: Timestamp) {
    let body = json!({
        "suggestedWindow": {"start": start.to_string(), "end": end.to_string()},
        "explanationURL": "https://ca.test/incident",
    });
    let answer = move |_: &[u8]| body.to_string().into_bytes();
    rules.add(
        Operation::RenewalInfo,
        0,
        usize::MAX,
        Fault::Rewrite(Arc::new(answer)),
    );
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The certificate as a client sees it.
pub(crate) async fn certificate(journey: &Journey) -> Value {
    journey.client.get("/certificates/1").await.data()
}

/// One whole pass of the worker: one that was just started anew may lose its first event.
pub(crate) async fn pass(journey: &Journey) -> Value {
    eventually("a pass of the worker", || journey.work()).await
}

/// How many requests there are.
pub(crate) async fn requests(journey: &Journey) -> u64 {
    let list = journey.client.get("/acme/certificate/requests").await.data();
    list["total"].as_u64().unwrap()
}

pub(crate) async fn call(journey: &Journey, name: &str) -> Answer {
    let path = format!("/certificates/renewal/{name}");
    journey.client.post(&path, r#"{"certificateId":1}"#).await
}

/// Time goes by, the worker runs, and nothing is renewed.
pub(crate) async fn nothing_after(journey: &Journey, time: Duration) {
    journey.later(time).await;
    pass(journey).await;
    assert_eq!(requests(journey).await, 1, "nothing is renewed");
    assert_eq!(certificate(journey).await["version"], 1);
}

/// Time goes by, the worker runs, and the certificate is renewed in its place.
pub(crate) async fn renewed_after(journey: &Journey, time: Duration) -> Value {
    journey.later(time).await;
    pass(journey).await;
    let request = journey.in_time(2).await;
    assert_eq!(request["status"], "success", "{request}");
    assert_eq!(
        (&request["renews"], &request["result_certificate_id"]),
        (&json!(1), &json!(1))
    );
    let renewed = certificate(journey).await;
    assert_eq!(renewed["version"], 2, "{renewed}");
    renewed
}

/// What a CA is asked for in a newOrder.
pub(crate) fn order(call: &Call) -> Value {
    let jws: Value = serde_json::from_slice(&call.body).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD
        .decode(jws["payload"].as_str().unwrap())
        .unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// What the CA was asked for in each newOrder.
pub(crate) fn orders(rules: &Rules) -> Vec<Value> {
    rules.seen(Operation::NewOrder).iter().map(order).collect()
}

/// Nothing is left in a zone, no secret leaked, one certificate.
pub(crate) async fn ends(journey: Journey) {
    journey.clean().await;
    journey.until_clean().await;
    let list = journey.client.get("/certificates?kind=certificate").await.data();
    assert_eq!(list["total"], 1, "one certificate: {list}");
    journey.end().await;
}

/// A certificate as a client sees it.
pub(crate) async fn look(journey: &Journey, id: u64) -> Value {
    journey.client.get(&format!("/certificates/{id}")).await.data()
}

/// Tells its key from others.
pub(crate) fn key_of(certificate: &Value) -> String {
    key_id_of(certificate["certificatePem"].as_str().unwrap()).unwrap()
}

/// Renews it by hand; the request when it succeeded.
pub(crate) async fn renew(journey: &Journey, id: u64) -> Value {
    let body = json!({"certificateId": id}).to_string();
    let started = journey
        .client
        .post("/certificates/renewal/trigger", &body)
        .await
        .data();
    let done = journey.in_time(started["requestId"].as_u64().unwrap()).await;
    assert_eq!(done["status"], "success", "{done}");
    done
}

/// Has it revoked, and waits for that.
pub(crate) async fn revoke(journey: &Journey, id: u64, reason: &str) {
    let body = json!({"reason": reason}).to_string();
    let path = format!("/certificate/{id}/revoke");
    let _ = journey.client.post(&path, &body).await.data();
    eventually("the CA has revoked it", || async {
        (look(journey, id).await["status"] == "revoked").then_some(())
    })
    .await;
    pass(journey).await;
}

/// What a request's history says of its key.
pub(crate) fn about_the_key(request: &Value) -> String {
    let lines = request["history"].as_array().unwrap();
    let words = lines.iter().filter_map(|line| line["what"].as_str());
    let mut found = words.filter(|what| what.starts_with("key and CSR stored"));
    found.next_back().unwrap().to_owned()
}

/// The keys in the vault, without their prefix.
pub(crate) async fn secrets(journey: &Journey) -> Vec<String> {
    let all = journey.stack.aws.secrets.values().await.into_iter();
    let keys = all.filter_map(|(name, _)| Some(name.split_once("certificate-key/")?.1.to_owned()));
    keys.collect()
}

/// No value in a zone, no secret elsewhere, nothing but these certificates.
pub(crate) async fn ends_with(journey: Journey, certificates: u64) {
    journey.clean().await;
    journey.until_clean().await;
    let list = journey.client.get("/certificates?kind=certificate").await.data();
    assert_eq!(list["total"], certificates, "{list}");
    journey.end().await;
}
