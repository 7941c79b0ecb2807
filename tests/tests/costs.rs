//! What a certificate, a renewal and an idle hour cost, counted from the calls of the real functions: write and read units
//! of DynamoDB by AWS's rules, and requests to the CA. docs/operations.md has the table that is made here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "costs/rules.rs"]
mod rules;
#[path = "costs/table.rs"]
mod table;

use std::{collections::BTreeMap, time::Duration};

use certmint_tests::{
    faults::{Fault, Metered, Operation, Rules},
    journey::{Journey, eventually, options, set_env},
};
use serde_json::{Value, json};

/// Requests to a CA, by kind.
const ACME: [Operation; 10] = [
    Operation::Directory,
    Operation::NewNonce,
    Operation::NewAccount,
    Operation::NewOrder,
    Operation::Authorization,
    Operation::Challenge,
    Operation::Order,
    Operation::Finalize,
    Operation::Certificate,
    Operation::RenewalInfo,
];
/// Longer than Pebble takes for a validation or a certificate: one look at the order is enough then.
const SLOW: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The budgets of one certificate for one name, from the client's call to the clean zone.
const MOST_WRITES: f64 = 100.0;
const MOST_SAVES: usize = 6;
const MOST_ACME: usize = 10;
/// What it may cost beside that to be handed back and claimed again: both writes of the request move it in an index, and
/// the pass has a heartbeat and a wake of its own.
const HANDED_BACK: f64 = 11.0;

/// What was called.
#[derive(Default)]
struct Calls {
    aws: Vec<Metered>,
    acme: BTreeMap<String, usize>,
    /// Messages to itself.
    wakes: usize,
}

/// A pass has one write unit every five seconds, however many certificates it makes: that its worker lives. Its first is of
/// any pass; the others depend on how fast the machine is.
fn is_later_beat(one: &Metered) -> bool {
    let input: Value = serde_json::from_slice(&one.call.body).unwrap();
    let beat = input["ExpressionAttributeValues"][":beat"]["N"].as_str();
    one.call.operation == Operation::UpdateItem && beat.is_some_and(|beat| beat != "1")
}

impl Calls {
    fn writes(&self) -> f64 {
        self.aws.iter().map(|one| one.writes).sum()
    }

    fn reads(&self) -> f64 {
        self.aws.iter().map(|one| one.reads).sum()
    }

    /// Writes of a request's item that say how far it is.
    fn saves(&self) -> usize {
        let is_save = |one: &&Metered| {
            let body = String::from_utf8_lossy(&one.call.body);
            one.writes > 0.0 && body.contains(r#""REQUEST#"#) && body.contains(r#"\"phase\":\""#)
        };
        let of_worker = |one: &&Metered| one.call.caller.as_deref() == Some("worker");
        self.aws.iter().filter(of_worker).filter(is_save).count()
    }

    fn acme(&self) -> usize {
        self.acme.values().sum()
    }
}

struct World {
    journey: Journey,
    rules: Rules,
    account: u64,
    acme: BTreeMap<String, usize>,
    wakes: usize,
}

impl World {
    /// A stack without kicks and wakes, whose functions are warm: directory and account are known.
    async fn new() -> Self {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let kick = r#"{"FailedEntryCount":0,"Entries":[]}"#;
        let kick = Fault::answer(200, &[("content-type", "application/x-amz-json-1.1")], kick);
        rules.add(Operation::PutEvents, 0, usize::MAX, kick);
        let wake = Fault::answer(
            200,
            &[("content-type", "application/x-amz-json-1.0")],
            r#"{"MessageId":"1"}"#,
        );
        rules.add(Operation::SendMessage, 0, usize::MAX, wake);
        rules.add(Operation::Order, 0, usize::MAX, Fault::Slow(SLOW));
        let mut world = Self {
            journey,
            rules,
            account,
            acme: BTreeMap::new(),
            wakes: 0,
        };
        world.issue("first.example.com").await;
        world
    }

    /// What was called since it was asked last.
    fn calls(&mut self) -> Calls {
        let seen = ACME.map(|kind| (format!("{kind:?}"), self.rules.seen(kind).len()));
        let before = std::mem::replace(&mut self.acme, seen.into());
        let since = self.acme.iter().map(|(kind, n)| {
            let so_far = before.get(kind).copied().unwrap_or_default();
            (kind.clone(), n - so_far)
        });
        let mut aws = self.rules.meter();
        aws.retain(|one| !is_later_beat(one));
        let wakes = self.rules.seen(Operation::SendMessage).len();
        Calls {
            aws,
            wakes: wakes - std::mem::replace(&mut self.wakes, wakes),
            acme: since.filter(|(_, n)| *n > 0).collect(),
        }
    }

    async fn file(&self, name: &str) -> u64 {
        let names = [name];
        let filed = self.journey.request_in(self.account, &names, Some("classic"));
        filed.await
    }

    /// A certificate for one name, from the call to the clean zone. Looks of the test are not counted.
    async fn issue(&mut self, name: &str) -> Calls {
        self.journey.forget_wakes().await;
        let _before = self.calls();
        let id = self.file(name).await;
        self.journey.work().await.unwrap();
        let calls = self.calls();
        let request = self.journey.look(id).await;
        assert_eq!(
            (&request["status"], &request["next_action"]),
            (&json!("success"), &json!("none"))
        );
        self.journey.until_clean().await;
        calls
    }

