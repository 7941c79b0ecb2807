//! dns-cleanup: takes TXT values out of their zones once their owner is done or their lease is over. It needs no
//! secret and no CA.

mod report;
mod sweep;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};

pub use self::report::Report;
use self::sweep::Sweep;
use crate::{
    denials::Denials,
    dns::{DnsZones, ledger::Ledger},
    store::{ChallengeStore, RequestStore, StoreError},
};
use certmint_core::{
    challenge::{DesiredState, TxtRecord},
    clock::Clock,
    words::{PageRequest, RequestId, Timestamp},
};

/// Values that are forgotten in one round.
const ROUND: usize = 400;
/// Owners that are read at once.
const READS: usize = 16;
/// Nothing is begun so long before the end: enough for one call and the last writes.
const MARGIN: Duration = Duration::from_secs(20);

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
        let stop_at = deadline.minus(MARGIN);
        self.denials.begin();
        let mut run = Run {
            cleaner: self,
            report: Report::default(),
        };
        // What is due has the greater part of the time.
        let now = self.clock.now();
        let orphans = run.orphans(now.plus(stop_at.since(now) / 4)).await;
        run.report.orphaned = orphans.len();
        let sweep = Sweep::new(
            &self.ledger,
            &*self.challenges,
            &*self.clock,
            &self.denials,
            stop_at,
        );
        sweep.run(orphans, &mut run.report).await;
        run.forget(stop_at).await;
        run.report
    }
}

/// One run.
struct Run<'a> {
    cleaner: &'a Cleaner,
    report: Report,
}

impl Run<'_> {
    async fn forget(&mut self, stop_at: Timestamp) {
        while self.cleaner.clock.now() < stop_at {
            let now = self.cleaner.clock.now();
            match self.cleaner.challenges.forget_txt(now, ROUND).await {
                Ok(0) => return,
                Ok(forgotten) => self.report.forgotten += forgotten,
                Err(error) => return self.report.errors.note("values to forget", &error),
            }
        }
    }

    /// Values whose request ended or is gone: a worker that died between its last write and the zone change leaves such.
    /// What is not looked at before `until` is found when its lease is over.
    async fn orphans(&mut self, until: Timestamp) -> Vec<TxtRecord> {
        let mut page = PageRequest {
            page_size: 100,
            ..PageRequest::default()
        };
        let mut orphans = Vec::new();
        let mut over: HashMap<RequestId, bool> = HashMap::new();
        while self.cleaner.clock.now() < until {
            let challenges = &self.cleaner.challenges;
            let found = match challenges.txt_records(Some(DesiredState::Present), &page).await {
                Ok(found) => found,
                Err(error) => {
                    self.report.errors.note("wanted values", &error);
                    break;
                }
            };
            self.look_at_owners(&found.list, &mut over).await;
            let is_over = |record: &TxtRecord| over.get(&record.owner_id) == Some(&true);
            orphans.extend(found.list.into_iter().filter(is_over));
            page.cursor = found.next_cursor;
            if page.cursor.is_none() {
                break;
            }
        }
        orphans
    }

    /// Whether the owners of these values are over. One that cannot be read keeps its values until their lease is over.
    async fn look_at_owners(&mut self, values: &[TxtRecord], over: &mut HashMap<RequestId, bool>) {
        let mut owners: Vec<RequestId> = values.iter().map(|record| record.owner_id).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.retain(|owner| !over.contains_key(owner));
        let requests = &self.cleaner.requests;
        let looks = owners
            .into_iter()
            .map(|owner| async move { (owner, requests.request(owner).await) });
        let looks: Vec<_> = stream::iter(looks).buffered(READS).collect().await;
        for (owner, look) in looks {
            let is_over = match look {
                Ok(request) => request.status.is_final(),
                Err(StoreError::NotFound { .. }) => true,
                Err(StoreError::Corrupt { .. }) => false,
                Err(error) => {
                    self.report.errors.note("owners of values", &error);
                    false
                }
            };
            over.insert(owner, is_over);
        }
    }
}
