//! A fleet through two virtual years: `cargo run -p certmint-tests --bin simulate -- [NAME=VALUE …]`, where NAME is
//! `certificates`, `domains`, `accounts`, `lives` (days, with commas), `days`, `ari` (true, false), `incident`
//! (`DAY:CERTIFICATES` or `none`), `svg` (a file). The limits are Let's Encrypt's.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program prints figures"
)]

use std::{process::ExitCode, str::FromStr};

use certmint_tests::fleet::{Drill, Incident, run, svg};

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no such number"))
}

fn set(drill: &mut Drill, file: &mut Option<String>, name: &str, value: &str) -> Result<(), String> {
    match name {
        "certificates" => drill.certificates = number(value)?,
        "domains" => drill.domains = number(value)?,
        "accounts" => drill.accounts = number(value)?,
        "lives" => drill.lives = value.split(',').map(number).collect::<Result<_, _>>()?,
        "days" => drill.days = number(value)?,
        "ari" => drill.ari = value.parse().map_err(|_| "ari is true or false".to_owned())?,
        "incident" if value == "none" => drill.incident = None,
        "incident" => {
            let (day, certificates) = value.split_once(':').ok_or("incident is DAY:CERTIFICATES")?;
            drill.incident = Some(Incident {
                day: number(day)?,
                certificates: number(certificates)?,
            });
        }
        "svg" => *file = Some(value.to_owned()),
        _ => return Err(format!("{name} is no setting")),
    }
    Ok(())
}

fn main() -> ExitCode {
    let (mut drill, mut file) = (Drill::default(), None);
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        if let Err(why) = set(&mut drill, &mut file, name, value) {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    let outcome = run(&drill);
    let total: u64 = outcome.orders.iter().map(|n| u64::from(*n)).sum();
    let most = outcome.orders.iter().enumerate().max_by_key(|(_, n)| **n);
    println!(
        "{} certificates of {:?} days, {} domains, {} accounts, {} days",
        drill.certificates, drill.lives, drill.domains, drill.accounts, drill.days
    );
    println!("orders: {total}, of which {} exempt", outcome.exempt);
    if let Some((day, orders)) = most {
        let mean = total as f64 / f64::from(drill.days.max(1));
        println!("orders a day: {mean:.0} on average, {orders} at most (day {day})");
    }
    println!(
        "nearest to expiry: {:.1} % of the life was left; {} expired",
        100.0 * outcome.least_left,
        outcome.expired
    );
    println!(
        "longest wait for a limit: {:.1} h",
        outcome.longest_wait.as_secs_f64() / 3600.0
    );
    if drill.ari && drill.incident.is_some() {
        let hours = outcome.incident_over_after.as_secs_f64() / 3600.0;
        println!("the last of the incident was renewed after {hours:.1} h");
    }
    for nearest in &outcome.nearest {
        println!("{nearest}");
    }
    if let Some(file) = file {
        let title = format!(
            "orders a day, {} certificates of {:?} days",
            drill.certificates, drill.lives
        );
        if let Err(error) = std::fs::write(&file, svg(&outcome, &title)) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
        println!("{file} written");
    }
    ExitCode::SUCCESS
}
