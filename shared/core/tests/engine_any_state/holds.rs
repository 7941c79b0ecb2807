//! Holds, and what any state says of itself.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hold_counts_nothing_and_leaves_no_value_that_nobody_looks_at(state in state(), until in moment(), seed in any::<u64>()) {
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
        let keeps = state.phase.order_url().is_some() && !is_authorized(&state.phase);
        let expected = if state.cleanup_owed && !keeps { vec![UNPUBLISH] } else { vec![] };
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
        let of_client = state.advice().map(|advice| advice.way.as_str());
        prop_assert_eq!(
            matches!(state.next_action(), "none" | "remove_txt") || of_client == Some(state.next_action()),
            ended(&state.phase)
        );
        prop_assert_eq!(of_client.is_some(), state.phase == Phase::Failed);
    }

    /// Another's order is waited for, longer and longer, and that is no try; whatever comes next, it is awaited no more
    /// once there is an order of our own.
    #[test]
    fn an_order_of_another_request_is_awaited(state in state(), by in any::<u64>(), seed in any::<u64>()) {
        let order_url = String::from("https://ca.test/order/9");
        let by = RequestId::new(by);
        let taken = || Event::OrderTaken { order_url: order_url.clone(), by };
        let Ok(step) = next(&state, taken(), NOW, seed) else {
            prop_assert!(state.phase != Phase::Queued);
            return Ok(());
        };
        prop_assert_eq!(
            (step.state.attempts, step.state.failures, step.state.orders, &step.state.phase),
            (state.attempts, state.failures, state.orders, &Phase::Queued)
        );
        prop_assert_eq!(step.state.awaited_order.as_deref(), Some(order_url.as_str()));
        let first = step.wake_at.unwrap().since(NOW);
        prop_assert!((Duration::from_secs(15)..Duration::from_secs(20)).contains(&first), "{first:?}");
        let later = NOW.plus(Duration::from_secs(20 * 60));
        let longer = next(&step.state, taken(), later, seed).unwrap().wake_at.unwrap().since(later);
        prop_assert!((Duration::from_secs(300)..Duration::from_secs(305)).contains(&longer), "{longer:?}");
        let own = next(&step.state, Event::OrderCreated { order_url: "https://ca.test/order/10".into() }, NOW, seed);
        let own = own.unwrap().state;
        prop_assert_eq!((own.awaited_order, own.held_since), (None, None));
    }
}
