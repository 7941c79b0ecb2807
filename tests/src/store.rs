//! A store with every capability: what the conformance suites are run against.

use certmint_shared::store::{
    AccountKeys, AccountLifecycle, AccountStore, CertificateLifecycle, CertificateRelations,
    CertificateStore, ChallengeStore, ChoreStore, FallbackPolicy, Heartbeats, ProviderHealth, RateLedger,
    RenewalStore, RequestLifecycle, RequestStore, SecretIntents, SingleFlight, WakeBook,
};

macro_rules! together {
    ($first:ident $(+ $other:ident)*) => {
        /// All capabilities.
        pub trait Store: $first $(+ $other)* {}

        impl<T: $first $(+ $other)*> Store for T {}
    };
}

together!(
    AccountStore
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
);
