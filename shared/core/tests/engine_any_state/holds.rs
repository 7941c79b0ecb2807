//! Holds, and what any state says of itself.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hold_counts_nothing_and_leaves_no_value(state in state(), until in moment(), seed in any::<u64>()) {
        let hold = Event::Deferred { until, reason: "a limit is used up".into() };
        let Ok(step) = next(&state, hold, NOW, seed) else {
            prop_assert!(ended(&state.phase) || state.phase.needs_values());
            return Ok(());
        };
        prop_assert!(!ended(&state.phase) && !state.phase.needs_values());
        prop_assert_eq!(
            (step.state.attempts, step.state.failures, &step.state.phase),
            (state.attempts, state.failures, &state.phase)
        );
        prop_assert_eq!(&step.error, &None);
        let wake_at = step.wake_at.unwrap();
        prop_assert!(wake_at > NOW && (wake_at >= until || wake_at.since(NOW) >= Duration::from_secs(29 * 86_400)));
        let expected = if state.cleanup_owed { vec![UNPUBLISH] } else { vec![] };
        prop_assert_eq!(&step.effects, &expected);
        prop_assert_eq!(step.state.reason(), "a limit is used up");
        let early = next(&step.state, Event::Resumed, NOW, seed).unwrap();
        prop_assert_eq!((early.effects, early.wake_at), (expected, Some(wake_at)));
        let due = next(&step.state, Event::Resumed, wake_at, seed).unwrap();
        prop_assert!(!due.effects.is_empty() && due.wake_at.is_none());
    }

    #[test]
    fn every_state_has_a_next_action_and_a_reason(state in state()) {
        prop_assert!(!state.reason().is_empty());
        prop_assert!(!state.next_action().is_empty());
        prop_assert_eq!(
            matches!(state.next_action(), "none" | "retry" | "remove_txt"),
            ended(&state.phase)
        );
    }
}
