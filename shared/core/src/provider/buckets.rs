//! Which buckets an order takes from.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::{bucket::Limit, limits::Limits, provider::Provider};
use crate::words::{AccountId, DomainName, NameSet, Timestamp};

/// The name of a bucket in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RateKey(String);

impl RateKey {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a bucket counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// New orders of an account.
    NewOrders,
    /// Certificates of a registered domain.
    CertificatesPerDomain,
    /// Certificates of exactly these names.
    DuplicateCertificates,
    /// Failed authorizations of a name by an account.
    FailedAuthorizations,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewOrders => "new_orders",
            Self::CertificatesPerDomain => "certificates_per_domain",
            Self::DuplicateCertificates => "duplicate_certificates",
            Self::FailedAuthorizations => "failed_authorizations",
        }
    }

    /// Whether it is a certificate that counts, not the order for it.
    #[must_use]
    pub const fn counts_certificates(self) -> bool {
        matches!(self, Self::CertificatesPerDomain | Self::DuplicateCertificates)
    }

    const fn limit(self, limits: &Limits) -> Option<Limit> {
        match self {
            Self::NewOrders => limits.new_orders,
            Self::CertificatesPerDomain => limits.certificates_per_domain,
            Self::DuplicateCertificates => limits.duplicate_certificates,
            Self::FailedAuthorizations => limits.failed_authorizations,
        }
    }
}

/// One bucket: its name, what it counts, of whom, and how much fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name in the store.
    pub key: RateKey,
    /// What it counts.
    pub kind: Kind,
    /// Of whom: `account 1`, `example.com`, `these names`.
    pub subject: String,
    /// How much fits; `None`: nothing is counted, but the CA may have closed it.
    pub limit: Option<Limit>,
}

impl Bucket {
    fn new(provider: &Provider, kind: Kind, id: impl fmt::Display, subject: String) -> Self {
        let key = RateKey(format!("{}#{}#{id}", provider.id, kind.as_str()));
        let limit = kind.limit(&provider.limits);
        Self {
            key,
            kind,
            subject,
            limit,
        }
    }

    /// The moment from which one more fits.
    #[must_use]
    pub fn earliest(&self, arrival: Option<Timestamp>, now: Timestamp) -> Timestamp {
        match self.limit {
            Some(limit) => limit.earliest(arrival, now),
            None => arrival.map_or(now, |at| at.max(now)),
        }
    }

    /// The arrival time of the bucket when it has none before `moment`.
    #[must_use]
    pub fn closed_until(&self, moment: Timestamp) -> Timestamp {
        self.limit.map_or(moment, |limit| limit.closed_until(moment))
    }
}

impl fmt::Display for Bucket {
    /// `50 certificates in 7 days for example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::NewOrders => "new orders",
            Kind::CertificatesPerDomain | Kind::DuplicateCertificates => "certificates",
            Kind::FailedAuthorizations => "failed authorizations",
        };
        match self.limit {
            None => write!(f, "{what} for {}", self.subject),
            Some(limit) => {
                let hours = limit.window().as_secs().div_ceil(3600);
                let (number, unit) = match hours {
                    0 | 1 => (1, "hour"),
                    24.. if hours.is_multiple_of(24) => (hours / 24, "days"),
                    _ => (hours, "hours"),
                };
                let count = limit.count();
                write!(f, "{count} {what} in {number} {unit} for {}", self.subject)
            }
        }
    }
}

/// What one order takes from, and what must not be full besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBuckets {
    /// One is taken of each.
    pub spend: Vec<Bucket>,
    /// Failed authorizations of each name: looked at, and counted only when one fails.
    pub look: Vec<Bucket>,
}

