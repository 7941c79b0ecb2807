//! The main job, in seconds and Route53 calls.

use std::{collections::BTreeMap, time::Duration};

use certmint_stack::Options;
use certmint_tests::journey::{Journey, eventually, options};
use futures::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

/// Requests filed at once.
const MANY: u64 = 50;
/// A look at how many are left.
const LOOK: Duration = Duration::from_millis(200);
const ZONES: [&str; 3] = ["example.com", "example.net", "example.org"];

/// What the functions logged as JSON.
fn log(journey: &Journey, function: &str) -> Vec<Value> {
    let lines = journey.stack.logs.all();
    let own = lines.iter().filter_map(|l| l.strip_prefix(function));
    own.filter_map(|l| serde_json::from_str(l.trim()).ok()).collect()
}

/// Passes of the worker that took up something.
fn passes(log: &[Value]) -> usize {
    let claimed = log
        .iter()
        .filter(|l| l["message"] == "pass ended")
        .filter_map(|l| l["claimed"].as_u64());
    claimed.filter(|n| *n > 0).count()
}

/// Route53 change calls by zone that added values, and those that only removed.
fn changes(log: &[Value]) -> BTreeMap<String, (u64, u64)> {
    let mut zones: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for line in log.iter().filter(|l| l["message"] == "zone changed") {
        let counts = zones
            .entry(line["zone"].as_str().unwrap_or_default().to_owned())
            .or_default();
        match line["added"].as_u64() {
            Some(added) if added > 0 => counts.0 += 1,
            _ => counts.1 += 1,
        }
    }
    zones
}

/// Waits until every request has ended.
async fn until_all_ended(journey: &Journey) {
    loop {
        let counts = journey.client.get("/acme/requests/summary").await.data()["byStatus"].clone();
        if counts["pending"] == 0 && counts["running"] == 0 {
            println!("{counts}");
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

pub(crate) async fn run() {
    let began = Instant::now();
    // What is handed back because it takes long is taken up again.
    let interval = Some(Duration::from_secs(1));
    let journey = Journey::start(Options {
        interval,
        ..options()
    })
    .await;
    println!(
        "start of the whole stack        {:>8.2} s",
        began.elapsed().as_secs_f64()
    );
    let account = journey.account().await;

    let first = journey.request(account, &["first.example.com"]).await;
    journey.until(first, "success").await;
    for name in ["one.example.com", "two.example.com", "three.example.com"] {
        let filed = Instant::now();
        let id = journey.request(account, &[name]).await;
        journey.until(id, "success").await;
        println!(
            "one name, request to success    {:>8.2} s",
            filed.elapsed().as_secs_f64()
        );
    }
    journey.until_clean().await;

    let (before, seen) = (log(&journey, "worker").len(), Instant::now());
    join_all((0..MANY).map(|n| {
        let name = format!("h{n}.{}", ZONES[n as usize % ZONES.len()]);
        let journey = &journey;
        async move { journey.request(account, &[&name]).await }
    }))
    .await;
    println!(
        "{MANY} requests filed               {:>8.2} s",
        seen.elapsed().as_secs_f64()
    );
    until_all_ended(&journey).await;
    println!(
        "{MANY} requests to success          {:>8.2} s",
        seen.elapsed().as_secs_f64()
    );
    journey.until_clean().await;
    let worked = eventually("the pass is logged", || async {
        let log = log(&journey, "worker").split_off(before);
        (passes(&log) > 0).then_some(log)
    })
    .await;
    println!("worker passes that took them up {:>8}", passes(&worked));
    for (zone, (added, removed)) in changes(&worked) {
        println!("{zone}: Route53 calls that published {added}, that only removed {removed}");
    }
    journey.end().await;
}
