//! Twenty requests at a CA alone, and beside twenty at one that accepts connections and never answers.

use std::time::Duration;

use certmint_tests::{
    faults::{Call, Fault, Rules},
    journey::Journey,
};
use serde_json::json;
use tokio::time::Instant;

use super::load::{compared, count, deployed, file, succeeded, warm};

const EACH: u64 = 20;
const PAIRS: usize = 3;
const MOST: Duration = Duration::from_secs(600);
/// Longer than any run.
const NEVER: Duration = Duration::from_secs(3600);

/// How the other CA is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    /// Nobody asks it.
    Unused,
    /// It never answered.
    AlwaysHung,
    /// It registered the account, and has not answered since.
    HangsNow,
}

fn hang(rules: &Rules, directory: &str) {
    let host = directory.trim_start_matches("https://").trim_end_matches("/dir");
    let host = host.to_owned();
    rules.add_matching(
        move |call: &Call| call.host == host,
        0,
        usize::MAX,
        Fault::Slow(NEVER),
    );
}

async fn once(other: Other) -> Option<Duration> {
    // Both runs go through the proxy that makes it hang.
    let (journey, rules) = Journey::with_faults(deployed()).await;
    let account = journey.account().await;
    warm(&journey, account).await;
    if other != Other::Unused {
        let [(kid, key), _] = certmint_stack::CONTRACT_EAB;
        let body =
            json!({"providerName": "google", "email": "ops@example.com", "eabKid": kid, "eabHmacKey": key});
        let hangs = journey
            .client
            .post("/acme/account/create", &body.to_string())
            .await
            .id();
        let providers = journey.client.get("/acme/providers").await.data();
        let directory = providers["list"][1]["directoryUrl"].as_str().unwrap_or_default();
        if other == Other::HangsNow {
            let id = journey.request(hangs, &["first.example.net"]).await;
            journey.until(id, "success").await;
            journey.until_clean().await;
        }
        hang(&rules, directory);
        file(&journey, hangs, (0..EACH).map(|n| format!("h{n}.example.net"))).await;
    }
    let began = Instant::now();
    file(&journey, account, (0..EACH).map(|n| format!("h{n}.example.com"))).await;
    let done = succeeded(&journey, account, EACH + 1, MOST).await;
    let took = began.elapsed();
    println!(
        "{other:?}: {EACH} there after {:.2} s; {} failed",
        took.as_secs_f64(),
        count(&journey, account, "failed").await
    );
    journey.stack.stop().await;
    done.ok().map(|_| took)
}

pub(super) async fn run() {
    for other in [Other::AlwaysHung, Other::HangsNow] {
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            match (once(Other::Unused).await, once(other).await) {
                (Some(alone), Some(beside)) => pairs.push((alone, beside)),
                _ => println!("not all of the {EACH} succeeded"),
            }
        }
        compared(&format!("20 beside 20 at a CA that hangs ({other:?})"), &pairs);
    }
}
