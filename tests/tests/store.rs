//! Every store against one suite. Another implementation is one more line at the end.

use std::sync::Arc;

use certmint_tests::{
    conformance_account_keys as account_keys, conformance_certificates as certificates,
    conformance_fallback as fallback, conformance_flight as flight, conformance_health as health,
    conformance_heartbeats as heartbeats, conformance_lifecycle as lifecycle, conformance_orders as orders,
    conformance_rates as rates, conformance_renewals as renewals, conformance_requests as requests,
    conformance_secret_intents as secrets, conformance_store as suite, conformance_succession as succession,
    conformance_txt as txt, conformance_wakes as wakes, dynamo, sim::MemoryStore, store::Store,
};

macro_rules! conforms {
    ($name:ident, $store:expr) => {
        mod $name {
            use super::*;

            async fn fresh() -> Arc<dyn Store> {
                Arc::new($store)
            }

            conforms!(@tests suite: accounts, lists, certificates, depth);
            conforms!(@tests requests: claims_between_clocks, a_claim_sent_twice_is_one, retries,
                      idempotent_requests, due_and_quarantined, what_a_dead_worker_held);
            conforms!(@tests heartbeats: beats, burials);
            conforms!(@tests wakes: booking);
            conforms!(@tests txt: a_value_is_one_record_a_request, a_later_fence_decides, confirmations_are_conditional, what_is_due, forgetting);

            conforms!(@tests fallback: the_default_list, a_request_keeps_its_list);
            conforms!(@tests flight: same_names, keys, keys_of_what_is_gone, of_no_use);
            conforms!(@tests orders: one_owner, owners_that_ended, an_order_again);
            conforms!(@tests health: troubles);
            conforms!(@tests lifecycle: switching, defaults, deleting_accounts, contacts, chores, cancelling,
                      deleting_requests);
            conforms!(@tests account_keys: rolling, failing, binding);
            conforms!(@tests certificates: filters, names, deleting, revoking, bindings);
            conforms!(@tests rates: reservations, giving_back, counting_and_closing, a_hundred_domains);

            conforms!(@tests secrets: claimed_and_unclaimed, too_late);
            conforms!(@tests renewals: due_and_ending, in_place, in_use);
            conforms!(@tests succession: terms, as_new, nothing_to_succeed, given_away_keys, revoked_and_replaced,
                      keys_of_deleted_requests);

            #[tokio::test]
            async fn renewals_at_once_make_one_request() {
                renewals::one_request(fresh().await).await;
            }

            #[tokio::test]
            async fn leases() {
                suite::leases(fresh().await).await;
            }

            #[tokio::test]
            async fn calls_at_once_make_one_request() {
                flight::at_once(fresh().await).await;
            }

            #[tokio::test]
            async fn an_account_deleted_while_it_is_asked() {
                lifecycle::deleting_while_asked(fresh().await).await;
            }

            #[tokio::test]
            async fn keys_changed_at_once() {
                account_keys::rolling_at_once(fresh().await).await;
            }

            #[tokio::test]
            async fn orders_at_once_share_the_limit() {
                rates::at_once(fresh().await).await;
            }
        }
    };
    (@tests $suite:ident: $($test:ident),*) => {
        $(
            #[tokio::test]
            async fn $test() {
                $suite::$test(&*fresh().await).await;
            }
        )*
    };
}

conforms!(dynamo_db, dynamo::store().await);
conforms!(memory, MemoryStore::default());
