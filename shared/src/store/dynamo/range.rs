//! What is read together: a part of one partition, of the table or of an index.

use certmint_core::{
    challenge::DesiredState,
    issuance::RequestStatus,
    words::{AccountId, CertificateId, DomainName, Fqdn, ProviderId, RequestId, Timestamp},
};

use super::keys::{self, Index, List, Work, pad, pad_any};

/// Above every sort key that starts with a printable character.
const END: &str = "\u{10FFFF}";

/// A range of sort keys.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) index: Index,
    pub(super) partition: String,
    /// Lowest and highest sort key, both included.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) forward: bool,
}

impl Range {
    fn all(index: Index, partition: String) -> Self {
        Self {
            index,
            partition,
            from: "!".into(),
            to: END.into(),
            forward: true,
        }
    }

    /// From its end.
    pub(super) fn newest(self) -> Self {
        Self {
            forward: false,
            ..self
        }
    }

    /// Only ids below this one.
    pub(super) fn below(self, id: u64) -> Self {
        Self {
            to: pad(id.saturating_sub(1)),
            ..self
        }
    }

    /// Only ids above this one.
    pub(super) fn above(self, id: u64) -> Self {
        Self {
            from: pad(id.saturating_add(1)),
            ..self
        }
    }

    fn starting(self, with: &str) -> Self {
        Self {
            from: with.to_owned(),
            to: format!("{with}{END}"),
            ..self
        }
    }

    pub(super) fn list(list: &List) -> Self {
        Self::all(Index::List, list.as_str().to_owned())
    }

    pub(super) fn requests_of(account: AccountId, status: RequestStatus) -> Self {
        Self::all(Index::Owner, keys::requests_of(account, status))
    }

    pub(super) fn count(list: &List) -> Self {
        Self::all(Index::Table, list.counter(0).pk)
    }

    pub(super) fn defaults() -> Self {
        Self::all(Index::Table, keys::default_account(ProviderId::new(0)).pk)
    }

    pub(super) fn providers() -> Self {
        Self::all(Index::Table, keys::provider(ProviderId::new(0)).pk)
    }

    pub(super) fn workers() -> Self {
        Self::all(Index::Table, keys::worker("").pk)
    }

    /// A certificate and all that hangs on it.
    pub(super) fn of_certificate(id: CertificateId) -> Self {
        Self::all(Index::Table, keys::certificate(id).pk)
    }

    pub(super) fn versions(id: CertificateId) -> Self {
        Self::of_certificate(id).starting(keys::VERSION)
    }

    /// Versions with a lower number.
    pub(super) fn versions_below(id: CertificateId, number: u64) -> Self {
        Self {
            to: keys::version(id, number.saturating_sub(1)).sk,
            ..Self::versions(id).newest()
        }
    }

    pub(super) fn same_names(names: &[DomainName]) -> Self {
        Self::all(Index::Table, keys::same_names(names, CertificateId::new(0)).pk)
    }

    pub(super) fn named(name: &DomainName) -> Self {
        Self::all(Index::Table, keys::named(name.as_str()))
    }

    /// Bindings with this status; of one certificate or of all; after a place.
    pub(super) fn bindings(
        active: bool,
        of: Option<CertificateId>,
        after: Option<(CertificateId, u64)>,
    ) -> Self {
        let all = Self::list(&List::bindings(active));
        let range = match of {
            Some(id) => all.starting(&format!("{}#", pad(id.get()))),
            None => all,
        };
        let from = after.map(|(id, website)| {
            let next = website.saturating_add(1);
            format!("{}#{}", pad(id.get()), pad_any(next))
        });
        Self {
            from: range.from.clone().max(from.unwrap_or_default()),
            ..range
        }
    }

    pub(super) fn rrset(fqdn: &Fqdn) -> Self {
        Self::all(Index::Table, keys::txt(fqdn, "", RequestId::new(0), "").pk)
    }

    pub(super) fn txt_of(request: RequestId) -> Self {
        Self::all(Index::Owner, keys::values_of(request))
    }

    /// The values of a list, the newest first, from a place on.
    pub(super) fn txt(desired: DesiredState, to: Option<&str>) -> Self {
        let all = Self::list(&List::txt(desired)).newest();
        Self {
            to: to.map_or_else(|| all.to.clone(), str::to_owned),
            ..all
        }
    }

    /// Certificates that end before a moment, behind a place in the order of ends.
    pub(super) fn ending(until: Timestamp, after: Option<&str>) -> Vec<Self> {
        // Nothing lies between.
        let from = after.map(|place| format!("{place}!"));
        let shard = |spread| {
            let all = Self::all(Index::List, keys::ends(spread));
            Self {
                from: from.clone().unwrap_or(all.from),
                to: until.sort_key(),
                ..all
            }
        };
        (0..keys::SHARDS).map(shard).collect()
    }

    pub(super) fn due(work: Work, now: Timestamp) -> Vec<Self> {
        let due = |partition| Self {
            to: now.sort_key(),
            ..Self::all(Index::Work, partition)
        };
        work.partitions().into_iter().map(due).collect()
    }
}
