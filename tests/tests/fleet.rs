//! Fleets through two years stay within every limit, and nothing expires.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_core::provider::{Limit, Limits};
use certmint_tests::fleet::{Drill, Incident, Outcome, run, svg};

const HOUR: Duration = Duration::from_secs(3600);

fn within_limits(outcome: &Outcome) {
    assert!(!outcome.nearest.is_empty());
    for nearest in &outcome.nearest {
        assert!(
            nearest.refused == 0 && nearest.used <= f64::from(nearest.count) + 1e-6,
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

#[test]
fn a_mass_revocation_at_a_ca_that_exempts_nothing_takes_what_its_limits_take() {
    let (revoked, orders) = (1_000, Limit::new(60, 3600).unwrap());
    let drill = Drill {
        limits: Limits {
            new_orders: Some(orders),
            exempts_renewals: false,
            ..Limits::LETS_ENCRYPT
        },
        days: 440,
        incident: Some(Incident {
            day: 400,
            certificates: revoked,
        }),
        ..Drill::default()
    };
    let outcome = run(&drill);
    within_limits(&outcome);
    assert_eq!(outcome.exempt, 0);
    // The first are free, the others come an interval apart, while the rest of the fleet is renewed as ever.
    let others = f64::from(u32::try_from(revoked).unwrap() - orders.count());
    let at_best = others * orders.interval().as_secs_f64() / 3600.0;
    let hours = outcome.incident_over_after.as_secs_f64() / 3600.0;
    assert!(
        at_best <= hours && hours <= 1.5 * at_best,
        "{hours} h, {at_best} h at best"
    );
    assert!(
        outcome.least_left > 0.25,
        "nobody starves: {}",
        outcome.least_left
    );
}

/// Renewals in a virtual year of certificates of so many days, by the real schedule: fewest and most of any.
fn renewals_in_a_year(life: u32, ari: bool) -> (u32, u32) {
    let outcome = run(&Drill {
        certificates: 500,
        domains: 500,
        lives: vec![life],
        days: 366,
        limits: Limits::NONE,
        ari,
        incident: None,
        ..Drill::default()
    });
    assert_eq!(outcome.expired, 0);
    let least = outcome.renewals.iter().min().unwrap();
    (*least, *outcome.renewals.iter().max().unwrap())
}

#[test]
fn a_year_has_as_many_renewals_as_lives_call_for() {
    // By life: from two thirds of it (half, under ten days) to a fifteenth later. By window: about the same moment.
    // 366 days: 90 → 60 to 66 days, 47 → 31.3 to 34.5, 10 → 6.7 to 7.3, 6 → 3 to 3.4.
    let expected = [
        (90, false, (5, 6)),
        (90, true, (6, 6)),
        (47, false, (10, 11)),
        (47, true, (11, 11)),
        (10, false, (51, 52)),
        (10, true, (53, 55)),
        (6, false, (113, 115)),
        (6, true, (120, 123)),
    ];
    for (life, ari, renewals) in expected {
        assert_eq!(renewals_in_a_year(life, ari), renewals, "{life} days, ARI {ari}");
    }
}

#[test]
fn a_mix_of_lives_keeps_half_of_the_short_ones() {
    let outcome = run(&Drill {
        certificates: 1_000,
        domains: 1_000,
        lives: vec![90, 47, 6],
        days: 200,
        incident: None,
        ..Drill::default()
    });
    within_limits(&outcome);
    assert!(outcome.least_left > 0.25, "{}", outcome.least_left);
    let picture = svg(&outcome, "a <mix>");
    for text in [
        "orders a day",
        "% of the life",
        "% of the limit",
        ">day<",
        "a &lt;mix>",
    ] {
        assert!(picture.contains(text), "{text} is missing");
    }
}
