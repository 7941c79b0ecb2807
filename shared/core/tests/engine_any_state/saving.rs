//! What is not stored is what a later run finds again by itself, whatever happened.

use super::*;

/// What neither the CA nor the ledger tells.
fn known_to_us_alone(state: &Issuance) -> impl PartialEq + std::fmt::Debug {
    (
        state.phase.order_url().map(str::to_owned),
        csr_sent(&state.phase),
        match &state.phase {
            Phase::Done { certificate_id } => Some(Some(*certificate_id)),
            Phase::Failed => Some(None),
            _ => None,
        },
        (state.attempts, state.orders, state.failures, state.max_attempts),
        (state.cleanup_owed, state.held_since, state.awaited_order.clone()),
        (state.last_problem.clone(), state.failover.clone(), state.denied),
    )
}

/// Route53's names for what the phase waits for.
fn changes(state: &Issuance) -> Vec<String> {
    match &state.phase {
        Phase::Ordered(Order {
            stage: OrderStage::Published { changes, .. },
            ..
        }) => changes.clone(),
        _ => vec![],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_state_is_stored_where_we_alone_know_something(before in state(), event in event(), seed in any::<u64>()) {
        if let Ok(step) = next(&before, event, NOW, seed) {
            let (old, new) = (known_to_us_alone(&before), known_to_us_alone(&step.state));
            let told = changes(&step.state);
            let is_news = !told.is_empty() && told != changes(&before);
            prop_assert_eq!(step.state.must_be_stored(&before), old != new || is_news, "{:?} or {:?}", old, new);
        }
    }
}
