//! The bag of capabilities for the places where functions are put together: start and tests. A part takes from it those
//! that it uses.

use std::sync::Arc;

use super::{
    AccountKeys, AccountLifecycle, AccountStore, CertificateLifecycle, CertificateRelations,
    CertificateStore, ChallengeStore, ChoreStore, FallbackPolicy, Heartbeats, ProviderHealth, RateLedger,
    RenewalStore, RequestLifecycle, RequestStore, SecretIntents, SingleFlight, WakeBook,
};

/// Each capability by itself.
#[derive(Clone)]
#[expect(missing_docs, reason = "each trait says what it is")]
pub struct Stores {
    pub accounts: Arc<dyn AccountStore>,
    pub account_keys: Arc<dyn AccountKeys>,
    pub account_lifecycle: Arc<dyn AccountLifecycle>,
    pub certificates: Arc<dyn CertificateStore>,
    pub certificate_lifecycle: Arc<dyn CertificateLifecycle>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub chores: Arc<dyn ChoreStore>,
    pub fallback: Arc<dyn FallbackPolicy>,
    pub health: Arc<dyn ProviderHealth>,
    pub heartbeats: Arc<dyn Heartbeats>,
    pub rates: Arc<dyn RateLedger>,
    pub relations: Arc<dyn CertificateRelations>,
    pub renewals: Arc<dyn RenewalStore>,
    pub requests: Arc<dyn RequestStore>,
    pub request_lifecycle: Arc<dyn RequestLifecycle>,
    pub secret_intents: Arc<dyn SecretIntents>,
    pub single_flight: Arc<dyn SingleFlight>,
    pub wakes: Arc<dyn WakeBook>,
}

impl<S> From<Arc<S>> for Stores
where
    S: AccountStore
        + AccountKeys
        + AccountLifecycle
        + CertificateStore
        + CertificateLifecycle
        + CertificateRelations
        + ChallengeStore
        + ChoreStore
        + FallbackPolicy
        + Heartbeats
        + ProviderHealth
        + RateLedger
        + RenewalStore
        + RequestStore
        + RequestLifecycle
        + SecretIntents
        + SingleFlight
        + WakeBook
        + 'static,
{
    /// One store that has them all.
    fn from(store: Arc<S>) -> Self {
        Self {
            accounts: store.clone(),
            account_keys: store.clone(),
            account_lifecycle: store.clone(),
            certificates: store.clone(),
            certificate_lifecycle: store.clone(),
            challenges: store.clone(),
            chores: store.clone(),
            fallback: store.clone(),
            health: store.clone(),
            heartbeats: store.clone(),
            rates: store.clone(),
            relations: store.clone(),
            renewals: store.clone(),
            requests: store.clone(),
            request_lifecycle: store.clone(),
            secret_intents: store.clone(),
            single_flight: store.clone(),
            wakes: store,
        }
    }
}
