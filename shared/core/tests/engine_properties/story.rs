//! What an issuance says of itself.

use super::*;

#[test]
fn a_hold_that_never_ends_is_given_up_with_its_reason() {
    let (mut state, mut now, mut holds) = (queued(), Timestamp::from_secs(1_800_000_000), 0);
    while state.phase == Phase::Queued {
        let hold = Event::Deferred {
            until: now.plus(Duration::from_secs(86_400)),
            reason: "50 certificates a week for example.com are used up".into(),
        };
        let step = next(&state, hold, now, 1).unwrap();
        now = step.wake_at.unwrap_or(now);
        (state, holds) = (step.state, holds + 1);
    }
    assert_eq!(
        (state.phase.clone(), state.attempts, holds),
        (Phase::Failed, 0, 31)
    );
    assert!(
        state.reason().contains("30 days") && state.reason().contains("example.com"),
        "{}",
        state.reason()
    );
    assert_eq!(state.history.entries().len(), 2, "the hold is one line");
}

#[test]
fn the_history_tells_the_story() {
    let now = |s: i64| Timestamp::from_secs(1_800_000_000 + s);
    let mut state = queued();
    for (at, event) in [
        (1, fault_by(Cause::Crypto, Class::Transient)),
        (
            100,
            Event::OrderCreated {
                order_url: "https://ca/secret-order".into(),
            },
        ),
        (
            101,
            said(&CaEffect::LoadChallenges {
                order_url: String::new(),
            }),
        ),
        (
            102,
            Event::Published {
                changes: vec!["C1".into()],
            },
        ),
        (
            103,
            Event::NotYet {
                not_before: None,
                reason: "Route53 change C1 is PENDING".into(),
            },
        ),
        (
            104,
            Event::NotYet {
                not_before: None,
                reason: "Route53 change C1 is PENDING still".into(),
            },
        ),
    ] {
        state = next(&state, event, now(at), 1).unwrap().state;
    }
    assert_eq!(state.reason(), "Route53 change C1 is PENDING still");
    assert_eq!(state.next_action(), "check_route53");
    let told: Vec<(&str, &str, Option<&str>)> = state
        .history
        .entries()
        .iter()
        .map(|e| (e.phase.as_str(), e.what.as_str(), e.problem.as_deref()))
        .collect();
    let failed = "Failed to request certificate: the world said no";
    assert_eq!(
        told,
        [
            ("queued", failed, Some("urn:certmint:crypto")),
            ("queued", "order created", None),
            ("ordered", "1 TXT values to publish", None),
            ("challenged", "Route53 took the TXT values", None),
            ("published", "not yet: Route53 change C1 is PENDING still", None),
        ]
    );
    assert_eq!(state.history.entries()[4].at, now(103), "since when");
    let retried = state.retried(now(200));
    assert_eq!(
        (retried.attempts, retried.cleanup_owed, retried.reason()),
        (0, true, "waits for a worker")
    );
    assert_eq!(retried.history.entries().len(), 6);
}

#[test]
fn what_a_ca_says_fits_an_item() {
    let subproblem = |n: usize| certmint_core::words::Subproblem {
        identifier: format!("{n}.example.com"),
        cause: "urn:ietf:params:acme:error:dns".into(),
        detail: "x".repeat(100_000),
    };
    let mut failure = Failure::new(
        Class::OrderLost,
        Stage::Request,
        Cause::Acme(AcmeError::Malformed),
        "y".repeat(1_000_000),
    );
    failure.problem.subproblems = (0..300).map(subproblem).collect();
    let step = next(
        &queued(),
        Event::Failed(failure),
        Timestamp::from_secs(1_800_000_001),
        1,
    )
    .unwrap();
    assert!(serde_json::to_string(&step.state).unwrap().len() < 60_000);
    assert!(step.error.unwrap().len() < 60_000);
}

#[test]
fn each_order_has_its_own_number_over_all_retries() {
    let now = |s: i64| Timestamp::from_secs(1_800_000_000 + s);
    let step = |state: &Issuance, event, at| next(state, event, now(at), 1).unwrap().state;
    let created = || said(&CaEffect::NewOrder);
    let first = step(&queued(), created(), 1);
    assert_eq!((queued().order_number(), first.order_number()), (0, 0));
    let unreached = fault_by(Cause::Crypto, Class::Transient);
    assert_eq!(
        step(&queued(), unreached, 1).order_number(),
        0,
        "the same order is tried again"
    );
    let lost = step(&first, fault(Class::OrderLost), 2);
    assert_eq!(lost.order_number(), 1);
    let second = step(&lost, created(), 900);
    assert_eq!(second.order_number(), 1);
    let refused = step(&lost, fault(Class::Permanent), 900);
    assert_eq!(
        (refused.phase.clone(), refused.retried(now(901)).order_number()),
        (Phase::Failed, 2)
    );
}