/// The buckets of an order. At most 102 to spend (account, names, 100 domains).
///
/// An order that carries `replaces` in the CA's window spends none of them where the CA
/// [exempts renewals](Limits::exempts_renewals): the worker does not ask the ledger then.
#[must_use]
pub fn of_order(provider: &Provider, account: AccountId, names: &NameSet) -> OrderBuckets {
    let of_account = format!("account {account}");
    let mut spend = vec![
        Bucket::new(provider, Kind::NewOrders, account, of_account),
        Bucket::new(
            provider,
            Kind::DuplicateCertificates,
            names.set_key(),
            "these names".into(),
        ),
    ];
    let domains: BTreeSet<&str> = names.as_slice().iter().map(DomainName::registered).collect();
    spend.extend(
        domains
            .into_iter()
            .map(|d| Bucket::new(provider, Kind::CertificatesPerDomain, d, d.to_owned())),
    );
    let hosts: BTreeSet<&str> = names.as_slice().iter().map(DomainName::base).collect();
    let counted = provider.limits.failed_authorizations.is_some();
    let look = hosts
        .into_iter()
        .filter(|_| counted)
        .map(|host| authorizations(provider, account, host));
    OrderBuckets {
        spend,
        look: look.collect(),
    }
}

fn authorizations(provider: &Provider, account: AccountId, host: &str) -> Bucket {
    let id = format!("{account}#{host}");
    Bucket::new(provider, Kind::FailedAuthorizations, id, host.to_owned())
}

/// The buckets that a person asks about: of an account, and of one name if given.
#[must_use]
pub fn of_name(provider: &Provider, account: AccountId, name: Option<&DomainName>) -> Vec<Bucket> {
    let of_account = format!("account {account}");
    let mut buckets = vec![Bucket::new(provider, Kind::NewOrders, account, of_account)];
    if let Some(name) = name {
        let domain = name.registered();
        let kind = Kind::CertificatesPerDomain;
        buckets.push(Bucket::new(provider, kind, domain, domain.to_owned()));
        if let Ok(set) = NameSet::try_from(vec![name.clone()]) {
            let kind = Kind::DuplicateCertificates;
            buckets.push(Bucket::new(provider, kind, set.set_key(), name.to_string()));
        }
        buckets.push(authorizations(provider, account, name.base()));
    }
    buckets
}

/// Which buckets a CA's `rateLimited` speaks of, and until when each is closed at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame<'a> {
    /// The bucket.
    pub bucket: &'a Bucket,
    /// A guess closes it no longer than this.
    pub at_most: Option<Duration>,
}

