//! Fleets through two years stay within every limit, and nothing expires.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_tests::fleet::{Drill, Incident, Outcome, run, svg};

const HOUR: Duration = Duration::from_secs(3600);

fn within_limits(outcome: &Outcome) {
    assert!(!outcome.nearest.is_empty());
    for nearest in &outcome.nearest {
        assert!(
            nearest.refused == 0 && nearest.used <= f64::from(nearest.count),
            "{nearest}"
        );
    }
    assert_eq!(outcome.expired, 0);
}

#[test]
fn a_mass_revocation_is_over_within_half_a_day() {
    let outcome = run(&Drill::default());
    within_limits(&outcome);
    assert!(
        outcome.incident_over_after <= 12 * HOUR,
        "{:?}",
        outcome.incident_over_after
    );
    assert!(outcome.least_left > 0.3, "{}", outcome.least_left);
    let picture = svg(&outcome, "orders");
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
}

#[test]
fn lives_of_all_lengths_without_renewal_information() {
    let outcome = run(&Drill {
        certificates: 3_000,
        domains: 600,
        lives: vec![90, 45, 6],
        ari: false,
        incident: None,
        ..Drill::default()
    });
    within_limits(&outcome);
    assert!(
        outcome.exempt == 0 && outcome.least_left > 0.1,
        "{}",
        outcome.least_left
    );
}

#[test]
fn many_names_of_one_domain_are_paced() {
    // Fifty a week of one domain, all asked for at once.
    let outcome = run(&Drill {
        certificates: 300,
        domains: 1,
        incident: Some(Incident {
            day: 200,
            certificates: 300,
        }),
        ..Drill::default()
    });
    within_limits(&outcome);
    assert!(outcome.incident_over_after <= 12 * HOUR);
}
