//! Many requests: filed side by side, and looked at until they have succeeded.

use std::{fmt, time::Duration};

use certmint_tests::journey::{Journey, options};
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep};

/// Clients side by side.
const CLIENTS: usize = 64;
/// As EventBridge's schedule.
const SCHEDULE: Duration = Duration::from_secs(60);
/// What the template gives the worker.
const GIGABYTES: f64 = 0.5;
/// Between two looks at the list.
const LOOK: Duration = Duration::from_millis(50);

/// As deployed.
pub(super) fn deployed() -> certmint_stack::Options {
    let mut options = options();
    options.interval = Some(SCHEDULE);
    options.env.retain(|(name, _)| name != "ACME_WORKER_PATIENCE");
    options
}

/// Files a request for each of the names.
pub(super) async fn file(journey: &Journey, account: u64, names: impl IntoIterator<Item = String>) {
    let filed = names
        .into_iter()
        .map(|name| async move { journey.request(account, &[&name]).await });
    stream::iter(filed).buffer_unordered(CLIENTS).count().await;
}

/// One certificate, so that the account is registered and everything is warm.
pub(super) async fn warm(journey: &Journey, account: u64) {
    let id = journey.request(account, &["warm.example.com"]).await;
    journey.until(id, "success").await;
    journey.until_clean().await;
}

/// How many of an account's requests have the status.
pub(super) async fn count(journey: &Journey, account: u64, status: &str) -> u64 {
    let path = format!("/acme/certificate/requests?accountId={account}&status={status}&pageSize=1");
    let page = journey.client.get(&path).await.data();
    page["total"].as_u64().unwrap_or_default()
}

/// Waits until so many of an account's have succeeded; says how long that took, or, where that is more than `most`, how many
/// had by then.
pub(super) async fn succeeded(
    journey: &Journey,
    account: u64,
    wanted: u64,
    most: Duration,
) -> Result<Duration, u64> {
    let began = Instant::now();
    loop {
        let done = count(journey, account, "success").await;
        if done >= wanted {
            return Ok(began.elapsed());
        }
        if began.elapsed() > most {
            return Err(done);
        }
        sleep(LOOK).await;
    }
}

/// What the worker cost since.
pub(super) struct Bill {
    passes: u64,
    time: Duration,
}

impl Bill {
    pub(super) fn open(journey: &Journey) -> Self {
        let (passes, time) = journey.stack.worker.billed();
        Self { passes, time }
    }

    /// The pass in hand is billed when it ends: this waits until nothing is owed in any zone, and none ends for a while.
    pub(super) async fn close(self, journey: &Journey) -> Self {
        while !journey.txt_values().is_empty() {
            sleep(LOOK).await;
        }
        let mut last = journey.stack.worker.billed();
        loop {
            sleep(Duration::from_secs(3)).await;
            let now = journey.stack.worker.billed();
            if now == last {
                break;
            }
            last = now;
        }
        Self {
            passes: last.0 - self.passes,
            time: last.1 - self.time,
        }
    }
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        write!(
            f,
            "{} invocations of the worker, {seconds:.2} s at 512 MB = {:.2} GB-s",
            self.passes,
            seconds * GIGABYTES
        )
    }
}

/// Seconds that something takes alone and beside others, in pairs; what counts is the middle of the ratios.
pub(super) fn compared(what: &str, pairs: &[(Duration, Duration)]) {
    let mut ratios = Vec::new();
    for (alone, beside) in pairs {
        let (alone, beside) = (alone.as_secs_f64(), beside.as_secs_f64());
        let ratio = beside / alone;
        println!("{what}: {alone:.2} s alone, {beside:.2} s beside = {ratio:.2}");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(middle) = ratios.get(ratios.len() / 2) {
        println!("{what}: ratio {middle:.2} (the middle one of {})", ratios.len());
    }
}
