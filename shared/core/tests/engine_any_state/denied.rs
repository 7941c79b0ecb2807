//! Our own rights are missing, in any state: a hold with its reason, that nothing counts and that ends in time.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);

fn denial(stage: Stage) -> Failure {
    let (cause, what) = match stage {
        Stage::Dns => (
            Cause::Dns,
            "access denied to ChangeResourceRecordSets on example.com",
        ),
        Stage::Request => (Cause::Vault, "access denied to CreateSecret on secret s"),
    };
    Failure::new(Class::Denied, stage, cause, what)
}

fn deny(state: &Issuance, now: Timestamp, seed: u64) -> Step {
    next(state, Event::Failed(denial(Stage::Dns)), now, seed).unwrap()
}

/// What the phase asks for, done.
fn done(phase: &Phase) -> Event {
    let challenges = || {
        let value = "v".into();
        vec![Challenge {
            fqdn: Fqdn::new("_acme-challenge.example.com"),
            value,
        }]
    };
    match phase.name() {
        "queued" => Event::OrderCreated {
            order_url: "https://ca.test/order/2".into(),
        },
        "ordered" => Event::ChallengesLoaded {
            progress: OrderProgress::Pending,
            challenges: challenges(),
        },
        "challenged" => Event::Published {
            changes: vec!["C1".into()],
        },
        "published" => Event::InSync,
        "in_sync" => Event::Propagated,
        "propagated" => Event::ChallengesAccepted,
        "validating" => Event::OrderPolled {
            progress: OrderProgress::Ready,
        },
        "ready" => Event::KeyStored {
            key_ref: "key/2".into(),
            about: None,
        },
        "key_stored" => Event::Finalized,
        _ => Event::CertificateRecorded {
            certificate_id: CertificateId::new(1),
        },
    }
}

/// Every phase, and where it goes on from once the right is back.
fn phases() -> Vec<(Phase, &'static str)> {
    let challenges = || {
        let value = "v".into();
        vec![Challenge {
            fqdn: Fqdn::new("_acme-challenge.example.com"),
            value,
        }]
    };
    let key_ref = || "key/1".to_owned();
    vec![
        (Phase::Queued, "queued"),
        (any::at(OrderStage::Created), "ordered"),
        // Nothing was asked of the CA since.
        (
            any::at(OrderStage::Challenged {
                challenges: challenges(),
            }),
            "challenged",
        ),
        // Their values may be past their lease by then.
        (
            any::at(OrderStage::Published {
                challenges: challenges(),
                changes: vec!["C1".into()],
            }),
            "ordered",
        ),
        (
            any::at(OrderStage::InSync {
                challenges: challenges(),
            }),
            "ordered",
        ),
        (any::at(OrderStage::Propagated), "ordered"),
        (any::at(OrderStage::Validating), "ordered"),
        (any::at(OrderStage::Ready), "ready"),
        (
            any::at(OrderStage::KeyStored { key_ref: key_ref() }),
            "key_stored",
        ),
        (
            any::at(OrderStage::Finalizing { key_ref: key_ref() }),
            "finalizing",
        ),
    ]
}

fn in_phase(phase: Phase) -> Issuance {
    Issuance {
        cleanup_owed: wants_values(&phase),
        phase,
        attempts: 1,
        ..Issuance::new(NOW, MAX_ATTEMPTS)
    }
}

#[test]
fn each_phase_waits_where_it_can_go_on_from() {
    for (phase, goes_on_from) in phases() {
        for stage in [Stage::Dns, Stage::Request] {
            let state = in_phase(phase.clone());
            let step = next(&state, Event::Failed(denial(stage)), NOW, 0).unwrap();
            let at = phase.name();
            assert_eq!(step.state.phase.name(), goes_on_from, "{at}");
            assert_eq!(
                step.state.phase.order_url(),
                phase.order_url(),
                "{at}: the same order"
            );
            assert_eq!(
                (step.status, &step.effects),
                (RequestStatus::Running, &vec![]),
                "{at}"
            );
            assert_eq!(step.wake_at, Some(NOW.plus(Duration::from_secs(15))), "{at}");
            let said = denial(stage).sentence();
            assert_eq!(step.error.as_deref(), Some(said.as_str()), "{at}");
            assert_eq!(step.state.reason(), said, "{at}");
            assert_eq!((step.state.attempts, step.state.failures), (1, 0), "{at}");
            // Given back: it goes on, and of the missing right nothing is left.
            let due = next(&step.state, Event::Resumed, step.wake_at.unwrap(), 0).unwrap();
            assert!(!due.effects.is_empty() && due.wake_at.is_none(), "{at}");
            let mut state = due.state;
            for _ in 0..12 {
                if ended(&state.phase) {
                    break;
                }
                state = next(&state, done(&state.phase), NOW.plus(MINUTE), 0)
                    .unwrap()
                    .state;
            }
            assert_eq!(state.phase.name(), "done", "{at}");
            assert_eq!((state.denied, state.failures), (None, 0), "{at}");
        }
    }
}

