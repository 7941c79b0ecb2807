//! The DNS work of issuances together: one change batch a zone, one look at each change. Jobs with the same zones, or that
//! wait for the same changes, are one round; nobody waits for a zone of others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use futures::{StreamExt, future::join_all, stream};

use super::{
    failures::Failures,
    job::{Job, ZoneWork},
    pace::Pace,
    places::{Place, Places},
};
use crate::{
    clock::Timer,
    dns::{
        DnsError, DnsZones, Zone,
        ledger::{Ledger, Outcome, Wanting},
    },
    lanes::Lanes,
    store::RequestStore,
    worker::settings::WorkerSettings,
};
use certmint_core::{
    issuance::{Challenge, Event},
    words::{Failure, Fqdn, RequestId, Timestamp},
};

/// What makes jobs a round.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    /// A change of these zones.
    Change(BTreeSet<Zone>),
    /// A look at these changes.
    Look(Vec<String>),
}

/// What a round changes for a job.
enum Part {
    /// Its values are in the ledger; these RRsets are to follow.
    Publish(Vec<(Zone, Fqdn)>),
    /// The same of values that it gave up.
    Clear(Vec<(Zone, Fqdn)>),
    /// Nothing: it failed, or is another's.
    Nothing,
}

/// Works in our zones.
pub(super) struct DnsSteps {
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) ledger: Ledger,
    pub(super) zones: Arc<dyn DnsZones>,
    /// Looks at changes, one at a time of each.
    pub(super) looks: Lanes<String>,
    pub(super) places: Places,
    pub(super) pace: Pace,
    pub(super) failures: Failures,
    pub(super) settings: WorkerSettings,
    pub(super) clock: Arc<dyn Timer>,
}

impl DnsSteps {
    /// Finds where the values of a job go. A name that is slow to find delays its own job.
    pub(super) async fn locate(&self, job: &mut Job, challenges: &[Challenge]) {
        match self.places.locate(challenges).await {
            Ok(places) => job.is_ready(ZoneWork::Publish(places), self.now()),
            Err(failure) => {
                let event = self.failures.event(&job.request, failure).await;
                job.apply(event, &*self.requests, self.now()).await;
            }
        }
    }

    /// Gives the values of a job up.
    pub(super) async fn release(&self, job: &mut Job) {
        match self.ledger.release(job.wanting()).await {
            Ok(places) => job.is_ready(ZoneWork::Unpublish(places), self.now()),
            // The request keeps its debt and is taken up again.
            Err(error) => {
                tracing::warn!(request_id = job.request.id.get(), %error, "values not released");
                self.failures.denials.note(&error.into());
                job.park(self.now());
            }
        }
    }

    /// Which jobs are served together now, and which wait: for their zones, that were published to just now, or for the
    /// company that jobs on their way may bring.
    pub(super) fn rounds(&self, jobs: Vec<Job>, bring_company: bool) -> (Vec<Vec<Job>>, Vec<Job>) {
        let now = self.now();
        let (mut rounds, mut waiting) = (BTreeMap::<Round, Vec<Job>>::new(), Vec::new());
        for mut job in jobs {
            match self.pace.not_before(published(&job), now) {
                Some(at) => {
                    job.hold(at);
                    waiting.push(job);
                }
                None => rounds.entry(round(&job)).or_default().push(job),
            }
        }
        let mut served = Vec::new();
        for jobs in rounds.into_values() {
            let waits = |job: &Job| job.company_until().is_some_and(|at| at > now);
            match bring_company && jobs.iter().all(waits) {
                true => waiting.extend(jobs),
                false => served.push(jobs),
            }
        }
        self.pace.note(served.iter().flatten().flat_map(published), now);
        (served, waiting)
    }

