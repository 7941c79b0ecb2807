//! dns-cleanup: takes TXT values out of their zones once their owner is done or their lease is over. It needs no
//! secret and no CA.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    dns::{DnsZones, Zone, ledger::Ledger},
    store::{Store, StoreError},
};
use certmint_core::{
    challenge::{DesiredState, TxtRecord},
    clock::Clock,
    words::{Fqdn, PageRequest, RequestId, Timestamp},
};

/// Values looked at in one round: a Route53 batch holds 1,000 records, two for each removal.
const ROUND: usize = 400;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Values whose owner was found done although they were still wanted.
    pub orphaned: usize,
    /// RRsets brought to their wanted state.
    pub cleaned: usize,
    /// Values that were gone long ago and are no longer shown.
    pub forgotten: usize,
    /// RRsets that could not be changed now; the next run tries again.
    pub failed: usize,
}

/// Removes what nobody needs any more.
pub struct Cleaner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
}

impl Cleaner {
    /// A cleaner over the given store and zones.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, zones: Arc<dyn DnsZones>, clock: Arc<dyn Clock>) -> Self {
        let ledger = Ledger::new(zones, store.clone(), clock.clone());
        Self { store, clock, ledger }
    }

    /// Cleans until nothing is due, a round fails, or `deadline` is near. Safe to run twice or beside a worker: the
    /// zone change is atomic per RRset and keeps every value that is wanted or not ours.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub async fn run(&self, deadline: Timestamp) -> Result<Report, StoreError> {
        let stop_at = deadline.minus(std::time::Duration::from_secs(20));
        let orphans = self.disown_finished().await?;
        let mut report = Report {
            orphaned: orphans.len(),
            ..Report::default()
        };
        self.clean(orphans, &mut report).await?;
        while self.clock.now() < stop_at {
            let due = self.store.due_txt(self.clock.now(), ROUND).await?;
            if due.is_empty() {
                break;
            }
            let cleaned = self.clean(due, &mut report).await?;
            if cleaned == 0 {
                break;
            }
        }
        while self.clock.now() < stop_at {
            let forgotten = self.store.forget_txt(self.clock.now(), ROUND).await?;
            report.forgotten += forgotten;
            if forgotten == 0 {
                break;
            }
        }
        Ok(report)
    }

    async fn clean(&self, due: Vec<TxtRecord>, report: &mut Report) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut places: BTreeMap<Fqdn, Zone> = BTreeMap::new();
        let mut unwanted = Vec::new();
        for record in due {
            places.insert(
                record.fqdn.clone(),
                Zone {
                    id: record.zone_id.clone(),
                    name: record.zone.clone(),
                },
            );
            if record.desired_state == DesiredState::Present {
                unwanted.push(TxtRecord {
                    desired_state: DesiredState::Absent,
                    updated_at: now,
                    ..record
                });
            }
        }
        self.store.put_txt(&unwanted).await?;
        let places = places.into_iter().map(|(fqdn, zone)| (zone, fqdn)).collect();
        // It adds nothing for anybody.
        let outcomes = self.ledger.apply(places, &BTreeSet::new()).await;
        let mut cleaned = 0;
        for outcome in &outcomes {
            match &outcome.result {
                Ok(_) => cleaned += 1,
                Err(error) => {
                    report.failed += 1;
                    tracing::warn!(zone = %outcome.zone.name, fqdn = %outcome.fqdn, %error, "not cleaned");
                }
            }
        }
        report.cleaned += cleaned;
        Ok(cleaned)
    }

    /// Marks values as unwanted whose request ended or is gone: a worker that died between its last write and the
    /// zone change leaves such.
    async fn disown_finished(&self) -> Result<Vec<TxtRecord>, StoreError> {
        let mut page = PageRequest {
            page_size: 100,
            ..PageRequest::default()
        };
        let mut present = Vec::new();
        loop {
            let found = self.store.txt_records(Some(DesiredState::Present), &page).await?;
            present.extend(found.list);
            page.cursor = found.next_cursor;
            if page.cursor.is_none() {
                break;
            }
        }
        let mut done: HashMap<RequestId, bool> = HashMap::new();
        let mut orphans = Vec::new();
        for record in present {
            let over = match done.get(&record.owner_id) {
                Some(over) => *over,
                None => match self.store.request(record.owner_id).await {
                    Ok(request) => request.status.is_final(),
                    Err(StoreError::NotFound { .. }) => true,
                    // An owner that cannot be read keeps its values until their lease is over.
                    Err(StoreError::Corrupt { .. }) => false,
                    Err(error) => return Err(error),
                },
            };
            done.insert(record.owner_id, over);
            if over {
                let now = self.clock.now();
                orphans.push(TxtRecord {
                    desired_state: DesiredState::Absent,
                    updated_at: now,
                    ..record
                });
            }
        }
        self.store.put_txt(&orphans).await?;
        Ok(orphans)
    }
}
