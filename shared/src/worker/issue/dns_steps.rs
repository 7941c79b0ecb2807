//! The DNS work of all issuances of a wave together: one change batch a zone, one look at each change.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, stream};

use super::job::Job;
use crate::dns::{DnsError, Zone, ledger::Outcome};
use crate::worker::issuer::Issuer as Worker;
use certmint_core::{
    issuance::{Challenge, Effect, Event},
    words::{Cause, Failure, Fqdn, Stage, Timestamp},
};

/// Where a challenge's value goes after CNAMEs.
pub(in crate::worker) struct Place {
    pub(in crate::worker) zone: Zone,
    pub(in crate::worker) fqdn: Fqdn,
    pub(in crate::worker) value: String,
}

/// What became of a job's values.
enum Intent {
    /// They are in the ledger; these RRsets are to follow.
    Written(Vec<(Zone, Fqdn)>),
    /// They go with the next batch of their zones.
    NotBefore(Timestamp),
}

impl Worker {
    /// Serves every job that waits for DNS.
    pub(in crate::worker) async fn serve_dns(&self, jobs: &mut [Job]) {
        // Ordered, so that the same wave makes the same calls.
        let mut touched: BTreeSet<(Zone, Fqdn)> = BTreeSet::new();
        let mut publishing: BTreeMap<usize, Vec<(Zone, Fqdn)>> = BTreeMap::new();
        let mut clearing: BTreeSet<usize> = BTreeSet::new();
        for (index, job) in jobs.iter_mut().enumerate() {
            job.check_lease(self.now());
            match job.shared_effect(self.now()).cloned() {
                Some(Effect::Publish { challenges }) => match self.intend(job, &challenges).await {
                    Ok(Intent::Written(places)) => {
                        touched.extend(places.iter().cloned());
                        publishing.insert(index, places);
                    }
                    Ok(Intent::NotBefore(at)) => job.hold(at),
                    Err(failure) => self.fail(job, failure).await,
                },
                Some(Effect::Unpublish) => match self.ledger.release(job.request.id).await {
                    Ok(places) => {
                        touched.extend(places);
                        clearing.insert(index);
                    }
                    // The request keeps its debt and is taken up again.
                    Err(error) => {
                        tracing::warn!(request_id = job.request.id.get(), %error, "values not released");
                        job.park(self.now());
                    }
                },
                _ => {}
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
                jobs[index]
                    .apply(Event::Unpublished, &*self.adapters.store, self.now())
                    .await;
            }
        }
        self.look_at_changes(jobs).await;
    }

    async fn fail(&self, job: &mut Job, failure: Failure) {
        self.came_to_nothing(job, &failure).await;
        let event = Event::Failed {
            failure,
            reached_ca: false,
        };
        job.apply(event, &*self.adapters.store, self.now()).await;
    }

    /// Writes the intents of one job's values to the ledger, before any zone changes; or says that its zones were
    /// published to just now.
    async fn intend(&self, job: &Job, challenges: &[Challenge]) -> Result<Intent, Failure> {
        let places = self.locate(challenges).await?;
        let now = self.now();
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
            self.ledger
                .want(job.request.id, &values, &zone, until, now)
                .await?;
            touched.extend(values.into_iter().map(|(fqdn, _)| (zone.clone(), fqdn)));
        }
        Ok(Intent::Written(touched))
    }

    /// Follows delegated challenges and finds the zone of each value.
    pub(in crate::worker) async fn locate(&self, challenges: &[Challenge]) -> Result<Vec<Place>, Failure> {
        let mut places = Vec::with_capacity(challenges.len());
        for challenge in challenges {
            let target = self.adapters.view.challenge_target(&challenge.fqdn).await;
            let fqdn = target?;
            match self.adapters.zones.find_zone(&fqdn).await {
                Ok(Some(zone)) => places.push(Place {
                    zone,
                    fqdn,
                    value: challenge.value.clone(),
                }),
                Ok(None) => return Err(self.no_zone(&fqdn).await),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(places)
    }

    /// No zone of ours: either the domain does not exist at all, or it is hosted elsewhere.
    async fn no_zone(&self, fqdn: &Fqdn) -> Failure {
        let class = certmint_core::words::Class::Permanent;
        if self.adapters.view.domain_exists(fqdn).await == Some(false) {
            let text = format!("the domain of {fqdn} does not exist in the public DNS; check the spelling");
            return Failure::new(class, Stage::Request, Cause::NoDomain, text);
        }
        let text = format!(
            "no public hosted zone of this AWS account holds {fqdn}; create the zone or delegate the name by a CNAME"
        );
        Failure::new(class, Stage::Dns, Cause::NoZone, text)
    }

    async fn report_publishing(
        &self,
        jobs: &mut [Job],
        publishing: &BTreeMap<usize, Vec<(Zone, Fqdn)>>,
        outcomes: &[Outcome],
    ) {
        let by_name: HashMap<&Fqdn, &Outcome> = outcomes.iter().map(|o| (&o.fqdn, o)).collect();
        for (index, places) in publishing {
            let mut changes = Vec::new();
            let mut failure = None;
            for (_, fqdn) in places {
                match by_name.get(fqdn).map(|o| &o.result) {
                    Some(Ok(Some(change))) if !changes.contains(change) => changes.push(change.clone()),
                    Some(Ok(_)) | None => {}
                    Some(Err(error)) => failure = Some(error.into()),
                }
            }
            let job = &mut jobs[*index];
            match failure {
                Some(failure) => self.fail(job, failure).await,
                None => {
                    let event = Event::Published { changes };
                    job.apply(event, &*self.adapters.store, self.now()).await;
                }
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
            .filter_map(|(index, job)| match job.shared_effect(now) {
                Some(Effect::CheckInSync { changes }) => Some((index, changes.clone())),
                _ => None,
            })
            .collect();
        let ids: BTreeSet<&String> = waiting.iter().flat_map(|(_, changes)| changes).collect();
        let looks = ids
            .into_iter()
            .map(|id| async move { (id, self.adapters.zones.in_sync(id).await) });
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
                        event = Event::Failed {
                            failure: error.into(),
                            reached_ca: false,
                        };
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
            jobs[*index].apply(event, &*self.adapters.store, now).await;
        }
    }
}
