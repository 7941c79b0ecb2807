//! Which zones there are: Route53's list, kept for a while. It is a cache, so nothing permanent is concluded from it
//! before it was read anew.

use std::{sync::Arc, time::Duration};

use aws_sdk_route53::Client;
use certmint_core::{
    clock::Clock,
    words::{Fqdn, Timestamp},
};
use tokio::sync::Mutex;

use super::{
    DnsError, Zone,
    sdk::{bare_id, translate},
};

/// Route53 allows five calls a second for the whole AWS account: the zone list is read this seldom.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// A list that was read this short a time ago says for certain that a zone is not there. Names without a zone come in
/// crowds, and each may have the list read.
const CERTAIN: Duration = Duration::from_millis(500);

struct Known {
    /// When its reading began, and when it ended.
    began: Timestamp,
    ended: Timestamp,
    zones: Arc<Vec<Zone>>,
}

/// The public hosted zones of an AWS account.
pub(super) struct ZoneList {
    client: Client,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<Known>>,
}

impl ZoneList {
    pub(super) fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            clock,
            known: Mutex::default(),
        }
    }

    /// The longest zone that holds the name. `None` only by a list that was just read.
    pub(super) async fn holding(&self, fqdn: &Fqdn) -> Result<Option<Zone>, DnsError> {
        self.find(|zones| {
            let fitting = zones.iter().filter(|z| fqdn.is_within(&z.name));
            fitting.max_by_key(|z| z.name.as_str().len()).cloned()
        })
        .await
    }

    /// The zone that has the name of one that Route53 does not know by its id any more: it was made anew.
    pub(super) async fn successor(&self, gone: &Zone) -> Result<Option<Zone>, DnsError> {
        let anew = |zones: &[Zone]| {
            zones
                .iter()
                .find(|z| z.name == gone.name && z.id != gone.id)
                .cloned()
        };
        self.find(anew).await
    }

    async fn find(&self, pick: impl Fn(&[Zone]) -> Option<Zone>) -> Result<Option<Zone>, DnsError> {
        let kept = self.zones(KEPT).await?;
        match pick(&kept) {
            Some(zone) => Ok(Some(zone)),
            None => Ok(pick(&self.zones(CERTAIN).await?)),
        }
    }

    /// The list, not older than that. Those that ask while it is read take what comes of it, if that began after they
    /// asked.
    async fn zones(&self, not_older_than: Duration) -> Result<Arc<Vec<Zone>>, DnsError> {
        let asked = self.clock.now();
        let mut known = self.known.lock().await;
        let began = self.clock.now();
        if let Some(known) = &*known
            && (known.began >= asked || began.since(known.ended) < not_older_than)
        {
            return Ok(known.zones.clone());
        }
        let mut zones = Vec::new();
        let mut pages = self.client.list_hosted_zones().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| translate("ListHostedZones", "all zones", e))?;
            let public = page.hosted_zones.into_iter();
            let public = public.filter(|z| !z.config.as_ref().is_some_and(|c| c.private_zone));
            zones.extend(public.map(|z| Zone {
                id: bare_id(&z.id).to_owned(),
                name: Fqdn::new(&z.name),
            }));
        }
        let zones = Arc::new(zones);
        *known = Some(Known {
            began,
            ended: self.clock.now(),
            zones: zones.clone(),
        });
        Ok(zones)
    }
}
