//! Leases on real parts: workers beside each other, clocks that differ, a worker that comes too late, time-outs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, eventually, options},
};

#[tokio::test]
async fn four_workers_with_clocks_five_minutes_apart_make_one_certificate_each() {
    let mut options = options();
    options.workers = 4;
    options.worker_clocks = vec![300, -300, 0, 150];
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(journey.request(account, &[&format!("h{n}.example.com")]).await);
    }
    let event = || journey.stack.worker.invoke(Bytes::from_static(b"{}"));
    let _ = tokio::join!(event(), event(), event(), event());
    for id in &ids {
        journey.until(*id, "success").await;
    }
    assert_eq!(
        rules.seen(Operation::NewOrder).len(),
        12,
        "one order for each request"
    );
    assert_eq!(
        journey.client.get("/certificates?pageSize=100").await.data()["total"],
        12
    );
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_worker_whose_machine_is_five_minutes_off_takes_the_tables_time() {
    for skew in [-300, 300] {
        let mut options = options();
        options.worker_skews = vec![skew];
        let journey = Journey::start(options).await;
        let account = journey.account().await;
        // By a clock that is behind this is due in five minutes only.
        let id = journey.request(account, &["example.com"]).await;
        let request = journey.until(id, "success").await;
        let ahead = journey.seconds_until(&request["updated_at"]);
        assert!((-30..=2).contains(&ahead), "ended in {ahead} s: {request}");
        let wrong = "this machine's clock is wrong";
        let lines = journey.stack.logs.all();
        assert!(lines.iter().any(|line| line.contains(wrong)), "it is said");
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn a_worker_that_comes_too_late_writes_nothing() {
    let mut options = options();
    options.workers = 2;
    // The second worker's clock is past every lease of the first.
    options.worker_clocks = vec![0, 2400];
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    // Whoever orders first is held up while the other one takes over.
    let held = rules.add(Operation::NewOrder, 0, 1, Fault::Slow(Duration::from_secs(8)));
    let id = journey.request(account, &["example.com"]).await;
    let event = || journey.stack.worker.invoke(Bytes::from_static(b"{}"));
    // Three events for two workers: the one that is free is the other one sooner or later.
    let _ = tokio::join!(event(), event(), event());
    journey.until(id, "success").await;
    assert_eq!(held.count(), 1);
    eventually("the late worker notices", || async {
        let lines = journey.stack.logs.all();
        let late = lines
            .iter()
            .any(|l| l.contains("lease lost") || l.contains("lease is over"));
        // With the clocks the other way round nobody takes over, and nobody is late.
        let alone = rules.seen(Operation::NewOrder).len() == 1;
        (late || alone).then_some(())
    })
    .await;
    journey.ends_well(id).await;
}

#[tokio::test]
async fn before_its_time_is_over_a_worker_hands_its_work_back() {
    let mut options = options();
    // The worker stops 20 seconds before the end: it has two.
    options.worker_timeout = Duration::from_secs(22);
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    rules.add(
        Operation::Authorization,
        0,
        1,
        Fault::Slow(Duration::from_secs(4)),
    );
    // The kick of the request, and then that of the pass that ran out of time: no lease has to run out.
    let id = journey.request(account, &["example.com"]).await;
    journey.until(id, "success").await;
    let passes: Vec<String> = journey
        .stack
        .logs
        .all()
        .into_iter()
        .filter(|l| l.contains("pass ended"))
        .collect();
    assert!(
        passes[0].contains(r#""more":true"#),
        "the first pass was too short: {passes:?}"
    );
    assert_eq!(rules.seen(Operation::NewOrder).len(), 1, "with the same order");
    journey.ends_well(id).await;
}

#[tokio::test]
async fn events_that_come_again_change_nothing() {
    let mut options = options();
    options.workers = 2;
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    // Kicks and ticks in any number, some of them long after there was something to do.
    for _ in 0..10 {
        journey.stack.worker.trigger(Bytes::from_static(b"{}"));
    }
    journey.until(id, "success").await;
    for _ in 0..3 {
        journey.work().await.unwrap();
        journey.clean().await;
    }
    assert_eq!(rules.seen(Operation::NewOrder).len(), 1);
    journey.ends_well(id).await;
}
