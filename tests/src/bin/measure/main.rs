//! Measures on this machine (after `infra/tools` and `cargo build --workspace`): `cargo run -p certmint-tests --bin measure` the
//! main job; with `kills [SECONDS]` what is left of it under workers that are killed all the time, with `kills-apart [SECONDS]`
//! the same with clocks five minutes apart, with `slow-sync [SECONDS]` one name where Route53 takes so long, with
//! `hundred-names` a certificate of so many, with `many [REQUESTS]` so many at once, with `dead-zones` and `hanging-ca` what
//! strangers cost the others. Prints figures; judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program prints figures"
)]

mod dead_zones;
mod hanging_ca;
mod hundred_names;
mod kills;
mod load;
mod many;
mod slow_sync;
mod work;

use std::{process::ExitCode, time::Duration};

/// Two minutes.
const LONG: u64 = 120;
/// As long as Route53 takes on a bad day.
const SYNC: u64 = 35;
/// As after a change of all of a company's names.
const MANY: u64 = 2_000;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next();
    let usual = match what.as_deref() {
        Some("slow-sync") => SYNC,
        Some("many") => MANY,
        _ => LONG,
    };
    let number = arguments.next().map_or(Ok(usual), |number| number.parse());
    match (what.as_deref(), number) {
        (None, _) => work::run().await,
        (Some("kills"), Ok(time)) => kills::run(Duration::from_secs(time), vec![]).await,
        (Some("kills-apart"), Ok(time)) => kills::run(Duration::from_secs(time), vec![-150, 150]).await,
        (Some("slow-sync"), Ok(delay)) => slow_sync::run(Duration::from_secs(delay)).await,
        (Some("hundred-names"), Ok(_)) => hundred_names::run().await,
        (Some("many"), Ok(requests)) => many::run(requests).await,
        (Some("dead-zones"), Ok(_)) => dead_zones::run().await,
        (Some("hanging-ca"), Ok(_)) => hanging_ca::run().await,
        _ => {
            eprintln!(
                "measure [kills [SECONDS] | kills-apart [SECONDS] | slow-sync [SECONDS] | hundred-names | many [REQUESTS] | dead-zones | hanging-ca]"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