impl OrderBuckets {
    /// Reads the CA's words. What is not understood closes these very names for as long as the CA says, and the
    /// account for an hour at most: a word that we do not know must not stop all its other names for days.
    #[must_use]
    pub fn blamed(&self, detail: &str) -> Vec<Blame<'_>> {
        let text = detail.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let understood = if says(&["exact set", "duplicate"]) {
            self.sure(Kind::DuplicateCertificates, &text)
        } else if says(&[
            "failed authorization",
            "authorization failure",
            "failed validation",
        ]) {
            self.sure(Kind::FailedAuthorizations, &text)
        } else if says(&["registered domain", "already issued"]) {
            self.sure(Kind::CertificatesPerDomain, &text)
        } else if says(&["new order", "orders"]) {
            self.sure(Kind::NewOrders, &text)
        } else {
            vec![]
        };
        // Understood, but of a kind that is not counted here: there is no bucket to close.
        if !understood.is_empty() {
            return understood;
        }
        let mut blames = self.sure(Kind::DuplicateCertificates, &text);
        let account = self.sure(Kind::NewOrders, &text).into_iter();
        blames.extend(account.map(|blame| Blame {
            at_most: Some(Duration::from_secs(3600)),
            ..blame
        }));
        blames
    }

    /// The buckets of a kind: those that the text names, or all.
    fn sure(&self, kind: Kind, text: &str) -> Vec<Blame<'_>> {
        let of_kind = || self.spend.iter().chain(&self.look).filter(|b| b.kind == kind);
        let names = |b: &&Bucket| text.contains(&format!("\"{}\"", b.subject));
        let any_named = of_kind().any(|b| names(&b));
        of_kind()
            .filter(|b| !any_named || names(b))
            .map(|bucket| Blame {
                bucket,
                at_most: None,
            })
            .collect()
    }

    /// The buckets of failed authorizations of these names.
    #[must_use]
    pub fn failed(&self, names: &[&str]) -> Vec<Bucket> {
        let bare = |name: &str| name.strip_prefix("*.").unwrap_or(name).to_owned();
        let names: BTreeSet<String> = names.iter().map(|name| bare(name)).collect();
        let known = self.look.iter().any(|b| names.contains(&b.subject));
        // A CA that names none of ours leaves us with all of them: too many rather than too few.
        let failed = self.look.iter().filter(|b| !known || names.contains(&b.subject));
        failed.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::provider::Providers;
    use super::*;

    fn order(names: &[&str]) -> OrderBuckets {
        let providers = Providers::default();
        let names = NameSet::parse(names).unwrap();
        of_order(
            providers.by_name("letsencrypt").unwrap(),
            AccountId::new(7),
            &names,
        )
    }

    fn subjects(buckets: &[Bucket]) -> Vec<&str> {
        buckets.iter().map(|b| b.subject.as_str()).collect()
    }

    #[test]
    fn an_order_takes_from_account_set_and_registered_domains() {
        let buckets = order(&["*.shop.example.co.uk", "shop.example.co.uk", "www.example.com"]);
        assert_eq!(
            subjects(&buckets.spend),
            ["account 7", "these names", "example.co.uk", "example.com"]
        );
        assert_eq!(subjects(&buckets.look), ["shop.example.co.uk", "www.example.com"]);
        let turned = order(&["www.example.com", "shop.example.co.uk", "*.shop.example.co.uk"]);
        assert_eq!(turned, buckets, "the order of names does not matter");
        assert_eq!(
            buckets.spend[3].to_string(),
            "50 certificates in 7 days for example.com"
        );
        assert_eq!(
            buckets.look[0].to_string(),
            "5 failed authorizations in 1 hour for shop.example.co.uk"
        );
        assert_eq!(
            buckets.spend[0].to_string(),
            "300 new orders in 3 hours for account 7"
        );
    }

    #[test]
    fn the_words_of_a_ca_close_what_they_mean() {
        let buckets = order(&["a.example.com", "b.example.org"]);
        let closed = |detail: &str| {
            let blames = buckets.blamed(detail);
            blames
                .iter()
                .map(|b| b.bucket.subject.clone())
                .collect::<Vec<_>>()
        };
        for (detail, expected) in [
            (
                "too many new orders (300) from this account in the last 3h0m0s",
                vec!["account 7"],
            ),
            (
                "too many certificates (50) already issued for \"example.com\" in the last 168h0m0s",
                vec!["example.com"],
            ),
            (
                "too many certificates (5) already issued for this exact set of identifiers",
                vec!["these names"],
            ),
            (
                "too many failed authorizations (5) for \"b.example.org\" in the last 1h0m0s",
                vec!["b.example.org"],
            ),
            (
                "too many certificates already issued",
                vec!["example.com", "example.org"],
            ),
            ("quota exceeded", vec!["these names", "account 7"]),
        ] {
            assert_eq!(closed(detail), expected, "{detail}");
        }
        let uncounted = OrderBuckets {
            look: vec![],
            ..buckets.clone()
        };
        assert_eq!(
            uncounted.blamed("too many failed authorizations").len(),
            2,
            "as if not understood"
        );
        let unknown = buckets.blamed("quota exceeded");
        assert_eq!(unknown[1].at_most, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn failed_names_are_found_with_and_without_a_star() {
        let buckets = order(&["*.example.com", "b.example.org"]);
        assert_eq!(subjects(&buckets.failed(&["*.example.com"])), ["example.com"]);
        assert_eq!(subjects(&buckets.failed(&[])), ["b.example.org", "example.com"]);
    }
}