    /// A pass that renews: from the look at what is due to the clean zone.
    async fn renew(&mut self) -> Calls {
        self.journey.later(75 * DAY).await;
        self.journey.forget_wakes().await;
        let _before = self.calls();
        eventually("a pass", || self.journey.work()).await;
        let calls = self.calls();
        let certificate = self.journey.client.get("/certificates/1").await.data();
        assert_eq!(certificate["version"], 2, "{certificate}");
        calls
    }

    /// An hour in which nothing is due: 60 passes and 12 runs of the cleaner.
    async fn idle(&mut self) -> Calls {
        self.journey.work().await.unwrap();
        let _before = self.calls();
        for minute in 0..60 {
            self.journey.work().await.unwrap();
            if minute % 5 == 0 {
                self.journey.clean().await;
            }
        }
        self.calls()
    }
}

/// Route53 says that the change is on its way.
fn pending() -> Fault {
    let pending = |body: &[u8]| {
        String::from_utf8_lossy(body)
            .replace("INSYNC", "PENDING")
            .into_bytes()
    };
    Fault::Rewrite(std::sync::Arc::new(pending))
}

fn within_budget(calls: &Calls) {
    assert!(calls.writes() <= MOST_WRITES, "{} write units", calls.writes());
    assert!(calls.saves() <= MOST_SAVES, "{} saves", calls.saves());
    assert!(calls.acme() <= MOST_ACME, "{:?}", calls.acme);
}

#[tokio::test]
async fn a_certificate_keeps_to_its_budget_and_the_table_says_what_all_costs() {
    let mut world = World::new().await;
    let issuance = world.issue("second.example.com").await;
    within_budget(&issuance);
    let idle = world.idle().await;
    assert!(idle.writes() < 1.0, "nothing is written: {}", idle.writes());
    let again = world.issue("third.example.com").await;
    within_budget(&again);
    assert_eq!(
        again.acme.get("NewNonce"),
        None,
        "each answer brings the next one's nonce"
    );
    let mut single = World::new().await;
    let renewal = single.renew().await;
    assert!(
        renewal.acme() <= MOST_ACME + 2,
        "directory and window beside: {:?}",
        renewal.acme
    );
    table::check(&[
        ("issuance", &issuance),
        ("renewal", &renewal),
        ("idle hour", &idle),
    ]);
    world.journey.end().await;
    single.journey.end().await;
}

#[tokio::test]
async fn a_slow_zone_costs_no_request_to_the_ca() {
    let mut world = World::new().await;
    world.rules.add(Operation::GetChange, 0, 3, pending());
    let calls = world.issue("second.example.com").await;
    within_budget(&calls);
    world.journey.end().await;
}

/// What is handed back is claimed again, and moves in the list of what is due.
#[tokio::test]
async fn a_request_that_is_handed_back_costs_a_few_units_more() {
    let mut world = World::new().await;
    set_env(&world.journey.stack.worker, "ACME_WORKER_PATIENCE", "1").await;
    eventually("a pass", || world.journey.work()).await;
    world.issue("warm.example.com").await;
    let hits = world.rules.add(Operation::GetChange, 0, 3, pending());
    let _before = world.calls();
    let id = world.file("second.example.com").await;
    eventually("it is issued", || async {
        world.journey.work().await;
        (world.journey.look(id).await["status"] == "success").then_some(())
    })
    .await;
    let calls = world.calls();
    let is_claim = |one: &&Metered| String::from_utf8_lossy(&one.call.body).contains("lease_owner = :worker");
    let claims = calls.aws.iter().filter(is_claim).count();
    assert!(hits.count() == 3 && claims > 1, "it was handed back");
    let most = (1..claims).fold(MOST_WRITES, |most, _| most + HANDED_BACK);
    assert!(
        calls.writes() <= most,
        "{} write units, {claims} claims",
        calls.writes()
    );
    assert!(calls.saves() < MOST_SAVES + claims, "{} saves", calls.saves());
    assert_eq!(calls.acme(), 7, "{:?}", calls.acme);
    println!(
        "{claims} claims, {} saves, {} units",
        calls.saves(),
        calls.writes()
    );
    world.journey.end().await;
}

#[tokio::test]
async fn the_limits_of_a_ca_are_counted_for_a_few_units() {
    let mut world = World::new().await;
    let list = world.journey.client.get("/acme/providers").await.data();
    let directory = |n: usize| list["list"][n]["directoryUrl"].clone();
    let limit = |count: u32| json!({"count": count, "windowSeconds": 604_800});
    let limits = json!({"newOrders": limit(300), "certificatesPerDomain": limit(50), "duplicateCertificates": limit(5)});
    let providers: Value = json!([
        {"id": 1, "name": "letsencrypt", "directoryUrl": directory(0), "limits": limits},
        {"id": 2, "name": "google", "directoryUrl": directory(1), "requiresEab": true},
    ]);
    for function in [&world.journey.stack.api, &world.journey.stack.worker] {
        set_env(function, "CERTMINT_PROVIDERS", &providers.to_string()).await;
    }
    eventually("a pass", || world.journey.work()).await;
    let calls = world.issue("second.example.com").await;
    let of_rates = |one: &&Metered| String::from_utf8_lossy(&one.call.body).contains("RESERVED#");
    let writes: f64 = calls.aws.iter().filter(of_rates).map(|one| one.writes).sum();
    assert_eq!(writes, 8.0, "a marker and three buckets");
    assert!(calls.acme() <= MOST_ACME, "with the directory: {:?}", calls.acme);
    world.journey.end().await;
}
