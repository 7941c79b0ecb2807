//! Failures and waits in any state.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_failure_means_what_its_class_says(state in live(), event in failed(), seed in any::<u64>()) {
        let Event::Failed(failure) = event.clone() else { return Ok(()) };
        let step = next(&state, event, NOW, seed).unwrap();
        prop_assert_eq!(step.error, Some(failure.sentence()));
        prop_assert_eq!(step.state.last_problem.as_ref(), Some(&failure.problem));
        // Where there may be a certificate it is not given up as easily.
        let sent = csr_sent(&state.phase);
        let last_try = match sent && failure.class != Class::OrderLost {
            true => step.state.failures >= 2 * MAX_ATTEMPTS,
            false => step.state.failures >= MAX_ATTEMPTS || step.state.attempts >= MAX_ATTEMPTS,
        };
        match failure.class {
            // denied.rs has all of it.
            Class::Denied => prop_assert!(!ended(&step.state.phase)),
            Class::Permanent => prop_assert_eq!(&step.state.phase, &Phase::Failed),
            Class::RateLimited { not_before } => {
                prop_assert!(!ended(&step.state.phase), "a limit ends nothing");
                prop_assert!(step.state.attempts == state.attempts, "a limit is no attempt");
                match not_before {
                    Some(at) if at > NOW => prop_assert_eq!(step.wake_at, Some(at)),
                    _ => prop_assert!(step.wake_at > Some(NOW.plus(Duration::from_secs(30))), "asks again at once"),
                }
            }
            _ if last_try => prop_assert_eq!(&step.state.phase, &Phase::Failed),
            Class::OrderLost => prop_assert_eq!(&step.state.phase, &Phase::Queued),
            Class::Transient => {
                prop_assert_eq!(step.state.phase.order_url(), state.phase.order_url());
                let wait = backoff(step.state.failures, seed);
                prop_assert_eq!(step.wake_at, Some(NOW.plus(wait)));
            }
        }
        // Values stay until their order is through or given up.
        let keeps = step.state.phase.order_url().is_some() && !is_authorized(&step.state.phase);
        let removal = if state.cleanup_owed && !keeps { vec![UNPUBLISH] } else { vec![] };
        prop_assert_eq!(step.effects, removal);
    }

    #[test]
    fn waiting_is_never_longer_than_the_phase_has_patience(
        state in live(), at in moment(), seed in any::<u64>(),
    ) {
        let not_yet = Event::NotYet { not_before: Some(at), reason: "the CA is busy".into() };
        let step = next(&state, not_yet, NOW, seed).unwrap();
        let wake_at = step.wake_at.filter(|_| step.error.is_none());
        if let Some(wake_at) = wake_at {
            prop_assert!(wake_at > NOW, "asks again at once");
            prop_assert!(wake_at.since(NOW) <= Duration::from_secs(65 * 60), "sleeps past its deadline");
            // The CA's own moment is kept while there is time.
            prop_assert!(wake_at >= at || wake_at.since(state.since) >= Duration::from_secs(10 * 60));
        }
    }

    #[test]
    fn a_worker_whose_clock_is_behind_takes_no_value_away(state in state(), behind in 0..SKEW_MS) {
        let now = Timestamp::from_millis(state.since.millis() - behind);
        let step = next(&state, Event::Resumed, now, 1).unwrap();
        if matches!(state.phase.name(), "challenged" | "published" | "in_sync" | "propagated" | "validating") {
            prop_assert!(!step.effects.contains(&UNPUBLISH), "{:?}", state.phase);
            prop_assert!(!step.effects.is_empty(), "{:?} is not a back-off", state.phase);
        }
    }

    #[test]
    fn a_world_that_always_fails_ends_in_bounded_steps(
        class in prop_oneof![Just(Class::Transient), Just(Class::Permanent), Just(Class::OrderLost)],
        judged in any::<bool>(), start in live(),
    ) {
        let (mut state, mut now) = (start, NOW);
        for _ in 0..=2 * MAX_ATTEMPTS {
            if ended(&state.phase) { break }
            let cause = if judged { Cause::Acme(AcmeError::Malformed) } else { Cause::Crypto };
            let failure = Failure::new(class, Stage::Request, cause, "the world said no");
            let step = next(&state, Event::Failed(failure), now, 3).unwrap();
            now = now.max(step.wake_at.unwrap_or(now));
            state = stored(&step.state);
        }
        prop_assert_eq!(state.phase, Phase::Failed);
    }

    #[test]
    fn back_off_grows_until_it_is_level(failures in 1u32..60, seed in any::<u64>(), other in any::<u64>()) {
        let (wait, later) = (backoff(failures, seed), backoff(failures + 1, other));
        if failures < 10 {
            prop_assert!(later > wait, "each step of the table is more than the spread of 20 %");
        }
        prop_assert!(wait < Duration::from_secs(480 * 60 * 6 / 5));
    }
}

#[test]
fn back_off_keeps_to_the_table() {
    let minutes = [1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 480, 480];
    for (failures, minutes) in (1u32..).zip(minutes) {
        for seed in 0..200 {
            let wait = backoff(failures, seed);
            let base = Duration::from_secs(minutes * 60);
            assert!(wait >= base && wait < base + base / 5, "{failures}: {wait:?}");
        }
    }
    assert_eq!(
        backoff(0, 5).as_secs() / 60,
        1,
        "no failure yet counts as the first"
    );
    assert!(backoff(u32::MAX, u64::MAX) >= Duration::from_secs(480 * 60));
}
