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

use futures::{StreamExt, future::join_all, stream};

pub use super::rrset::{quoted, wanted};
use super::{
    DnsError, DnsZones, TxtChange, Zone,
    rrset::{Item, batches, believed, same_changes, uncertain, values_moved},
};
use crate::{
    lanes::Lanes,
    store::{StoreError, TxtLedger},
};
use certmint_core::{
    challenge::{DesiredState, TxtRecord, TxtStatus},
    clock::Clock,
    words::{Fqdn, RequestId, Timestamp},
};

/// Rounds against another writer before the change is left for later.
const ROUNDS: usize = 4;
/// Zones that are changed at once. Who waits for a zone that is slow waits for that one alone.
const ZONES: usize = 32;
/// A change is sent this soon after the ledger was read for it, or the ledger is read again. A process that stood
/// still in between does not know what has become of the values that it was about to write. Long enough to read four
/// hundred RRsets at Route53's five calls a second.
const FRESH: Duration = Duration::from_secs(120);

/// A request in a worker's hands, which wants values or gives them up.
#[derive(Clone, Copy, Debug)]
pub struct Wanting {
    /// The request.
    pub owner: RequestId,
    /// Its fence.
    pub fence: u64,
    /// A worker that had it is gone ([`Lease::was_left`](certmint_core::issuance::Lease)).
    pub was_left: bool,
}

impl Wanting {
    /// By this fence, and no worker that had the request is gone.
    #[must_use]
    pub const fn new(owner: RequestId, fence: u64) -> Self {
        Self {
            owner,
            fence,
            was_left: false,
        }
    }
}

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

/// The ledger and the zones it speaks of.
#[derive(Clone)]
pub struct Ledger {
    zones: Arc<dyn DnsZones>,
    store: Arc<dyn TxtLedger>,
    clock: Arc<dyn Clock>,
    /// One change of a zone at a time: Route53 refuses a second one.
    lanes: Arc<Lanes<Zone>>,
}

impl Ledger {
    /// A ledger over a store and zones.
    #[must_use]
    pub fn new(zones: Arc<dyn DnsZones>, store: Arc<dyn TxtLedger>, clock: Arc<dyn Clock>) -> Self {
        Self {
            zones,
            store,
            clock,
            lanes: Arc::new(Lanes::new(1, ZONES)),
        }
    }

