//! One sweep through the values that are to go: zone beside zone, so that one that is slow, or that we may not write, keeps
//! no other waiting.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream, stream::FuturesUnordered};

use super::report::Report;
use crate::{
    denials::Denials,
    dns::{Zone, ledger::Ledger},
    store::{ChallengeStore, StoreError},
};
use certmint_core::{
    challenge::{DesiredState, TxtRecord},
    clock::Clock,
    words::{Fqdn, Timestamp},
};

/// Values of one zone that are taken out together: a Route53 batch holds 1,000 records, two for each removal.
const ROUND: usize = 400;
/// Values written one by one at once.
const WRITES: usize = 16;
/// A zone in which nothing came of so many rounds in a row is left to the next run.
const IN_VAIN: usize = 3;

/// One run through all zones.
pub(super) struct Sweep<'a> {
    ledger: &'a Ledger,
    challenges: &'a dyn ChallengeStore,
    clock: &'a dyn Clock,
    denials: &'a Denials,
    stop_at: Timestamp,
}

/// What became of a zone's round.
struct Round {
    zone: String,
    cleaned: usize,
    /// RRsets that could not be changed: this run passes over them.
    failed: Vec<Fqdn>,
    error: Option<StoreError>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        challenges: &'a dyn ChallengeStore,
        clock: &'a dyn Clock,
        denials: &'a Denials,
        stop_at: Timestamp,
    ) -> Self {
        Self {
            ledger,
            challenges,
            clock,
            denials,
            stop_at,
        }
    }

    fn time_is_left(&self) -> bool {
        self.clock.now() < self.stop_at
    }

    /// Cleans these, and then whatever is due, until only what failed is left.
    pub(super) async fn run(&self, orphans: Vec<TxtRecord>, report: &mut Report) {
        let mut rounds = FuturesUnordered::new();
        let mut failed: BTreeSet<Fqdn> = BTreeSet::new();
        // Zones that are being cleaned, and those that are left to the next run.
        let mut passed_over: BTreeSet<String> = BTreeSet::new();
        let mut in_vain: BTreeMap<String, usize> = BTreeMap::new();
        let mut found = orphans;
        loop {
            for (zone, values) in by_zone(std::mem::take(&mut found)) {
                passed_over.insert(zone.clone());
                rounds.push(self.round(zone, values));
            }
            if self.time_is_left() {
                let limit = ROUND + failed.len();
                let due = self.challenges.due_txt(self.clock.now(), limit, &passed_over);
                match due.await {
                    Ok(due) => found = due.into_iter().filter(|r| !failed.contains(&r.fqdn)).collect(),
                    Err(error) => report.errors.note("due values", &error),
                }
                if !found.is_empty() {
                    continue;
                }
            }
            let Some(round) = rounds.next().await else { return };
            let tries = in_vain.entry(round.zone.clone()).or_default();
            *tries = if round.cleaned == 0 { *tries + 1 } else { 0 };
            if *tries < IN_VAIN {
                passed_over.remove(&round.zone);
            }
            report.cleaned += round.cleaned;
            report.failed += round.failed.len();
            failed.extend(round.failed);
            if let Some(error) = round.error {
                report.errors.note("values not wanted any more", &error);
            }
        }
    }

    /// Takes what is not wanted any more out of a zone, once the ledger says so.
    async fn round(&self, zone: String, due: Vec<TxtRecord>) -> Round {
        let mut round = Round {
            zone,
            cleaned: 0,
            failed: vec![],
            error: None,
        };
        let (wanted, mut unwanted): (Vec<TxtRecord>, Vec<TxtRecord>) = due
            .into_iter()
            .partition(|record| record.desired_state == DesiredState::Present);
        unwanted.extend(self.disown(wanted, &mut round).await);
        let places: BTreeSet<(Zone, Fqdn)> = unwanted
            .into_iter()
            .map(|record| {
                let (id, name) = (record.zone_id, record.zone);
                (Zone { id, name }, record.fqdn)
            })
            .collect();
        let places = places.into_iter().collect();
        // It adds nothing for anybody.
        for outcome in self.ledger.apply(places, &BTreeSet::new()).await {
            match outcome.result {
                Ok(_) => round.cleaned += 1,
                Err(error) => {
                    tracing::warn!(zone = %outcome.zone.name, fqdn = %outcome.fqdn, %error, "not cleaned");
                    self.denials.note(&error.into());
                    round.failed.push(outcome.fqdn);
                }
            }
        }
        round
    }

    /// Marks values as unwanted, and returns those for which the ledger took that: a value that it did not take stays in
    /// its zone.
    async fn disown(&self, records: Vec<TxtRecord>, round: &mut Round) -> Vec<TxtRecord> {
        let now = self.clock.now();
        let records: Vec<TxtRecord> = records
            .into_iter()
            .map(|record| TxtRecord {
                desired_state: DesiredState::Absent,
                updated_at: now,
                ..record
            })
            .collect();
        match self.challenges.put_txt(&records).await {
            Ok(()) => return records,
            // A request that was tried again wants one of them.
            Err(StoreError::LeaseLost(_)) => {}
            Err(error) => round.error = Some(error),
        }
        // One that cannot be written must not keep the others.
        let writes = records.into_iter().map(|record| async move {
            if !self.time_is_left() {
                return Some(Err(record));
            }
            match self.challenges.put_txt(std::slice::from_ref(&record)).await {
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
                Err(record) => round.failed.push(record.fqdn),
            }
        }
        disowned
    }
}

fn by_zone(values: Vec<TxtRecord>) -> BTreeMap<String, Vec<TxtRecord>> {
    let mut zones: BTreeMap<String, Vec<TxtRecord>> = BTreeMap::new();
    for value in values {
        zones.entry(value.zone_id.clone()).or_default().push(value);
    }
    zones
}
