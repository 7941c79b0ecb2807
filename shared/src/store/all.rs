//! Every capability at once.

use super::{
    account_keys::AccountKeys,
    accounts::AccountStore,
    certificate_lifecycle::CertificateLifecycle,
    certificates::CertificateStore,
    challenges::ChallengeStore,
    fallback::FallbackPolicy,
    flight::SingleFlight,
    health::ProviderHealth,
    lifecycle::{AccountLifecycle, ChoreStore, RequestLifecycle},
    rates::RateLedger,
    relations::CertificateRelations,
    renewals::RenewalStore,
    requests::RequestStore,
};

/// All of it.
pub trait Store:
    AccountStore
    + RequestStore
    + SingleFlight
    + CertificateStore
    + RenewalStore
    + CertificateRelations
    + ChallengeStore
    + ProviderHealth
    + RateLedger
    + AccountLifecycle
    + FallbackPolicy
    + AccountKeys
    + RequestLifecycle
    + CertificateLifecycle
    + ChoreStore
{
}

impl<T> Store for T where
    T: AccountStore
        + RequestStore
        + SingleFlight
        + CertificateStore
        + RenewalStore
        + CertificateRelations
        + ChallengeStore
        + ProviderHealth
        + RateLedger
        + AccountLifecycle
        + FallbackPolicy
        + AccountKeys
        + RequestLifecycle
        + CertificateLifecycle
        + ChoreStore
{
}
