//! Two workers that are killed (SIGKILL) again and again under thirty requests, and how soon all is done after the last time.

use std::{collections::BTreeMap, time::Duration};

use certmint_tests::journey::{Journey, options};
use futures::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, interval, sleep};

const REQUESTS: u64 = 30;
const BETWEEN: Duration = Duration::from_millis(440);
/// As EventBridge's schedule.
const SCHEDULE: Duration = Duration::from_secs(60);

/// How many stand so, by status.
async fn counts(journey: &Journey) -> BTreeMap<String, u64> {
    let page = journey
        .client
        .get("/acme/certificate/requests?pageSize=100")
        .await
        .data();
    let mut counts = BTreeMap::new();
    for row in page["list"].as_array().into_iter().flatten() {
        let status = row["status"].as_str().unwrap_or_default().to_owned();
        *counts.entry(status).or_default() += 1;
    }
    counts
}

/// Orders that were made for a request.
async fn orders(journey: &Journey, id: u64) -> usize {
    let request = journey.look(id).await;
    let history = request["history"].as_array().into_iter().flatten();
    history.filter(|event| event["what"] == "order created").count()
}

/// `skews`: seconds that each worker's clock is wrong by.
pub(crate) async fn run(time: Duration, skews: Vec<i64>) {
    let mut options = options();
    options.workers = 2;
    options.worker_skews = skews;
    options.interval = Some(SCHEDULE);
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let filed = (0..REQUESTS).map(|n| {
        let journey = &journey;
        async move { journey.request(account, &[&format!("k{n}.example.com")]).await }
    });
    let ids = join_all(filed).await;
    let (began, mut ticks, mut kills) = (Instant::now(), interval(BETWEEN), 0_u64);
    while began.elapsed() < time {
        ticks.tick().await;
        journey.stack.worker.kill();
        kills += 1;
    }
    println!(
        "{kills} kills in {:.0} s: {:?}",
        began.elapsed().as_secs_f64(),
        counts(&journey).await
    );
    let last = Instant::now();
    let mut shown = BTreeMap::new();
    loop {
        let now = counts(&journey).await;
        if now != shown {
            println!("{:>6.1} s after the last: {now:?}", last.elapsed().as_secs_f64());
            shown = now;
        }
        let done = |status: &str| shown.get(status).copied().unwrap_or_default();
        if done("success") + done("failed") == REQUESTS {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let certificates = journey.client.get("/certificates?kind=certificate").await.data();
    let mut made = BTreeMap::new();
    for orders in join_all(ids.iter().map(|id| orders(&journey, *id))).await {
        *made.entry(orders).or_insert(0_u64) += 1;
    }
    println!(
        "certificates: {}; requests by their orders: {made:?}",
        certificates["total"]
    );
    while !journey.txt_values().is_empty() {
        sleep(Duration::from_millis(200)).await;
    }
    println!(
        "{:>6.1} s after the last: the zones are clean",
        last.elapsed().as_secs_f64()
    );
    let open = journey
        .client
        .get("/acme/challenges?desired_state=absent")
        .await
        .data();
    let pending = |row: &&Value| row["status"] == "pending";
    let pending = open["list"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(pending)
        .count();
    println!("values that are looked for once more in half an hour: {pending}");
    journey.end().await;
}