#[test]
fn looks_are_a_quarter_of_the_time_apart_up_to_ten_minutes_and_end_after_thirty_days() {
    for (phase, _) in phases() {
        let at = phase.name();
        let (mut state, mut now, mut looks) = (in_phase(phase), NOW, 0u64);
        let mut waits = Vec::new();
        let last = loop {
            let step = deny(&state, now, 4);
            if ended(&step.state.phase) {
                break step;
            }
            let wake_at = step.wake_at.unwrap();
            waits.push(wake_at.since(now));
            (state, now, looks) = (stored(&step.state), wake_at, looks + 1);
            assert!(looks < 5_000, "{at}: it never ends");
            assert!(
                state.history.entries().len() <= 2,
                "{at}: a look is no line of its own"
            );
        };
        assert_eq!(now.since(NOW), PATIENCE, "{at}");
        assert_eq!(
            (last.state.phase.clone(), last.state.attempts),
            (Phase::Failed, 1),
            "{at}"
        );
        let mut ends = waits.iter().scan(Duration::ZERO, |sum, wait| {
            *sum += *wait;
            Some(*sum)
        });
        let after_ten = ends.find(|sum| *sum >= 10 * MINUTE).unwrap();
        assert!(
            after_ten < 13 * MINUTE,
            "{at}: a role that was wrong for ten minutes: {after_ten:?}"
        );
        assert_eq!(waits[0], Duration::from_secs(19), "{at}");
        assert!(
            waits
                .iter()
                .all(|wait| *wait <= 10 * MINUTE + Duration::from_secs(4)),
            "{at}"
        );
        let error = last.error.unwrap();
        assert!(
            error.starts_with(
                "Failed to create DNS record: access denied to ChangeResourceRecordSets on example.com"
            ) && error.ends_with("tried for 30 days"),
            "{at}: {error}"
        );
        assert!(
            last.state.history.entries().len() <= 3,
            "{at}: and one of the end"
        );
    }
}

/// GetChange alone is denied: publishing, which comes before it, is done again and again, and yet the deadline counts from
/// the first look.
#[test]
fn what_is_done_again_before_the_denied_step_does_not_put_its_end_off() {
    let (mut state, mut now) = (in_phase(any::at(OrderStage::Created)), NOW);
    for _ in 0..20_000 {
        if ended(&state.phase) {
            break;
        }
        let event = match state.phase.name() {
            "published" => Event::Failed(denial(Stage::Dns)),
            _ => done(&state.phase),
        };
        let step = next(&state, event, now, 1).unwrap();
        assert!(step.state.attempts == 1, "no order anew");
        now = now.max(step.wake_at.unwrap_or(now));
        state = step.state;
    }
    assert_eq!((state.phase, now.since(NOW)), (Phase::Failed, PATIENCE));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_missing_right_counts_no_try_and_withdraws_nothing_that_the_ca_may_look_at(state in live(), seed in any::<u64>()) {
        let step = deny(&state, NOW, seed);
        let after = &step.state;
        prop_assert_eq!(
            (after.attempts, after.failures, after.orders, after.phase.order_url()),
            (state.attempts, state.failures, state.orders, state.phase.order_url())
        );
        prop_assert!(!ended(&after.phase));
        let looked_at = state.phase.order_url().is_some() && !is_authorized(&state.phase);
        prop_assert!(!looked_at || !step.effects.contains(&UNPUBLISH), "withdrawn in {:?}", state.phase);
        let wait = step.wake_at.unwrap().since(NOW);
        prop_assert!((Duration::from_secs(15)..=10 * MINUTE + Duration::from_secs(4)).contains(&wait)
            || after.denied.unwrap().since.plus(PATIENCE) == step.wake_at.unwrap(), "{wait:?}");
        prop_assert_eq!(after.denied.unwrap().since, state.denied.map_or(NOW, |denied| denied.since));
        // Until then nothing is done; then the phase's own step.
        let due = next(&stored(after), Event::Resumed, step.wake_at.unwrap(), seed).unwrap();
        prop_assert!(!due.effects.is_empty() && due.wake_at.is_none());
        prop_assert!(!due.effects.contains(&UNPUBLISH));
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_missing_right_ends_a_request_after_its_deadline(state in live(), looks in proptest::collection::vec(1u64..86_400, 1..60)) {
        let (mut state, mut now) = (state, NOW);
        let since = state.denied.map_or(NOW, |denied| denied.since);
        for look in looks {
            let step = deny(&state, now, 1);
            prop_assert_eq!(ended(&step.state.phase), now.since(since) >= PATIENCE, "after {:?}", now.since(since));
            if ended(&step.state.phase) { return Ok(()) }
            state = stored(&step.state);
            now = now.max(step.wake_at.unwrap()).plus(Duration::from_secs(look));
        }
    }

    /// What happens otherwise while a right is missing counts as ever.
    #[test]
    fn what_happens_meanwhile_counts_as_ever(state in live(), event in event(), seed in any::<u64>()) {
        if matches!(&event, Event::Failed(failure) if failure.class == Class::Denied) {
            return Ok(());
        }
        let without = Issuance { denied: None, ..state.clone() };
        match (next(&state, event.clone(), NOW, seed), next(&without, event.clone(), NOW, seed)) {
            (Ok(with), Ok(without)) => {
                let same = |step: &Step| Issuance { denied: None, ..step.state.clone() };
                prop_assert_eq!(same(&with), same(&without));
                prop_assert_eq!((with.wake_at, &with.effects), (without.wake_at, &without.effects));
            }
            (Err(with), Err(without)) => prop_assert_eq!(with, without),
            (with, without) => prop_assert!(false, "{with:?} {without:?}"),
        }
    }
}
