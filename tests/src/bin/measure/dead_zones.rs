//! Eighty requests alone, and with twenty before them in zones whose name servers are dead.

use std::time::Duration;

use certmint_tests::journey::Journey;
use tokio::time::Instant;

use super::load::{compared, count, deployed, file, succeeded, warm};

const GOOD: u64 = 80;
const DEAD: u64 = 20;
const PAIRS: usize = 3;
const MOST: Duration = Duration::from_secs(600);

async fn once(dead: u64) -> Option<Duration> {
    let mut options = deployed();
    options.dead_zones = (0..dead).map(|n| format!("dead{n}.example")).collect();
    options.zones.extend(options.dead_zones.iter().cloned());
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    warm(&journey, account).await;
    file(&journey, account, (0..dead).map(|n| format!("h.dead{n}.example"))).await;
    let began = Instant::now();
    file(&journey, account, (0..GOOD).map(|n| format!("h{n}.example.com"))).await;
    let filed = began.elapsed().as_secs_f64();
    let done = succeeded(&journey, account, GOOD + 1, MOST).await;
    let took = began.elapsed();
    println!(
        "{dead} in dead zones: {GOOD} filed in {filed:.2} s, all there after {:.2} s; {} failed",
        took.as_secs_f64(),
        count(&journey, account, "failed").await
    );
    journey.stack.stop().await;
    done.ok().map(|_| took)
}

pub(super) async fn run() {
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        match (once(0).await, once(DEAD).await) {
            (Some(alone), Some(beside)) => pairs.push((alone, beside)),
            _ => println!("not all of the {GOOD} succeeded"),
        }
    }
    compared("80 beside 20 in dead zones", &pairs);
}
