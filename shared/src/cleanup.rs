//! dns-cleanup: takes TXT values out of their zones once their owner is done or their lease is over. It needs no
//! secret and no CA.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use futures::{StreamExt, stream};

use crate::{
    denials::Denials,
    dns::{DnsZones, Zone, ledger::Ledger},
    run_errors::RunErrors,
    store::{ChallengeStore, RequestStore, StoreError},
};
use certmint_core::{
    challenge::{DesiredState, TxtRecord},
    clock::Clock,
    words::{Fqdn, PageRequest, RequestId, Timestamp},
};

/// Values looked at in one round: a Route53 batch holds 1,000 records, two for each removal.
const ROUND: usize = 400;
/// Values written one by one at once.
const WRITES: usize = 16;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Values whose owner was found done although they were still wanted.
    pub orphaned: usize,
    /// RRsets brought to their wanted state.
    pub cleaned: usize,
    /// Values that were gone long ago and are no longer shown.
    pub forgotten: usize,
    /// RRsets that could not be changed now; the next run tries again.
    pub failed: usize,
    /// What of the ledger could not be read or written; the rest was cleaned in spite of that.
    #[serde(skip_serializing_if = "RunErrors::is_empty")]
    pub errors: RunErrors,
}

/// Removes what nobody needs any more.
pub struct Cleaner {
    challenges: Arc<dyn ChallengeStore>,
    requests: Arc<dyn RequestStore>,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    denials: Denials,
}

impl Cleaner {
    /// A cleaner of these zones over the ledger of values and the requests that own them.
    #[must_use]
    pub fn new(
        challenges: Arc<dyn ChallengeStore>,
        requests: Arc<dyn RequestStore>,
        zones: Arc<dyn DnsZones>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let ledger = Ledger::new(zones, challenges.clone(), clock.clone());
        Self {
            challenges,
            requests,
            clock,
            ledger,
            denials: Denials::default(),
        }
    }

    /// Cleans until nothing is due, only what failed is left, or `deadline` is near. Safe to run twice or beside a
    /// worker: the zone change is atomic per RRset and keeps every value that is wanted or not ours.
    pub async fn run(&self, deadline: Timestamp) -> Report {
        let stop_at = deadline.minus(std::time::Duration::from_secs(20));
        self.denials.begin();
        let mut run = Run {
            cleaner: self,
            stop_at,
            failed: BTreeSet::new(),
            report: Report::default(),
        };
        run.disown_finished().await;
        run.clean_due().await;
        run.forget().await;
        run.report
    }
}

/// One run.
struct Run<'a> {
    cleaner: &'a Cleaner,
    stop_at: Timestamp,
    /// RRsets that could not be changed: this run passes over them, so that they keep nobody waiting.
    failed: BTreeSet<Fqdn>,
    report: Report,
}

