//! Measures on this machine (after `infra/tools` and `cargo build --workspace`): `cargo run -p certmint-tests --bin measure` the
//! main job; with `kills [SECONDS]` what is left of it under workers that are killed all the time, with `kills-apart [SECONDS]`
//! the same with clocks five minutes apart, with `slow-sync [SECONDS]` one name where Route53 takes so long. Prints figures;
//! judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program prints figures"
)]

mod kills;
mod slow_sync;
mod work;

use std::{process::ExitCode, time::Duration};

/// Two minutes.
const LONG: u64 = 120;
/// As long as Route53 takes on a bad day.
const SYNC: u64 = 35;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next();
    let of_delay = what.as_deref() == Some("slow-sync");
    let usual = if of_delay { SYNC } else { LONG };
    let time = arguments.next().map_or(Ok(usual), |seconds| seconds.parse());
    match (what.as_deref(), time) {
        (None, _) => work::run().await,
        (Some("kills"), Ok(time)) => kills::run(Duration::from_secs(time), vec![]).await,
        (Some("kills-apart"), Ok(time)) => kills::run(Duration::from_secs(time), vec![-150, 150]).await,
        (Some("slow-sync"), Ok(delay)) => slow_sync::run(Duration::from_secs(delay)).await,
        _ => {
            eprintln!("measure [kills [SECONDS] | kills-apart [SECONDS] | slow-sync [SECONDS]]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