    /// Serves the jobs of a round.
    pub(super) async fn serve(&self, jobs: Vec<Job>) -> Vec<Job> {
        match jobs.first().and_then(Job::awaited_changes).cloned() {
            Some(changes) => self.look(jobs, &changes).await,
            None => self.change(jobs).await,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes zones for all that want it.
    async fn change(&self, jobs: Vec<Job>) -> Vec<Job> {
        let parts = jobs.into_iter().map(|job| self.intend(job));
        let parts: Vec<(Job, Part)> = stream::iter(parts)
            .buffered(self.settings.parallelism)
            .collect()
            .await;
        let mut touched = BTreeSet::new();
        let mut owners: BTreeSet<RequestId> = BTreeSet::new();
        for (job, part) in &parts {
            match part {
                Part::Publish(places) => {
                    touched.extend(places.iter().cloned());
                    owners.insert(job.request.id);
                }
                Part::Clear(places) => touched.extend(places.iter().cloned()),
                Part::Nothing => {}
            }
        }
        let outcomes = self.ledger.apply(touched.into_iter().collect(), &owners).await;
        let became: HashMap<(&Zone, &Fqdn), &Outcome> =
            outcomes.iter().map(|o| ((&o.zone, &o.fqdn), o)).collect();
        let (now, became) = (self.now(), &became);
        let ended = parts.into_iter().map(|(mut job, part)| async move {
            let event = match part {
                Part::Nothing => return job,
                // What could not be removed now is marked unwanted in the ledger: dns-cleanup goes on with it.
                Part::Clear(_) => Event::Unpublished,
                Part::Publish(places) => match published_by(&places, became) {
                    Ok(changes) => Event::Published { changes },
                    Err(failure) => self.failures.event(&job.request, failure).await,
                },
            };
            job.apply(event, &*self.requests, now).await;
            job
        });
        let ended = stream::iter(ended).buffered(self.settings.parallelism);
        ended.collect().await
    }

    /// Writes the intents of one job's values to the ledger, before any zone changes.
    async fn intend(&self, mut job: Job) -> (Job, Part) {
        job.check_lease(self.now());
        let places = match job.take_zone_work() {
            Some(ZoneWork::Publish(places)) if !job.is_lost() => places,
            Some(ZoneWork::Unpublish(places)) if !job.is_lost() => return (job, Part::Clear(places)),
            _ => return (job, Part::Nothing),
        };
        match self.want(job.wanting(), places).await {
            Ok(touched) => (job, Part::Publish(touched)),
            Err(failure) => {
                let event = self.failures.event(&job.request, failure).await;
                job.apply(event, &*self.requests, self.now()).await;
                (job, Part::Nothing)
            }
        }
    }

    async fn want(&self, by: Wanting, places: Vec<Place>) -> Result<Vec<(Zone, Fqdn)>, Failure> {
        let now = self.now();
        let until = now.plus(self.settings.txt_lease);
        let mut by_zone: BTreeMap<Zone, Vec<(Fqdn, String)>> = BTreeMap::new();
        for place in places {
            let values = by_zone.entry(place.zone).or_default();
            values.push((place.fqdn, place.value));
        }
        let mut touched = Vec::new();
        for (zone, values) in by_zone {
            self.ledger.want(by, &values, &zone, until, now).await?;
            touched.extend(values.into_iter().map(|(fqdn, _)| (zone.clone(), fqdn)));
        }
        Ok(touched)
    }

    /// Asks for each change once, however many issuances wait for it. They hear of it in the same moment, so that the
    /// next look is one again.
    async fn look(&self, jobs: Vec<Job>, changes: &[String]) -> Vec<Job> {
        let looks = changes.iter().map(|id| async move {
            let _turn = self.looks.enter(id).await;
            (id, self.zones.in_sync(id).await)
        });
        let event = &in_sync(join_all(looks).await);
        if let Event::Failed(failure) = event {
            self.failures.denials.note(failure);
        }
        let now = self.now();
        let told = jobs.into_iter().map(|mut job| async move {
            job.apply(event.clone(), &*self.requests, now).await;
            job
        });
        let told = stream::iter(told).buffered(self.settings.parallelism);
        told.collect().await
    }
}

/// The zones that a job adds values to.
fn published(job: &Job) -> impl Iterator<Item = &Zone> {
    let places = match job.zone_work() {
        Some(ZoneWork::Publish(places)) => places.as_slice(),
        _ => &[],
    };
    places.iter().map(|place| &place.zone)
}

fn round(job: &Job) -> Round {
    match (job.awaited_changes(), job.zone_work()) {
        (Some(changes), _) => Round::Look(changes.clone()),
        (None, Some(ZoneWork::Unpublish(places))) => {
            Round::Change(places.iter().map(|(zone, _)| zone.clone()).collect())
        }
        (None, _) => Round::Change(published(job).cloned().collect()),
    }
}

/// The changes that bring a job's values into their zones.
fn published_by(
    places: &[(Zone, Fqdn)],
    became: &HashMap<(&Zone, &Fqdn), &Outcome>,
) -> Result<Vec<String>, Failure> {
    let mut changes = Vec::new();
    for (zone, fqdn) in places {
        match became.get(&(zone, fqdn)).map(|outcome| &outcome.result) {
            Some(Ok(Some(change))) if !changes.contains(change) => changes.push(change.clone()),
            Some(Ok(_)) | None => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    Ok(changes)
}

/// What the looks say together.
fn in_sync(looks: Vec<(&String, Result<bool, DnsError>)>) -> Event {
    let mut event = Event::InSync;
    for (change, seen) in looks {
        match seen {
            Ok(true) => {}
            Err(error) => return Event::Failed((&error).into()),
            Ok(false) => {
                event = Event::NotYet {
                    not_before: None,
                    reason: format!("Route53 change {change} is PENDING"),
                };
            }
        }
    }
    event
}
