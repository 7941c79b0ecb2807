//! One name in a Route53 that takes its time: when it is there, and what Lambda would bill for that.

use std::time::Duration;

use certmint_tests::journey::{Journey, options};
use tokio::time::{Instant, sleep};

/// What the template gives the worker.
const GIGABYTES: f64 = 0.5;
/// As EventBridge's schedule.
const SCHEDULE: Duration = Duration::from_secs(60);

pub(crate) async fn run(delay: Duration) {
    let mut options = options();
    options.sync_delay = delay;
    options.interval = Some(SCHEDULE);
    // As deployed.
    options.env.retain(|(name, _)| name != "ACME_WORKER_PATIENCE");
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let (passes, before) = journey.stack.worker.billed();
    let filed = Instant::now();
    let id = journey.request(account, &["slow.example.com"]).await;
    while journey.look(id).await["status"] != "success" {
        sleep(Duration::from_millis(50)).await;
    }
    println!(
        "one name, request to success    {:>8.2} s",
        filed.elapsed().as_secs_f64()
    );
    while !journey.txt_values().is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    // The pass in hand is billed when it ends.
    sleep(Duration::from_secs(2)).await;
    let (passes, billed) = {
        let (all, time) = journey.stack.worker.billed();
        (all - passes, (time - before).as_secs_f64())
    };
    println!("worker invocations that ended   {passes:>8}");
    println!(
        "billed at 512 MB                {billed:>8.2} s = {:.2} GB-s",
        billed * GIGABYTES
    );
    journey.end().await;
}
