//! A client's cancellation in any state.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cancelled_issuance_has_failed_and_cleans_up(state in state(), seed in any::<u64>()) {
        let sent = csr_sent(&state.phase);
        match next(&state, Event::Cancelled, NOW, seed) {
            Err(_) => prop_assert!(ended(&state.phase) || sent, "refused in {:?}", state.phase),
            Ok(step) => {
                prop_assert!(!ended(&state.phase) && !sent, "a certificate may exist in {:?}", state.phase);
                prop_assert_eq!(&step.state.phase, &Phase::Failed);
                prop_assert_eq!(step.status, RequestStatus::Failed);
                let said = "Failed to request certificate: cancelled by a client";
                prop_assert_eq!(step.error.as_deref(), Some(said));
                prop_assert_eq!(step.state.attempts, state.attempts, "no attempt");
                prop_assert_eq!(step.state.cleanup_owed, state.cleanup_owed);
                let expected = if state.cleanup_owed { vec![UNPUBLISH] } else { vec![] };
                prop_assert_eq!(&step.effects, &expected);
                let last = step.state.history.entries().last().unwrap();
                prop_assert_eq!(last.what.as_str(), said);
                // Whoever takes it up cleans up, and nothing else.
                let resumed = next(&step.state, Event::Resumed, NOW, seed).unwrap();
                prop_assert_eq!(resumed.effects, expected);
                prop_assert!(next(&step.state, Event::Cancelled, NOW, seed).is_err(), "twice");
            }
        }
    }

    #[test]
    fn what_a_worker_was_doing_comes_too_late(state in live(), event in event(), seed in any::<u64>()) {
        let Ok(step) = next(&state, Event::Cancelled, NOW, seed) else { return Ok(()) };
        if let Ok(late) = next(&step.state, event, NOW, seed) {
            prop_assert_eq!(late.state.phase, Phase::Failed);
        }
    }
}
