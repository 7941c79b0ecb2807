//! Who owns which TXT value, and how the zone follows.
//!
//! The ledger (store) says what we want; the zone is changed by atomic compare-and-swap per RRset (DELETE of what
//! stands, CREATE of what should stand). Usually nothing needs reading: what stands is what the ledger says we
//! wrote. If another writer was there, the batch fails as a whole; then what stands is read, and the change is
//! made anew with every value that is not ours kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream};

use super::{Clock, DnsError, DnsZones, MAX_CHANGES, MAX_CHARS, TxtChange, TxtRrset, Zone};
use crate::{
    domain::{DesiredState, Fqdn, RequestId, TXT_TTL, Timestamp, TxtRecord, TxtStatus},
    store::{ChallengeStore, StoreError},
};

/// Reads in flight at once. Route53 allows five calls a second for the whole AWS account.
const READS: usize = 4;
/// Rounds against another writer before the change is left for later.
const ROUNDS: usize = 4;
/// A change is sent this soon after the ledger was read for it, or the ledger is read again. A process that stood
/// still in between does not know what has become of the values that it was about to write. Long enough to read four
/// hundred RRsets at Route53's five calls a second.
const FRESH: Duration = Duration::from_secs(120);

/// What became of one RRset.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its zone.
    pub zone: Zone,
    /// Its name.
    pub fqdn: Fqdn,
    /// The change, or `None` if it stood as wanted.
    pub result: Result<Option<String>, DnsError>,
}

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
fn believed(ours: &[TxtRecord]) -> Option<TxtRrset> {
    let mut values: Vec<String> = ours
        .iter()
        .filter(|r| r.status == TxtStatus::Active)
        .map(|r| quoted(&r.value))
        .collect();
    values.sort();
    (!values.is_empty()).then_some(TxtRrset { ttl: TXT_TTL, values })
}

/// Whether only the zone can tell what stands: a value whose writing was begun and never confirmed, and which
/// nobody wants now. (One that is still wanted makes the change fail if it stands, and is read then.)
fn uncertain(ours: &[TxtRecord], now: Timestamp) -> bool {
    ours.iter()
        .any(|r| r.status == TxtStatus::Pending && !is_wanted(r, now))
}

/// One RRset on its way.
#[derive(Clone)]
struct Item {
    fqdn: Fqdn,
    ours: Vec<TxtRecord>,
    before: Option<TxtRrset>,
    after: Option<TxtRrset>,
    /// When its reading began.
    read_at: Timestamp,
}

impl Item {
    fn new(
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
        }
    }

    fn change(&self) -> Option<TxtChange> {
        (self.before != self.after).then(|| TxtChange {
            fqdn: self.fqdn.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
        })
    }

    /// What it takes of Route53's limits for one request.
    fn size(&self) -> (usize, usize) {
        let both = || self.before.iter().chain(&self.after).flat_map(|s| &s.values);
        (both().count(), both().map(String::len).sum())
    }
}

/// The ledger and the zones it speaks of.
#[derive(Clone)]
pub struct Ledger {
    zones: Arc<dyn DnsZones>,
    store: Arc<dyn ChallengeStore>,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// A ledger over a store and zones.
    #[must_use]
    pub fn new(zones: Arc<dyn DnsZones>, store: Arc<dyn ChallengeStore>, clock: Arc<dyn Clock>) -> Self {
        Self { zones, store, clock }
    }

    /// Writes intents: these values should stand for `owner` until `lease_until`. No zone changes yet.
    ///
    /// # Errors
    /// If the store does not take them; then none may be published.
    pub async fn want(
        &self,
        owner: RequestId,
        values: &[(Fqdn, String)],
        zone: &Zone,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let records: Vec<TxtRecord> = values
            .iter()
            .map(|(fqdn, value)| TxtRecord {
                fqdn: fqdn.clone(),
                value: value.clone(),
                zone_id: zone.id.clone(),
                zone: zone.name.clone(),
                owner_id: owner,
                desired_state: DesiredState::Present,
                status: TxtStatus::Pending,
                expires_at: lease_until,
                created_at: now,
                updated_at: now,
            })
            .collect();
        self.store.put_txt(&records).await
    }

