//! The engine against a world that fails, repeats and forgets at will.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_core::{
    issuance::{
        CaEffect, Challenge, Effect, Event, Issuance, OrderProgress, Phase, RequestStatus, ZoneEffect,
        backoff, next,
    },
    words::{AcmeError, Cause, CertificateId, Class, Failure, Fqdn, Stage, Timestamp},
};
use proptest::prelude::*;

/// What the world answers to one effect.
#[derive(Clone, Debug)]
enum Answer {
    Succeed,
    NotYet(Option<u32>),
    Transient,
    RateLimited(u32),
    /// A limit is used up or the CA is away: nothing was tried. Where values are in a zone: slow.
    Hold(u32),
    OrderLost,
    /// Our own role does not allow it.
    Denied,
    Permanent,
    /// The worker dies after the effect; the answer is lost and the stored state is taken up again.
    Crash,
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        8 => Just(Answer::Succeed),
        2 => proptest::option::of(1u32..600).prop_map(Answer::NotYet),
        2 => Just(Answer::Transient),
        1 => (1u32..100_000).prop_map(Answer::RateLimited),
        1 => (1u32..1_000_000).prop_map(Answer::Hold),
        1 => Just(Answer::OrderLost),
        2 => Just(Answer::Denied),
        1 => Just(Answer::Permanent),
        3 => Just(Answer::Crash),
    ]
}

/// The CA judged the try.
fn fault(class: Class) -> Event {
    fault_by(Cause::Acme(AcmeError::Malformed), class)
}

fn fault_by(cause: Cause, class: Class) -> Event {
    Event::Failed(Failure::new(class, Stage::Request, cause, "the world said no"))
}

const UNPUBLISH: Effect = Effect::Zone(ZoneEffect::Unpublish);

/// What an honest CA and zone say to an effect.
fn success(effect: &Effect) -> Event {
    match effect {
        Effect::Ca(effect) => said(effect),
        Effect::Zone(ZoneEffect::Publish { .. }) => Event::Published {
            changes: vec!["C1".into()],
        },
        Effect::Zone(ZoneEffect::CheckInSync { .. }) => Event::InSync,
        Effect::Zone(ZoneEffect::Unpublish) => Event::Unpublished,
        Effect::CheckPropagation { .. } => Event::Propagated,
        Effect::StoreKey => Event::KeyStored {
            key_ref: "key/1".into(),
            about: None,
        },
    }
}

/// What an honest CA says.
fn said(effect: &CaEffect) -> Event {
    match effect {
        CaEffect::NewOrder => Event::OrderCreated {
            order_url: "https://ca/order/1".into(),
        },
        CaEffect::LoadChallenges { .. } => Event::ChallengesLoaded {
            progress: OrderProgress::Pending,
            challenges: vec![Challenge {
                fqdn: Fqdn::new("_acme-challenge.example.com"),
                value: "v".into(),
            }],
        },
        CaEffect::AcceptChallenges { .. } => Event::ChallengesAccepted,
        CaEffect::PollOrder { .. } => Event::OrderPolled {
            progress: OrderProgress::Ready,
        },
        CaEffect::Finalize { .. } => Event::Finalized,
        CaEffect::RecordCertificate { .. } => Event::CertificateRecorded {
            certificate_id: CertificateId::new(1),
        },
    }
}

