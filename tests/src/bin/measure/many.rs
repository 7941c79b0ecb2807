//! Many requests at once.

use std::time::Duration;

use certmint_tests::journey::Journey;
use tokio::time::Instant;

use super::load::{Bill, count, deployed, file, succeeded, warm};

const ZONES: [&str; 3] = ["example.com", "example.net", "example.org"];
/// Longer than anybody waits for it.
const MOST: Duration = Duration::from_secs(1800);

pub(super) async fn run(requests: u64) {
    let journey = Journey::start(deployed()).await;
    let account = journey.account().await;
    warm(&journey, account).await;
    let (bill, began) = (Bill::open(&journey), Instant::now());
    let names = (0..requests).map(|n| {
        let zone = ZONES[usize::try_from(n % 3).unwrap_or_default()];
        format!("h{n}.{zone}")
    });
    file(&journey, account, names).await;
    let seconds = |since: Instant| since.elapsed().as_secs_f64();
    println!("{requests} requests filed          {:>8.2} s", seconds(began));
    if let Err(done) = succeeded(&journey, account, requests + 1, MOST).await {
        println!(
            "only {} succeeded, {} failed",
            done.saturating_sub(1),
            count(&journey, account, "failed").await
        );
        return journey.stack.stop().await;
    }
    let took = seconds(began);
    println!("{requests} requests to success     {took:>8.2} s");
    let rate = requests as f64 / took;
    println!("requests a second          {rate:>8.2}");
    println!("{}", bill.close(&journey).await);
    journey.stack.stop().await;
}
