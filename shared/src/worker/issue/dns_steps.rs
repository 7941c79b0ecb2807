//! The DNS work of all issuances of a wave together: one change batch a zone, one look at each change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use futures::{StreamExt, stream};

use super::{
    failures::Failures,
    job::Job,
    pace::Pace,
    places::{Place, Places},
};
use crate::{
    dns::{
        DnsError, DnsZones, Zone,
        ledger::{Ledger, Outcome},
    },
    store::RequestStore,
    worker::settings::WorkerSettings,
};
use certmint_core::{
    clock::Clock,
    issuance::{Challenge, Event, ZoneEffect},
    words::{Failure, Fqdn, Timestamp},
};

/// What became of a job's values.
enum Intent {
    /// They are in the ledger; these RRsets are to follow.
    Written(Vec<(Zone, Fqdn)>),
    /// They go with the next batch of their zones.
    NotBefore(Timestamp),
}

/// Works in our zones.
pub(super) struct DnsSteps {
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) ledger: Ledger,
    pub(super) zones: Arc<dyn DnsZones>,
    pub(super) places: Places,
    pub(super) pace: Pace,
    pub(super) failures: Failures,
    pub(super) settings: WorkerSettings,
    pub(super) clock: Arc<dyn Clock>,
}

impl DnsSteps {
    /// Serves every job that waits for our zones.
    pub(super) async fn serve(&self, jobs: &mut [Job]) {
        // Ordered, so that the same wave makes the same calls.
        let mut touched: BTreeSet<(Zone, Fqdn)> = BTreeSet::new();
        let mut publishing: BTreeMap<usize, Vec<(Zone, Fqdn)>> = BTreeMap::new();
        let mut clearing: BTreeSet<usize> = BTreeSet::new();
        let mut located = self.locate(jobs).await;
        for (index, job) in jobs.iter_mut().enumerate() {
            job.check_lease(self.now());
            match job.zone_effect(self.now()).cloned() {
                Some(ZoneEffect::Publish { .. }) => match self.intend(job, located.remove(&index)).await {
                    Ok(Intent::Written(places)) => {
                        touched.extend(places.iter().cloned());
                        publishing.insert(index, places);
                    }
                    Ok(Intent::NotBefore(at)) => job.hold(at),
                    Err(failure) => self.fail(job, failure).await,
                },
                Some(ZoneEffect::Unpublish) => match self.ledger.release(job.fence()).await {
                    Ok(places) => {
                        touched.extend(places);
                        clearing.insert(index);
                    }
                    // The request keeps its debt and is taken up again.
                    Err(error) => {
                        tracing::warn!(request_id = job.request.id.get(), %error, "values not released");
                        self.failures.denials.note(&error.into());
                        job.park(self.now());
                    }
                },
                Some(ZoneEffect::CheckInSync { .. }) | None => {}
            }
        }
        if !touched.is_empty() || !clearing.is_empty() {
            self.pace
                .note(publishing.values().flatten().map(|(zone, _)| zone), self.now());
            let owners = publishing.keys().map(|index| jobs[*index].request.id).collect();
            let outcomes = self.ledger.apply(touched.into_iter().collect(), &owners).await;
            self.report_publishing(jobs, &publishing, &outcomes).await;
            // What could not be removed now is marked unwanted in the ledger: dns-cleanup goes on with it.
            for index in clearing {
                self.apply(&mut jobs[index], Event::Unpublished).await;
            }
        }
        self.look_at_changes(jobs).await;
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn apply(&self, job: &mut Job, event: Event) {
        job.apply(event, &*self.requests, self.now()).await;
    }

    async fn fail(&self, job: &mut Job, failure: Failure) {
        let event = self.failures.event(&job.request, failure).await;
        self.apply(job, event).await;
    }

    /// Where the values of each job go, looked up side by side: a name that is slow to find delays its own job and, for
    /// the seconds that a look-up is given, the wave.
    async fn locate(&self, jobs: &mut [Job]) -> BTreeMap<usize, Result<Vec<Place>, Failure>> {
        let now = self.now();
        let mut asked: Vec<(usize, Vec<Challenge>)> = Vec::new();
        for (index, job) in jobs.iter_mut().enumerate() {
            job.check_lease(now);
            if let Some(ZoneEffect::Publish { challenges }) = job.zone_effect(now) {
                asked.push((index, challenges.clone()));
            }
        }
        let looks = asked
            .iter()
            .map(|(index, challenges)| async move { (*index, self.places.locate(challenges).await) });
        stream::iter(looks)
            .buffer_unordered(self.settings.parallelism)
            .collect()
            .await
    }

    /// Writes the intents of one job's values to the ledger, before any zone changes; or says that they go with a later
    /// batch: they were not looked up yet, or their zones were published to just now.
    async fn intend(
        &self,
        job: &Job,
        located: Option<Result<Vec<Place>, Failure>>,
    ) -> Result<Intent, Failure> {
        let now = self.now();
        let Some(located) = located else {
            return Ok(Intent::NotBefore(now));
        };
        let places = located?;
        if let Some(at) = self.pace.not_before(places.iter().map(|p| &p.zone), now) {
            return Ok(Intent::NotBefore(at));
        }
        let until = now.plus(self.settings.txt_lease);
        let mut by_zone: BTreeMap<Zone, Vec<(Fqdn, String)>> = BTreeMap::new();
        for place in places {
            by_zone
                .entry(place.zone)
                .or_default()
                .push((place.fqdn, place.value));
        }
        let mut touched = Vec::new();
        for (zone, values) in by_zone {
            self.ledger.want(job.fence(), &values, &zone, until, now).await?;
            touched.extend(values.into_iter().map(|(fqdn, _)| (zone.clone(), fqdn)));
        }
        Ok(Intent::Written(touched))
    }

    async fn report_publishing(
        &self,
        jobs: &mut [Job],
        publishing: &BTreeMap<usize, Vec<(Zone, Fqdn)>>,
        outcomes: &[Outcome],
    ) {
        let by_place: HashMap<(&Zone, &Fqdn), &Outcome> =
            outcomes.iter().map(|o| ((&o.zone, &o.fqdn), o)).collect();
        for (index, places) in publishing {
            let mut changes = Vec::new();
            let mut failure = None;
            for (zone, fqdn) in places {
                match by_place.get(&(zone, fqdn)).map(|o| &o.result) {
                    Some(Ok(Some(change))) if !changes.contains(change) => changes.push(change.clone()),
                    Some(Ok(_)) | None => {}
                    Some(Err(error)) => failure = Some(error.into()),
                }
            }
            let job = &mut jobs[*index];
            match failure {
                Some(failure) => self.fail(job, failure).await,
                None => self.apply(job, Event::Published { changes }).await,
            }
        }
    }

    /// Asks for each change once, however many issuances wait for it.
    async fn look_at_changes(&self, jobs: &mut [Job]) {
        let now = self.now();
        let waiting: Vec<(usize, Vec<String>)> = jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| job.wait_until().is_none_or(|at| at <= now))
            .filter_map(|(index, job)| match job.zone_effect(now) {
                Some(ZoneEffect::CheckInSync { changes }) => Some((index, changes.clone())),
                _ => None,
            })
            .collect();
        let ids: BTreeSet<&String> = waiting.iter().flat_map(|(_, changes)| changes).collect();
        let looks = ids
            .into_iter()
            .map(|id| async move { (id, self.zones.in_sync(id).await) });
        let seen: HashMap<&String, Result<bool, DnsError>> = stream::iter(looks)
            .buffer_unordered(self.settings.parallelism)
            .collect()
            .await;
        for (index, changes) in &waiting {
            let mut event = Event::InSync;
            for change in changes {
                match seen.get(change) {
                    Some(Ok(true)) => {}
                    Some(Err(error)) => {
                        let failure = Failure::from(error);
                        self.failures.denials.note(&failure);
                        event = Event::Failed(failure);
                        break;
                    }
                    Some(Ok(false)) | None => {
                        let reason = format!("Route53 change {change} is PENDING");
                        event = Event::NotYet {
                            not_before: None,
                            reason,
                        };
                    }
                }
            }
            jobs[*index].apply(event, &*self.requests, now).await;
        }
    }
}
