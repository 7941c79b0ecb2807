//! One RRset as it stands and as it should stand. Pure.

use std::collections::BTreeSet;

use super::{AtName, DnsError, MAX_CHANGES, MAX_CHARS, TxtChange, TxtRrset, Zone};
use certmint_core::{
    challenge::{DesiredState, TXT_TTL, TxtRecord, TxtStatus},
    words::{Fqdn, RequestId, Timestamp},
};

/// A value as TXT record data: in quotes, with quotes and backslashes escaped (RFC 1035 §5.1).
#[must_use]
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_wanted(record: &TxtRecord, now: Timestamp) -> bool {
    record.desired_state == DesiredState::Present && record.expires_at > now
}

/// The RRset as it should stand: what stands, less our values that nobody wants, and the wanted values of `owners`.
/// A wanted value of another owner is kept if it stands; only who works on its request adds it, so that nobody adds a
/// value which its owner gives up meanwhile. Values that are not ours stay, with their TTL.
#[must_use]
pub fn wanted(
    stands: Option<&TxtRrset>,
    ours: &[TxtRecord],
    owners: &BTreeSet<RequestId>,
    now: Timestamp,
) -> Option<TxtRrset> {
    let mine: Vec<String> = ours.iter().map(|r| quoted(&r.value)).collect();
    let kept = stands.map(|s| s.values.as_slice()).unwrap_or_default();
    let mut values: Vec<String> = kept.iter().filter(|v| !mine.contains(v)).cloned().collect();
    let foreign = !values.is_empty();
    for record in ours.iter().filter(|r| is_wanted(r, now)) {
        let value = quoted(&record.value);
        if !values.contains(&value) && (kept.contains(&value) || owners.contains(&record.owner_id)) {
            values.push(value);
        }
    }
    values.sort();
    let ttl = stands.filter(|_| foreign).map_or(TXT_TTL, |s| s.ttl);
    (!values.is_empty()).then_some(TxtRrset { ttl, values })
}

/// What the ledger believes to stand: the values that we know we wrote.
pub(super) fn believed(ours: &[TxtRecord]) -> Option<TxtRrset> {
    let written = ours.iter().filter(|r| r.status == TxtStatus::Active);
    let values: BTreeSet<String> = written.map(|r| quoted(&r.value)).collect();
    let values = Vec::from_iter(values);
    (!values.is_empty()).then_some(TxtRrset { ttl: TXT_TTL, values })
}

/// Whether only the zone can tell what stands: a value whose writing was begun and never confirmed, and which
/// nobody wants now. (One that is still wanted makes the change fail if it stands, and is read then.)
pub(super) fn uncertain(ours: &[TxtRecord], now: Timestamp) -> bool {
    ours.iter()
        .any(|r| r.status == TxtStatus::Pending && !is_wanted(r, now))
}

/// One RRset on its way.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) fqdn: Fqdn,
    pub(super) ours: Vec<TxtRecord>,
    pub(super) before: Option<TxtRrset>,
    pub(super) after: Option<TxtRrset>,
    /// When its reading began.
    pub(super) read_at: Timestamp,
    /// What stands in the way of a further value, as far as the zone was read.
    pub(super) refusal: Option<DnsError>,
}

impl Item {
    pub(super) fn new(
        fqdn: Fqdn,
        ours: Vec<TxtRecord>,
        owners: &BTreeSet<RequestId>,
        before: Option<TxtRrset>,
        now: Timestamp,
    ) -> Self {
        let after = wanted(before.as_ref(), &ours, owners, now);
        Self {
            fqdn,
            ours,
            before,
            after,
            read_at: now,
            refusal: None,
        }
    }

    /// The same as it stands in the zone.
    pub(super) fn read(
        zone: &Zone,
        fqdn: Fqdn,
        ours: Vec<TxtRecord>,
        owners: &BTreeSet<RequestId>,
        stands: AtName,
        now: Timestamp,
    ) -> Self {
        let refusal = stands.refusal(zone, &fqdn);
        let before = stands.txt.map(sorted);
        Self {
            refusal,
            ..Self::new(fqdn, ours, owners, before, now)
        }
    }

    /// What keeps it from being written; a value that goes is in nobody's way.
    pub(super) fn is_refused(&self) -> Option<DnsError> {
        let stood = self
            .before
            .as_ref()
            .map(|set| set.values.as_slice())
            .unwrap_or_default();
        let mut added = self
            .after
            .iter()
            .flat_map(|set| &set.values)
            .filter(|v| !stood.contains(v));
        self.refusal.clone().filter(|_| added.next().is_some())
    }

    pub(super) fn change(&self) -> Option<TxtChange> {
        (self.before != self.after).then(|| TxtChange {
            fqdn: self.fqdn.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
        })
    }

    /// Whether a value is to be published of which only the ledger says that it stands: an earlier try wrote it, and
    /// another tool may have taken it out since.
    pub(super) fn is_taken_on_trust(&self, owners: &BTreeSet<RequestId>) -> bool {
        let published =
            |r: &TxtRecord| r.desired_state == DesiredState::Present && owners.contains(&r.owner_id);
        self.change().is_none() && self.ours.iter().any(published)
    }

    /// What it takes of Route53's limits for one request.
    fn size(&self) -> (usize, usize) {
        let both = || self.before.iter().chain(&self.after).flat_map(|s| &s.values);
        (both().count(), both().map(String::len).sum())
    }
}

/// Whether two readings of a batch, in the same order, ask for the same changes.
pub(super) fn same_changes(a: &[Item], b: &[Item]) -> bool {
    a.iter().map(Item::change).eq(b.iter().map(Item::change))
}

/// Values that changes add and remove, for the log.
pub(super) fn values_moved(changes: &[TxtChange]) -> (usize, usize) {
    let values = |set: &Option<TxtRrset>| set.as_ref().map(|s| s.values.clone()).unwrap_or_default();
    changes.iter().fold((0, 0), |(added, removed), change| {
        let (before, after) = (values(&change.before), values(&change.after));
        let gone = before.iter().filter(|v| !after.contains(v)).count();
        let new = after.iter().filter(|v| !before.contains(v)).count();
        (added + new, removed + gone)
    })
}

fn sorted(mut rrset: TxtRrset) -> TxtRrset {
    rrset.values.sort();
    rrset
}

/// Splits at Route53's limits for one request.
pub(super) fn batches(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut batches: Vec<Vec<Item>> = Vec::new();
    let (mut records, mut chars) = (0, 0);
    for item in items {
        let (r, c) = item.size();
        if batches.is_empty() || records + r > MAX_CHANGES || chars + c > MAX_CHARS {
            batches.push(Vec::new());
            (records, chars) = (0, 0);
        }
        records += r;
        chars += c;
        if let Some(last) = batches.last_mut() {
            last.push(item);
        }
    }
    batches
}
