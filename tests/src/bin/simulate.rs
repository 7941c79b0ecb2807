//! A fleet through virtual years: `cargo run -p certmint-tests --bin simulate -- --help`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program prints figures"
)]

use std::{process::ExitCode, str::FromStr};

use certmint_core::provider::{Limit, Limits};
use certmint_tests::{
    fleet::{Drill, Incident, Outcome, run, svg},
    sim::QueueDrill,
};

const HELP: &str = "\
A fleet of certificates through virtual time, with the real schedule and the real rate buckets.

  cargo run -p certmint-tests --bin simulate -- [NAME=VALUE ...]

  certificates=10000      how many
  domains=1000            registered domains that they are spread over
  accounts=1              accounts that they are spread over
  lives=90                days that they live; several with commas take turns: 90,47,6
  days=730                how long it goes on
  ari=true                whether the CA has renewal information
  incident=400:1000       on which day the CA revokes how many at once, or none
  limits=letsencrypt      letsencrypt, google or none; then each can be changed:
  orders=300:10800        new orders of an account: COUNT:SECONDS
  perdomain=50:604800     certificates of a registered domain
  duplicates=5:604800     certificates of the same names
  exempt=true             whether renewals in the CA's window count nowhere
  svg=FILE                writes a picture

  queue=1000:20           instead of a fleet: the real worker over a simulated store and CA; so many certificates
                          are revoked at once where the CA allows so many orders an hour and exempts nothing
";

#[derive(Default)]
struct Options {
    drill: Drill,
    file: Option<String>,
    queue: Option<QueueDrill>,
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no such number"))
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once(':')
        .ok_or_else(|| format!("{text} is no NUMBER:NUMBER"))
}

fn limit(text: &str) -> Result<Option<Limit>, String> {
    if text == "none" {
        return Ok(None);
    }
    let (count, seconds) = pair(text)?;
    let limit = Limit::new(number(count)?, number(seconds)?);
    limit
        .map(Some)
        .ok_or_else(|| "a limit is none, or more than zero".into())
}

fn yes(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text} is not true or false"))
}

impl Options {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let drill = &mut self.drill;
        match name {
            "certificates" => drill.certificates = number(value)?,
            "domains" => drill.domains = number(value)?,
            "accounts" => drill.accounts = number(value)?,
            "lives" => drill.lives = value.split(',').map(number).collect::<Result<_, _>>()?,
            "days" => drill.days = number(value)?,
            "ari" => drill.ari = yes(value)?,
            "incident" if value == "none" => drill.incident = None,
            "incident" => {
                let (day, certificates) = pair(value)?;
                drill.incident = Some(Incident {
                    day: number(day)?,
                    certificates: number(certificates)?,
                });
            }
            "limits" => {
                drill.limits = match value {
                    "letsencrypt" => Limits::LETS_ENCRYPT,
                    "google" => Limits::GOOGLE,
                    "none" => Limits::NONE,
                    _ => return Err("limits are letsencrypt, google or none".into()),
                };
            }
            "orders" => drill.limits.new_orders = limit(value)?,
            "perdomain" => drill.limits.certificates_per_domain = limit(value)?,
            "duplicates" => drill.limits.duplicate_certificates = limit(value)?,
            "exempt" => drill.limits.exempts_renewals = yes(value)?,
            "svg" => self.file = Some(value.to_owned()),
            "queue" => {
                let (certificates, orders) = pair(value)?;
                self.queue = Some(QueueDrill {
                    certificates: number(certificates)?,
                    orders_an_hour: number(orders)?,
                    workers: 2,
                });
            }
            _ => return Err(format!("{name} is no setting; --help has them all")),
        }
        Ok(())
    }
}

fn report(drill: &Drill, outcome: &Outcome) {
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
}

fn main() -> ExitCode {
    let mut options = Options::default();
    for argument in std::env::args().skip(1) {
        if matches!(argument.as_str(), "--help" | "-h" | "help") {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        if let Err(why) = options.set(name, value) {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    if let Some(queue) = options.queue {
        println!("{}", queue.run());
        return ExitCode::SUCCESS;
    }
    let drill = options.drill;
    let outcome = run(&drill);
    report(&drill, &outcome);
    if let Some(file) = options.file {
        let title = format!(
            "{} certificates of {:?} days, {} domains, {} accounts",
            drill.certificates, drill.lives, drill.domains, drill.accounts
        );
        if let Err(error) = std::fs::write(&file, svg(&outcome, &title)) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
        println!("{file} written");
    }
    ExitCode::SUCCESS
}
