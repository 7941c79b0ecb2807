//! The engine survives everything: the real worker and cleaner in worlds that a seed decides.
//!
//! `CERTMINT_SCHEDULES=n` sets how many; `CERTMINT_SEED=s` replays one and prints what happened.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says which seed"
)]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use certmint_tests::sim::{Op, Tally, call_of, every_effect, later_calls, run};

/// Schedules of one run, unless `CERTMINT_SCHEDULES` says otherwise.
const SCHEDULES: u64 = 100_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Runs seeds on all cores until one fails; the lowest that failed is the one that is told.
fn explore(seeds: u64) -> (Tally, Option<(u64, Vec<String>)>) {
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let explorers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let mut sum = Tally::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds || seed > failed.load(Ordering::Relaxed) {
                            return sum;
                        }
                        let verdict = run(seed, false);
                        sum.add(&verdict.tally);
                        if !verdict.violations.is_empty() {
                            failed.fetch_min(seed, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        explorers.into_iter().map(|e| e.join().unwrap()).collect()
    });
    let mut sum = Tally::default();
    tallies.iter().for_each(|tally| sum.add(tally));
    let failed = failed.into_inner();
    let failure = (failed != u64::MAX).then(|| (failed, run(failed, false).violations));
    (sum, failure)
}

#[test]
fn every_schedule_ends_with_one_certificate_and_a_clean_zone() {
    if let Some(seed) = setting("CERTMINT_SEED") {
        let verdict = run(seed, true);
        eprintln!("{}", verdict.trace.join("\n"));
        assert!(
            verdict.violations.is_empty(),
            "seed {seed}: {:#?}",
            verdict.violations
        );
        return;
    }
    let schedules = setting("CERTMINT_SCHEDULES").unwrap_or(SCHEDULES);
    let began = Instant::now();
    let (tally, failure) = explore(schedules);
    eprintln!(
        "{} schedules in {:.1} s: {} invocations, {} calls, {} crashes at {} points, {} kills, {} frozen, \
         {} answers lost, {} sent twice, {} refused, {} denied; {} certificates, {} failed; {} account keys changed, {} requests of another account",
        tally.schedules,
        began.elapsed().as_secs_f64(),
        tally.invocations,
        tally.calls,
        tally.all_crashes(),
        tally.crash_points(),
        tally.kills,
        tally.freezes,
        tally.lost,
        tally.repeated,
        tally.refused,
        tally.denied,
        tally.succeeded,
        tally.failed,
        tally.rollovers,
        tally.failed_over,
    );
    if let Some((seed, violations)) = failure {
        panic!("replay with CERTMINT_SEED={seed}: {violations:#?}");
    }
    eprintln!(
        "  {} renewed, {} revoked, {} removed, {} filed as expired",
        tally.renewed, tally.revoked, tally.removed, tally.expired,
    );
    for effect in every_effect() {
        died_often(&tally, call_of(&effect), schedules / 200);
    }
    // Only where two requests meet at one order.
    died_often(&tally, Op::ReadOrderOwner, schedules / 5000);
    assert!(
        tally.denied >= schedules / 10,
        "{} calls were denied",
        tally.denied
    );
    assert!(
        tally.failed_over >= schedules / 400,
        "{} went on with another account",
        tally.failed_over
    );
    // One run of eight is about these, and most of them are for one kind of client.
    for call in later_calls() {
        died_often(&tally, call, schedules / 5000);
    }
}

/// Workers died before a call and after it, at least so often.
fn died_often(tally: &Tally, call: Op, least: u64) {
    let [before, after] = tally.crashes.get(&call).copied().unwrap_or_default();
    eprintln!("  crashed before and after {call:?}: {before}, {after}");
    assert!(
        before >= least && after >= least,
        "{call:?} was crashed {before} times before and {after} times after, not {least} times"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..200 {
        let (first, second) = (run(seed, true), run(seed, true));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.tally, second.tally);
    }
}
