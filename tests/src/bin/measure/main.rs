//! Measures on this machine (after `infra/tools` and `cargo build --workspace`): `cargo run -p certmint-tests --bin measure` the
//! main job; with `kills [SECONDS]` what is left of it under workers that are killed all the time, with `kills-apart [SECONDS]`
//! the same with clocks five minutes apart. Prints figures; judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program prints figures"
)]

mod kills;
mod work;

use std::{process::ExitCode, time::Duration};

/// Two minutes.
const LONG: u64 = 120;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next();
    let time = arguments.next().map_or(Ok(LONG), |seconds| seconds.parse());
    match (what.as_deref(), time) {
        (None, _) => work::run().await,
        (Some("kills"), Ok(time)) => kills::run(Duration::from_secs(time), vec![]).await,
        (Some("kills-apart"), Ok(time)) => kills::run(Duration::from_secs(time), vec![-150, 150]).await,
        _ => {
            eprintln!("measure [kills [SECONDS] | kills-apart [SECONDS]]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