impl Run<'_> {
    fn time_is_left(&self) -> bool {
        self.cleaner.clock.now() < self.stop_at
    }

    async fn clean_due(&mut self) {
        let mut passed_over = 0;
        while self.time_is_left() {
            let limit = ROUND + passed_over;
            let due = self.cleaner.challenges.due_txt(self.cleaner.clock.now(), limit);
            let mut due = match due.await {
                Ok(due) => due,
                Err(error) => return self.report.errors.note("due values", &error),
            };
            let all = due.len();
            due.retain(|record| !self.failed.contains(&record.fqdn));
            passed_over = all - due.len();
            if due.is_empty() && all < limit {
                return;
            }
            self.clean(due).await;
        }
    }

    async fn forget(&mut self) {
        while self.time_is_left() {
            let now = self.cleaner.clock.now();
            match self.cleaner.challenges.forget_txt(now, ROUND).await {
                Ok(0) => return,
                Ok(forgotten) => self.report.forgotten += forgotten,
                Err(error) => return self.report.errors.note("values to forget", &error),
            }
        }
    }

    /// Takes what is not wanted any more out of the zones, once the ledger says so.
    async fn clean(&mut self, due: Vec<TxtRecord>) {
        let now = self.cleaner.clock.now();
        let (wanted, mut unwanted): (Vec<TxtRecord>, Vec<TxtRecord>) = due
            .into_iter()
            .partition(|record| record.desired_state == DesiredState::Present);
        unwanted.extend(self.disown(wanted, now).await);
        let places: BTreeSet<(Zone, Fqdn)> = unwanted
            .into_iter()
            .map(|record| {
                let (id, name) = (record.zone_id, record.zone);
                (Zone { id, name }, record.fqdn)
            })
            .collect();
        let places = places.into_iter().collect();
        // It adds nothing for anybody.
        for outcome in self.cleaner.ledger.apply(places, &BTreeSet::new()).await {
            match outcome.result {
                Ok(_) => self.report.cleaned += 1,
                Err(error) => {
                    tracing::warn!(zone = %outcome.zone.name, fqdn = %outcome.fqdn, %error, "not cleaned");
                    self.cleaner.denials.note(&error.into());
                    self.report.failed += 1;
                    self.failed.insert(outcome.fqdn);
                }
            }
        }
    }

    /// Marks values as unwanted, and returns those for which the ledger took that: a value that it did not take stays in
    /// its zone.
    async fn disown(&mut self, records: Vec<TxtRecord>, now: Timestamp) -> Vec<TxtRecord> {
        let records: Vec<TxtRecord> = records
            .into_iter()
            .map(|record| TxtRecord {
                desired_state: DesiredState::Absent,
                updated_at: now,
                ..record
            })
            .collect();
        let challenges = &self.cleaner.challenges;
        match challenges.put_txt(&records).await {
            Ok(()) => return records,
            // A request that was tried again wants one of them.
            Err(StoreError::LeaseLost(_)) => {}
            Err(error) => self.report.errors.note("values not wanted any more", &error),
        }
        // One that cannot be written must not keep the others.
        let (clock, stop_at) = (&self.cleaner.clock, self.stop_at);
        let writes = records.into_iter().map(|record| async move {
            if clock.now() >= stop_at {
                return Some(Err(record));
            }
            match challenges.put_txt(std::slice::from_ref(&record)).await {
                Ok(()) => Some(Ok(record)),
                Err(StoreError::LeaseLost(_)) => None,
                Err(error) => {
                    tracing::warn!(fqdn = %record.fqdn, %error, "still wanted in the ledger");
                    Some(Err(record))
                }
            }
        });
        let written: Vec<Option<Result<TxtRecord, TxtRecord>>> =
            stream::iter(writes).buffer_unordered(WRITES).collect().await;
        let mut disowned = Vec::new();
        for record in written.into_iter().flatten() {
            match record {
                Ok(record) => disowned.push(record),
                Err(record) => {
                    self.report.failed += 1;
                    self.failed.insert(record.fqdn);
                }
            }
        }
        disowned
    }

    /// Cleans values whose request ended or is gone: a worker that died between its last write and the zone change
    /// leaves such.
    async fn disown_finished(&mut self) {
        let mut orphans = Vec::new();
        let mut over: HashMap<RequestId, bool> = HashMap::new();
        for record in self.wanted().await {
            let owner = record.owner_id;
            let is_over = match over.get(&owner) {
                Some(known) => *known,
                None => self.is_over(owner).await,
            };
            over.insert(owner, is_over);
            if is_over {
                orphans.push(record);
            }
        }
        self.report.orphaned = orphans.len();
        self.clean(orphans).await;
    }

    /// All values that are wanted, as far as they can be read.
    async fn wanted(&mut self) -> Vec<TxtRecord> {
        let mut page = PageRequest {
            page_size: 100,
            ..PageRequest::default()
        };
        let mut wanted = Vec::new();
        loop {
            let challenges = &self.cleaner.challenges;
            match challenges.txt_records(Some(DesiredState::Present), &page).await {
                Ok(found) => {
                    wanted.extend(found.list);
                    page.cursor = found.next_cursor;
                }
                Err(error) => {
                    self.report.errors.note("wanted values", &error);
                    return wanted;
                }
            }
            if page.cursor.is_none() {
                return wanted;
            }
        }
    }

    /// An owner that cannot be read keeps its values until their lease is over.
    async fn is_over(&mut self, owner: RequestId) -> bool {
        match self.cleaner.requests.request(owner).await {
            Ok(request) => request.status.is_final(),
            Err(StoreError::NotFound { .. }) => true,
            Err(StoreError::Corrupt { .. }) => false,
            Err(error) => {
                self.report.errors.note("owners of values", &error);
                false
            }
        }
    }
}