/// What the store keeps: the state goes through JSON, as it does in an item.
fn stored(state: &Issuance) -> Issuance {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

struct Run {
    state: Issuance,
    /// What the store has.
    kept: Issuance,
    saves: usize,
    crashes: usize,
    /// Orders that the world made, and those among them whose URL was lost.
    orders: usize,
    lost_orders: usize,
    now: Timestamp,
    steps: usize,
    /// Values that may stand in the zone.
    in_zone: bool,
    keys: usize,
    finalized_without_key: bool,
}

/// Plays answers until the issuance ends and owes nothing; after the script the world succeeds.
fn play(script: &[Answer], max_attempts: u32) -> Run {
    let start = Timestamp::from_secs(1_800_000_000);
    let mut run = Run {
        state: Issuance::new(start, max_attempts),
        kept: Issuance::new(start, max_attempts),
        saves: 0,
        crashes: 0,
        orders: 0,
        lost_orders: 0,
        now: start,
        steps: 0,
        in_zone: false,
        keys: 0,
        finalized_without_key: false,
    };
    let mut script = script.iter();
    let mut event = Event::Resumed;
    loop {
        run.steps += 1;
        assert!(run.steps < 5_000, "never ends: {:?}", run.state);
        let step = next(&run.state, event, run.now, 7).unwrap();
        assert_eq!(stored(&step.state), step.state);
        run.state = step.state;
        let over = matches!(run.state.phase, Phase::Done { .. } | Phase::Failed);
        assert_eq!(
            over,
            matches!(step.status, RequestStatus::Success | RequestStatus::Failed)
        );
        assert!(
            !run.in_zone || run.state.cleanup_owed,
            "a value without an owner's debt: {:?}",
            run.state
        );
        // Handed back or over: stored as it is. On the way only what nobody else tells.
        if step.effects.is_empty() || run.state.must_be_stored(&run.kept) {
            run.kept = stored(&run.state);
            run.saves += 1;
        }
        assert!(
            !run.in_zone || run.kept.cleanup_owed,
            "a crash would forget a value: {:?}",
            run.kept
        );
        let Some(effect) = step.effects.first() else {
            match step.wake_at {
                Some(at) => {
                    assert!(!over, "an ended issuance waits");
                    run.now = run.now.max(at);
                    event = Event::Resumed;
                    continue;
                }
                None => {
                    assert!(over, "stuck in {:?}", run.state);
                    return run;
                }
            }
        };
        assert!(!over || *effect == UNPUBLISH, "an ended issuance does {effect:?}");
        // The effect happens in the world whatever becomes of its answer.
        let answer = script.next().cloned().unwrap_or(Answer::Succeed);
        let happens = matches!(answer, Answer::Succeed | Answer::Crash);
        match effect {
            Effect::Zone(ZoneEffect::Publish { .. }) => run.in_zone = true,
            Effect::Zone(ZoneEffect::Unpublish) if happens => run.in_zone = false,
            Effect::StoreKey if happens => run.keys += 1,
            Effect::Ca(CaEffect::NewOrder) if happens => {
                run.orders += 1;
                run.lost_orders += usize::from(matches!(answer, Answer::Crash));
            }
            Effect::Ca(CaEffect::Finalize { .. }) if run.keys == 0 => run.finalized_without_key = true,
            _ => {}
        }
        run.now = run.now.plus(Duration::from_millis(50));
        event = match (answer, effect) {
            // A cleanup that fails is tried again; the driver reports nothing to the engine before it succeeds.
            (Answer::Crash, _) => {
                run.state = run.kept.clone();
                run.crashes += 1;
                Event::Resumed
            }
            (Answer::Succeed, effect) => success(effect),
            (_, Effect::Zone(ZoneEffect::Unpublish)) => Event::Resumed,
            (Answer::NotYet(after), _) => Event::NotYet {
                not_before: after.map(|s| run.now.plus(Duration::from_secs(u64::from(s)))),
                reason: "the world is slow".into(),
            },
            (Answer::Hold(s), _) if !run.state.phase.needs_values() => Event::Deferred {
                until: run.now.plus(Duration::from_secs(u64::from(s))),
                reason: "a limit is used up".into(),
            },
            (Answer::Hold(_), _) => Event::NotYet {
                not_before: None,
                reason: "the world is slow".into(),
            },
            (Answer::Transient, _) => fault(Class::Transient),
            (Answer::RateLimited(s), _) => {
                let at = run.now.plus(Duration::from_secs(u64::from(s)));
                fault(Class::RateLimited { not_before: Some(at) })
            }
            (Answer::OrderLost, _) => fault(Class::OrderLost),
            (Answer::Denied, _) => fault_by(Cause::Vault, Class::Denied),
            (Answer::Permanent, _) => fault(Class::Permanent),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_issuance_ends_with_a_clean_zone(script in proptest::collection::vec(answer(), 0..60)) {
        let run = play(&script, 10);
        prop_assert!(!run.in_zone, "a value was left behind");
        prop_assert!(!run.state.cleanup_owed);
        prop_assert!(!run.finalized_without_key, "finalized before the key was stored");
        prop_assert!(run.state.attempts <= run.state.max_attempts + 1);
    }

    #[test]
    fn a_world_that_only_crashes_between_steps_still_issues(crashes in proptest::collection::vec(any::<bool>(), 0..40)) {
        let script: Vec<Answer> =
            crashes.into_iter().map(|c| if c { Answer::Crash } else { Answer::Succeed }).collect();
        let run = play(&script, 10);
        prop_assert!(matches!(run.state.phase, Phase::Done { .. }), "a crash is no failure");
        prop_assert_eq!(run.state.attempts, 1, "one order is counted");
    }

    #[test]
    fn waits_grow_and_stay_in_bounds(failures in 1u32..40, seed in any::<u64>()) {
        let wait = backoff(failures, seed);
        prop_assert!(wait >= Duration::from_secs(60));
        prop_assert!(wait <= Duration::from_secs(480 * 60 * 6 / 5));
        prop_assert!(backoff(failures, seed) == wait, "the same seed waits as long");
    }
}

fn queued() -> Issuance {
    Issuance::new(Timestamp::from_secs(1_800_000_000), 10)
}

#[test]
fn a_permanent_failure_ends_it_at_the_first_attempt() {
    let step = next(
        &queued(),
        fault(Class::Permanent),
        Timestamp::from_secs(1_800_000_001),
        1,
    )
    .unwrap();
    assert_eq!((step.status, step.state.attempts), (RequestStatus::Failed, 1));
    assert_eq!(
        step.error.as_deref(),
        Some("Failed to request certificate: the world said no")
    );
}

#[test]
fn a_rate_limit_is_kept_to_the_moment() {
    let at = Timestamp::from_secs(1_800_003_600);
    let limited = fault(Class::RateLimited { not_before: Some(at) });
    let step = next(&queued(), limited, Timestamp::from_secs(1_800_000_001), 1).unwrap();
    assert_eq!((step.status, step.wake_at), (RequestStatus::Running, Some(at)));
    let early = next(
        &step.state,
        Event::Resumed,
        Timestamp::from_secs(1_800_000_002),
        1,
    )
    .unwrap();
    assert_eq!((early.effects, early.wake_at), (vec![], Some(at)));
    let due = next(&step.state, Event::Resumed, at, 1).unwrap();
    assert_eq!(due.effects, vec![Effect::Ca(CaEffect::NewOrder)]);
}

#[test]
fn a_world_that_always_fails_is_given_up() {
    let run = play(&vec![Answer::Transient; 400], 10);
    assert_eq!(run.state.phase, Phase::Failed);
    assert_eq!(run.state.failures, 10);
}

#[test]
fn a_valid_authorization_needs_no_dns() {
    let now = Timestamp::from_secs(1_800_000_001);
    let ordered = next(
        &queued(),
        Event::OrderCreated {
            order_url: "u".into(),
        },
        now,
        1,
    )
    .unwrap()
    .state;
    let loaded = Event::ChallengesLoaded {
        progress: OrderProgress::Ready,
        challenges: vec![],
    };
    let step = next(&ordered, loaded, now, 1).unwrap();
    assert_eq!(step.effects, vec![Effect::StoreKey]);
    assert_eq!(step.state.phase.order_url(), Some("u"));
    assert!(!step.state.cleanup_owed);
}

#[test]
fn an_event_out_of_place_names_state_and_event() {
    let error = next(&queued(), Event::InSync, Timestamp::ZERO, 1).unwrap_err();
    assert_eq!(error.to_string(), "event InSync is not possible in phase queued");
}

#[path = "engine_properties/saves.rs"]
mod saves;
#[path = "engine_properties/story.rs"]
mod story;
