//! What a CA allows in a time, so that we wait instead of asking in vain. Pure: the counts are in the store.

use serde::{Deserialize, Serialize};

use super::bucket::Limit;

/// The limits of one CA. A limit that is not set is not counted; what the CA itself says is kept all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// New orders of one account.
    pub new_orders: Option<Limit>,
    /// Certificates that name a registered domain, over all accounts.
    pub certificates_per_domain: Option<Limit>,
    /// Certificates for exactly the same names, over all accounts.
    pub duplicate_certificates: Option<Limit>,
    /// Failed authorizations of one name by one account.
    pub failed_authorizations: Option<Limit>,
    /// Whether a renewal in the CA's own window, which names what it replaces (RFC 9773 §5), counts nowhere.
    pub exempts_renewals: bool,
}

const HOUR: u64 = 3600;
const WEEK: u64 = 7 * 24 * HOUR;

impl Limits {
    /// Let's Encrypt. Token buckets that refill evenly: one order every 36 seconds, one certificate of a domain every
    /// 202 minutes, one of a set every 34 hours, one failed authorization every 12 minutes.
    // https://letsencrypt.org/docs/rate-limits/ (June 2025).
    pub const LETS_ENCRYPT: Self = Self {
        new_orders: Limit::new(300, 3 * HOUR),
        certificates_per_domain: Limit::new(50, WEEK),
        duplicate_certificates: Limit::new(5, WEEK),
        failed_authorizations: Limit::new(5, HOUR),
        // https://letsencrypt.org/docs/rate-limits/ ("Renewals coordinated by ARI").
        exempts_renewals: true,
    };
    /// Google Trust Services publishes no number for its ACME endpoint; quotas belong to a Cloud project. One account
    /// that keeps to 100 orders an hour is a cautious guess; the CA's own `rateLimited` closes what it means.
    pub const GOOGLE: Self = Self {
        new_orders: Limit::new(100, HOUR),
        certificates_per_domain: None,
        duplicate_certificates: None,
        failed_authorizations: None,
        exempts_renewals: false,
    };
    /// Let's Encrypt's staging environment.
    // https://letsencrypt.org/docs/staging-environment/ (its numbers of 2024; later versions name only those by
    // address).
    pub const LETS_ENCRYPT_STAGING: Self = Self {
        new_orders: Limit::new(1500, 3 * HOUR),
        certificates_per_domain: Limit::new(30_000, WEEK),
        duplicate_certificates: Limit::new(30_000, WEEK),
        failed_authorizations: Limit::new(60, HOUR),
        exempts_renewals: true,
    };
    /// Nothing is counted.
    pub const NONE: Self = Self {
        new_orders: None,
        certificates_per_domain: None,
        duplicate_certificates: None,
        failed_authorizations: None,
        exempts_renewals: false,
    };
}
