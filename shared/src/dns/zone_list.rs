//! Which zones there are: Route53's list, kept for a while. It is a cache, so nothing permanent is concluded from it
//! before it was read anew.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_sdk_route53::Client;
use certmint_core::words::Fqdn;
use tokio::sync::Mutex;

use super::{
    DnsError, Fitting, Freshness, Zone,
    sdk::{bare_id, translate},
};
use crate::clock::Timer;

/// Route53 allows five calls a second for the whole AWS account: the zone list is read this seldom.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// Names without a zone come in crowds, and each has the list read anew: at most one reading begins in this time.
const PAUSE: Duration = Duration::from_millis(500);

/// A list, with the moments between which it was read.
struct Known {
    began: Duration,
    ended: Duration,
    zones: Arc<Zones>,
}

/// What ListHostedZones said.
#[derive(Default)]
struct Zones {
    public: Vec<Zone>,
    private: Vec<Fqdn>,
}

/// The hosted zones of an AWS account.
pub(super) struct ZoneList {
    client: Client,
    timer: Arc<dyn Timer>,
    known: Mutex<Option<Known>>,
    /// The name servers of a zone never change. Only zones that share a name, or that nobody sees, are asked for theirs.
    servers: Mutex<BTreeMap<String, Vec<Fqdn>>>,
}

impl ZoneList {
    pub(super) fn new(client: Client, timer: Arc<dyn Timer>) -> Self {
        Self {
            client,
            timer,
            known: Mutex::default(),
            servers: Mutex::default(),
        }
    }

    /// The zones that hold the name. No public one only by a list that was read after the question.
    pub(super) async fn holding(&self, fqdn: &Fqdn, freshness: Freshness) -> Result<Fitting, DnsError> {
        let asked = self.timer.elapsed();
        let found = self.zones(asked, freshness).await?.holding(fqdn);
        match found.zones.is_empty() {
            false => Ok(found),
            true => Ok(self.zones(asked, Freshness::Anew).await?.holding(fqdn)),
        }
    }

    /// The zone that has the name of one that Route53 does not know by its id any more: it was made anew. Where several
    /// have it, the public DNS must say which one.
    pub(super) async fn successor(&self, gone: &Zone) -> Result<Option<Zone>, DnsError> {
        let asked = self.timer.elapsed();
        match self.zones(asked, Freshness::Kept).await?.successor(gone) {
            Some(zone) => Ok(Some(zone)),
            None => Ok(self.zones(asked, Freshness::Anew).await?.successor(gone)),
        }
    }

    /// The name servers that a zone is served by. One call, then kept.
    pub(super) async fn servers(&self, zone: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        if let Some(servers) = self.servers.lock().await.get(&zone.id) {
            return Ok(servers.clone());
        }
        let answer = self.client.get_hosted_zone().id(&zone.id).send().await;
        let answer = answer.map_err(|e| translate("GetHostedZone", zone.name.as_str(), e))?;
        let names = answer
            .delegation_set
            .map(|set| set.name_servers)
            .unwrap_or_default();
        let servers: Vec<Fqdn> = names.iter().map(|name| Fqdn::new(name)).collect();
        self.servers.lock().await.insert(zone.id.clone(), servers.clone());
        Ok(servers)
    }

    /// The list. Those that ask while it is read, or while it may not be read again yet, take the next one together.
    async fn zones(&self, asked: Duration, freshness: Freshness) -> Result<Arc<Zones>, DnsError> {
        loop {
            let pause = {
                let mut known = self.known.lock().await;
                let now = self.timer.elapsed();
                match &*known {
                    Some(known) if known.serves(asked, freshness, now) => return Ok(known.zones.clone()),
                    Some(Known { ended, .. }) if now < *ended + PAUSE => *ended + PAUSE - now,
                    _ => {
                        let zones = Arc::new(self.read().await?);
                        *known = Some(Known {
                            began: now,
                            ended: self.timer.elapsed(),
                            zones: zones.clone(),
                        });
                        return Ok(zones);
                    }
                }
            };
            self.timer.sleep(pause).await;
        }
    }

    async fn read(&self) -> Result<Zones, DnsError> {
        let mut zones = Zones::default();
        let mut pages = self.client.list_hosted_zones().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| translate("ListHostedZones", "all zones", e))?;
            for zone in page.hosted_zones {
                let name = Fqdn::new(&zone.name);
                if zone.config.is_some_and(|config| config.private_zone) {
                    zones.private.push(name);
                } else {
                    let id = bare_id(&zone.id).to_owned();
                    zones.public.push(Zone { id, name });
                }
            }
        }
        Ok(zones)
    }
}

impl Known {
    /// Whether it answers what was asked at a moment.
    fn serves(&self, asked: Duration, freshness: Freshness, now: Duration) -> bool {
        match freshness {
            Freshness::Kept => now.saturating_sub(self.ended) < KEPT,
            Freshness::Anew => self.began >= asked,
        }
    }
}

impl Zones {
    fn holding(&self, fqdn: &Fqdn) -> Fitting {
        let length = |name: &Fqdn| name.as_str().len();
        let fitting = self.public.iter().filter(|zone| fqdn.is_within(&zone.name));
        let mut zones: Vec<Zone> = fitting.cloned().collect();
        zones.sort_by(|a, b| {
            length(&b.name)
                .cmp(&length(&a.name))
                .then_with(|| a.id.cmp(&b.id))
        });
        let private = self.private.iter().filter(|name| fqdn.is_within(name));
        Fitting {
            zones,
            private: private.max_by_key(|name| length(name)).cloned(),
        }
    }

    fn successor(&self, gone: &Zone) -> Option<Zone> {
        let mut others = self
            .public
            .iter()
            .filter(|z| z.name == gone.name && z.id != gone.id);
        let anew = others.next()?;
        others.next().is_none().then(|| anew.clone())
    }
}