    /// Writes intents: these values should stand for a request, by its fence, until `lease_until`. No zone changes yet.
    ///
    /// # Errors
    /// If the store does not take them; then none may be published.
    pub async fn want(
        &self,
        by: Wanting,
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
                owner_id: by.owner,
                fence: by.fence,
                unsettled: by.was_left,
                desired_state: DesiredState::Present,
                status: TxtStatus::Pending,
                expires_at: lease_until,
                created_at: now,
                updated_at: now,
            })
            .collect();
        self.store.put_txt(&records).await
    }

    /// Marks all values of a request, by its fence, as unwanted and says which RRsets that concerns. No zone changes yet.
    ///
    /// # Errors
    /// If the store cannot be read or written, or the lease is another's by now.
    pub async fn release(&self, by: Wanting) -> Result<Vec<(Zone, Fqdn)>, StoreError> {
        let now = self.clock.now();
        let records: Vec<TxtRecord> = self
            .store
            .txt_of_request(by.owner)
            .await?
            .into_iter()
            .map(|r| TxtRecord {
                desired_state: DesiredState::Absent,
                updated_at: now,
                fence: by.fence,
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
        let work = by_zone.into_iter().map(|(zone, names)| async move {
            let _turn = self.lanes.enter(&zone).await;
            self.apply_zone(zone, names, owners).await
        });
        join_all(work).await.into_iter().flatten().collect()
    }

    /// What we owe at a name in this zone: others may have the name, too.
    async fn owed(&self, zone: &Zone, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError> {
        let mut owed = self.store.txt_rrset(fqdn).await?;
        owed.retain(|record| record.zone_id == zone.id);
        Ok(owed)
    }

    async fn apply_zone(&self, zone: Zone, names: Vec<Fqdn>, owners: &BTreeSet<RequestId>) -> Vec<Outcome> {
        let now = self.clock.now();
        let here = &zone;
        let reads = names.into_iter().map(|fqdn| async move {
            let ours = self.owed(here, &fqdn).await;
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
                    result: Err(DnsError::Ledger(error)),
                }),
            }
        }
        let (unclear, mut clear): (Vec<Item>, Vec<Item>) = items
            .into_iter()
            .partition(|item| uncertain(&item.ours, now) || item.is_taken_on_trust(owners));
        let names: Vec<Fqdn> = unclear.iter().map(|item| item.fqdn.clone()).collect();
        match self.reread(&zone, unclear.clone(), owners).await {
            Ok(mut read) => {
                outcomes.extend(turned_away(&zone, &mut read));
                clear.extend(read);
            }
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
            let mut unchanged = 0;
            for _ in 1..ROUNDS {
                let Err(DnsError::Mismatch { message, .. }) = &result else {
                    break;
                };
                let mut read = self.reread(zone, batch.clone(), owners).await;
                if let Ok(fresh) = &mut read {
                    outcomes.extend(turned_away(zone, fresh));
                }
                result = match read {
                    // Twice what stands is what we thought: no other writer was there, Route53 means something else.
                    Ok(fresh) if unchanged == 1 && same_changes(&fresh, &batch) => {
                        result = Err(refused(message));
                        break;
                    }
                    Ok(fresh) => {
                        unchanged += usize::from(!self.is_stale(&batch) && same_changes(&fresh, &batch));
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
        if self.is_stale(batch) {
            return Err(DnsError::Mismatch {
                zone: zone.name.to_string(),
                message: "it was read too long ago".into(),
            });
        }
        let change = self.zones.change_txt(zone, &changes).await?;
        let (added, removed) = values_moved(&changes);
        tracing::info!(zone = %zone.name, change, rrsets = changes.len(), added, removed, "zone changed");
        Ok(Some(change))
    }

    fn is_stale(&self, batch: &[Item]) -> bool {
        let now = self.clock.now();
        batch.iter().any(|item| now.since(item.read_at) > FRESH)
    }

    async fn reread(
        &self,
        zone: &Zone,
        batch: Vec<Item>,
        owners: &BTreeSet<RequestId>,
    ) -> Result<Vec<Item>, DnsError> {
        let now = self.clock.now();
        // The other writer may be one of ours: its intents count too. They are read first: a zone that was read before
        // says nothing of a value that came and was given up in between.
        let intents = batch.into_iter().map(|item| async move {
            let ours = self.owed(zone, &item.fqdn).await;
            ours.map(|ours| (item.fqdn, ours)).map_err(DnsError::Ledger)
        });
        let intents: Vec<Result<(Fqdn, Vec<TxtRecord>), DnsError>> =
            stream::iter(intents).buffered(16).collect().await;
        let intents = intents.into_iter().collect::<Result<Vec<_>, _>>()?;
        let names: Vec<Fqdn> = intents.iter().map(|(fqdn, _)| fqdn.clone()).collect();
        let mut stand = self.zones.at_names(zone, &names).await?;
        let item = |(fqdn, ours): (Fqdn, Vec<TxtRecord>)| {
            let stands = stand.remove(&fqdn).unwrap_or_default();
            Item::read(zone, fqdn, ours, owners, stands, now)
        };
        Ok(intents.into_iter().map(item).collect())
    }

    /// Writes down what the zone holds now. A crash before this is healed by the next change's mismatch. An absence
    /// closes the obligation only once the value cannot appear any more. That a value of several requests, or of
    /// several workers, stands does not say whose change has arrived, so it confirms none of them.
    async fn confirm(&self, item: &Item) -> Result<(), DnsError> {
        let now = self.clock.now();
        let stands = |r: &TxtRecord| {
            let after = item.after.as_ref();
            after.is_some_and(|set| set.values.contains(&quoted(&r.value)))
        };
        let is_shared = |r: &TxtRecord| item.ours.iter().filter(|o| o.value == r.value).count() > 1;
        let status = |r: &TxtRecord| match r.desired_state {
            DesiredState::Present if stands(r) && (is_shared(r) || r.unsettled) => r.status,
            DesiredState::Present if stands(r) => TxtStatus::Active,
            _ if r.due_at().is_some_and(|due| due <= now) => TxtStatus::Removed,
            _ => r.status,
        };
        let seen: Vec<(TxtRecord, TxtStatus)> = item
            .ours
            .iter()
            .map(|r| (r.clone(), status(r)))
            .filter(|(r, new)| r.status != *new)
            .collect();
        self.store.confirm_txt(&seen, now).await.map_err(DnsError::Ledger)
    }
}

fn refused(message: &str) -> DnsError {
    DnsError::Refused {
        operation: "ChangeResourceRecordSets",
        message: message.to_owned(),
    }
}

/// Takes out those whose place is another's.
fn turned_away(zone: &Zone, batch: &mut Vec<Item>) -> Vec<Outcome> {
    let mut refused = Vec::new();
    batch.retain(|item| {
        let refusal = item.is_refused();
        refused.extend(refusal.clone().map(|error| Outcome {
            zone: zone.clone(),
            fqdn: item.fqdn.clone(),
            result: Err(error),
        }));
        refusal.is_none()
    });
    refused
}