    /// Marks all values of `owner` as unwanted and says which RRsets that concerns. No zone changes yet.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn release(&self, owner: RequestId) -> Result<Vec<(Zone, Fqdn)>, StoreError> {
        let now = self.clock.now();
        let records: Vec<TxtRecord> = self
            .store
            .txt_of_request(owner)
            .await?
            .into_iter()
            .map(|r| TxtRecord {
                desired_state: DesiredState::Absent,
                updated_at: now,
                ..r
            })
            .collect();
        self.store.put_txt(&records).await?;
        Ok(records
            .into_iter()
            .map(|r| {
                (
                    Zone {
                        id: r.zone_id,
                        name: r.zone,
                    },
                    r.fqdn,
                )
            })
            .collect())
    }

    /// Brings RRsets to what the ledger wants: one change batch a zone, split only at Route53's limits. Values are
    /// added for `owners` only, whose leases the caller holds.
    pub async fn apply(&self, places: Vec<(Zone, Fqdn)>, owners: &BTreeSet<RequestId>) -> Vec<Outcome> {
        let mut by_zone: BTreeMap<Zone, Vec<Fqdn>> = BTreeMap::new();
        for (zone, fqdn) in places {
            let names = by_zone.entry(zone).or_default();
            if !names.contains(&fqdn) {
                names.push(fqdn);
            }
        }
        let work = by_zone
            .into_iter()
            .map(|(zone, names)| self.apply_zone(zone, names, owners));
        stream::iter(work)
            .buffer_unordered(READS)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn apply_zone(&self, zone: Zone, names: Vec<Fqdn>, owners: &BTreeSet<RequestId>) -> Vec<Outcome> {
        let now = self.clock.now();
        let reads = names.into_iter().map(|fqdn| async move {
            let ours = self.store.txt_rrset(&fqdn).await;
            (fqdn, ours)
        });
        let read: Vec<(Fqdn, Result<Vec<TxtRecord>, StoreError>)> =
            stream::iter(reads).buffer_unordered(16).collect().await;
        let mut outcomes = Vec::new();
        let mut items = Vec::new();
        for (fqdn, ours) in read {
            match ours {
                Ok(ours) => {
                    let before = believed(&ours);
                    items.push(Item::new(fqdn, ours, owners, before, now));
                }
                Err(error) => outcomes.push(Outcome {
                    zone: zone.clone(),
                    fqdn,
                    result: Err(DnsError::Unavailable {
                        operation: "ledger",
                        message: error.to_string(),
                    }),
                }),
            }
        }
        let (unclear, mut clear): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| uncertain(&item.ours, now));
        let names: Vec<Fqdn> = unclear.iter().map(|item| item.fqdn.clone()).collect();
        match self.reread(&zone, unclear.clone(), owners).await {
            Ok(read) => clear.extend(read),
            // Nothing stands in a zone that is gone; the change, if one is left, says so.
            Err(DnsError::NoSuchZone { .. }) => clear.extend(unclear),
            Err(error) => outcomes.extend(names.into_iter().map(|fqdn| Outcome {
                zone: zone.clone(),
                fqdn,
                result: Err(error.clone()),
            })),
        }
        for batch in batches(clear) {
            outcomes.extend(self.send(&zone, batch, owners).await);
        }
        outcomes
    }

    /// Sends a batch; against another writer it reads what stands and tries again; a batch that stays refused is
    /// halved until the bad RRset stands alone.
    async fn send(&self, zone: &Zone, batch: Vec<Item>, owners: &BTreeSet<RequestId>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut queue = vec![batch];
        while let Some(mut batch) = queue.pop() {
            let mut result = self.change(zone, &batch).await;
            for _ in 1..ROUNDS {
                if !matches!(result, Err(DnsError::Mismatch { .. })) {
                    break;
                }
                result = match self.reread(zone, batch.clone(), owners).await {
                    Ok(fresh) => {
                        batch = fresh;
                        self.change(zone, &batch).await
                    }
                    Err(error) => Err(error),
                };
            }
            let one_is_bad = matches!(result, Err(DnsError::Mismatch { .. } | DnsError::Refused { .. }));
            if one_is_bad && batch.len() > 1 {
                queue.push(batch.split_off(batch.len() / 2));
                queue.push(batch);
                continue;
            }
            let result = match result {
                Err(DnsError::NoSuchZone { .. })
                    if batch
                        .iter()
                        .all(|i| wanted(None, &i.ours, owners, self.clock.now()).is_none()) =>
                {
                    tracing::warn!(zone = %zone.name, "zone is gone, and with it the values to clean up");
                    Ok(None)
                }
                result => result,
            };
            for item in batch {
                let result = match &result {
                    Ok(change) => self.confirm(&item).await.map(|()| change.clone()),
                    Err(error) => Err(error.clone()),
                };
                outcomes.push(Outcome {
                    zone: zone.clone(),
                    fqdn: item.fqdn,
                    result,
                });
            }
        }
        outcomes
    }

    async fn change(&self, zone: &Zone, batch: &[Item]) -> Result<Option<String>, DnsError> {
        let changes: Vec<TxtChange> = batch.iter().filter_map(Item::change).collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        if batch.iter().any(|item| now.since(item.read_at) > FRESH) {
            return Err(DnsError::Mismatch {
                zone: zone.name.to_string(),
            });
        }
        let change = self.zones.change_txt(zone, &changes).await?;
        let (added, removed) = values_moved(&changes);
        tracing::info!(zone = %zone.name, change, rrsets = changes.len(), added, removed, "zone changed");
        Ok(Some(change))
    }

    async fn reread(
        &self,
        zone: &Zone,
        batch: Vec<Item>,
        owners: &BTreeSet<RequestId>,
    ) -> Result<Vec<Item>, DnsError> {
        let now = self.clock.now();
        let reads = batch.into_iter().map(|item| async move {
            // The other writer may be one of ours: its intents count too. They are read first: a zone that was read
            // before says nothing of a value that came and was given up in between.
            let ours = self
                .store
                .txt_rrset(&item.fqdn)
                .await
                .map_err(|e| DnsError::Unavailable {
                    operation: "ledger",
                    message: e.to_string(),
                })?;
            let stands = self.zones.txt_rrset(zone, &item.fqdn).await?;
            Ok(Item::new(item.fqdn, ours, owners, stands.map(sorted), now))
        });
        stream::iter(reads)
            .buffer_unordered(READS)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect()
    }

    /// Writes down what the zone holds now. A crash before this is healed by the next change's mismatch. An absence
    /// closes the obligation only once the value cannot appear any more.
    async fn confirm(&self, item: &Item) -> Result<(), DnsError> {
        let now = self.clock.now();
        let status = |r: &TxtRecord| match &item.after {
            Some(set) if set.values.contains(&quoted(&r.value)) => TxtStatus::Active,
            _ if r.due_at().is_some_and(|due| due <= now) => TxtStatus::Removed,
            _ => r.status,
        };
        let seen: Vec<(TxtRecord, TxtStatus)> = item
            .ours
            .iter()
            .map(|r| (r.clone(), status(r)))
            .filter(|(r, new)| r.status != *new)
            .collect();
        self.store
            .confirm_txt(&seen, now)
            .await
            .map_err(|e| DnsError::Unavailable {
                operation: "ledger",
                message: e.to_string(),
            })
    }
}

/// Values that changes add and remove, for the log.
fn values_moved(changes: &[TxtChange]) -> (usize, usize) {
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
fn batches(items: Vec<Item>) -> Vec<Vec<Item>> {
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
