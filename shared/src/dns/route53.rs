//! Zones in Route53.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_route53::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType},
};
use futures::{StreamExt, stream};
use tokio::sync::Mutex;

use super::{DnsError, DnsZones, READS, TxtChange, TxtRrset, Zone};
use crate::aws_call::AwsCall;
use certmint_core::{
    clock::Clock,
    words::{Fqdn, Timestamp},
};

/// What finding zones and following changes calls.
pub const ZONE_CALLS: &[AwsCall] = &[
    AwsCall::new("list_hosted_zones", &["route53:ListHostedZones"]),
    AwsCall::new("get_change", &["route53:GetChange"]),
];
/// What reading and changing the TXT RRsets of a known zone calls: all that dns-cleanup needs.
pub const RRSET_CALLS: &[AwsCall] = &[
    AwsCall::new("list_resource_record_sets", &["route53:ListResourceRecordSets"]),
    AwsCall::new(
        "change_resource_record_sets",
        &["route53:ChangeResourceRecordSets"],
    ),
];

/// Route53 allows five calls a second for the whole AWS account: the zone list is read this seldom.
const ZONES_KEPT: Duration = Duration::from_secs(5 * 60);

/// Route53 through the SDK.
pub struct Route53Zones {
    client: Client,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<(Timestamp, Arc<Vec<Zone>>)>>,
}

impl Route53Zones {
    /// Zones of the client's AWS account.
    #[must_use]
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            clock,
            known: Mutex::default(),
        }
    }

    async fn list(&self) -> Result<Arc<Vec<Zone>>, DnsError> {
        let mut known = self.known.lock().await;
        let now = self.clock.now();
        if let Some((at, zones)) = &*known
            && now.since(*at) < ZONES_KEPT
        {
            return Ok(zones.clone());
        }
        let mut zones = Vec::new();
        let mut pages = self.client.list_hosted_zones().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| translate("ListHostedZones", "all zones", e))?;
            zones.extend(
                page.hosted_zones
                    .into_iter()
                    .filter(|z| !z.config.as_ref().is_some_and(|c| c.private_zone))
                    .map(|z| Zone {
                        id: bare_id(&z.id).to_owned(),
                        name: Fqdn::new(&z.name),
                    }),
            );
        }
        let zones = Arc::new(zones);
        *known = Some((now, zones.clone()));
        Ok(zones)
    }
}

/// Route53 answers ids with their path (`/hostedzone/Z1`, `/change/C1`) and takes them without.
fn bare_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// By error code; the text of the message is for people only.
fn translate<E, R>(operation: &'static str, zone: &str, error: SdkError<E, R>) -> DnsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let zone = zone.to_owned();
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .map(str::to_owned);
    let message = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
        .map(str::to_owned);
    let message = message
        .or_else(|| code.clone())
        .unwrap_or_else(|| error.to_string());
    match code.as_deref() {
        Some("InvalidChangeBatch") => DnsError::Mismatch { zone, message },
        Some("NoSuchHostedZone") => DnsError::NoSuchZone { zone },
        Some(
            "AccessDenied"
            | "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch",
        ) => DnsError::AccessDenied { operation, zone },
        Some(
            "Throttling"
            | "ThrottlingException"
            | "PriorRequestNotComplete"
            | "ServiceUnavailable"
            | "InternalFailure"
            | "RequestExpired",
        )
        | None => DnsError::Unavailable { operation, message },
        Some(_) if matches!(&error, SdkError::ServiceError(_)) => DnsError::Refused { operation, message },
        Some(_) => DnsError::Unavailable { operation, message },
    }
}

fn record_set(fqdn: &Fqdn, rrset: &TxtRrset) -> Result<ResourceRecordSet, DnsError> {
    let refused = |e: aws_sdk_route53::error::BuildError| DnsError::Refused {
        operation: "ChangeResourceRecordSets",
        message: e.to_string(),
    };
    let mut set = ResourceRecordSet::builder()
        .name(format!("{fqdn}."))
        .r#type(RrType::Txt)
        .ttl(i64::from(rrset.ttl));
    for value in &rrset.values {
        set = set.resource_records(ResourceRecord::builder().value(value).build().map_err(refused)?);
    }
    set.build().map_err(refused)
}

fn sdk_changes(change: &TxtChange) -> Result<Vec<Change>, DnsError> {
    let side = |action, rrset: &Option<TxtRrset>| {
        rrset.as_ref().map(|rrset| {
            let set = record_set(&change.fqdn, rrset)?;
            Change::builder()
                .action(action)
                .resource_record_set(set)
                .build()
                .map_err(|e| DnsError::Refused {
                    operation: "ChangeResourceRecordSets",
                    message: e.to_string(),
                })
        })
    };
    [
        side(ChangeAction::Delete, &change.before),
        side(ChangeAction::Create, &change.after),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// More names than this are read by listing the zone.
const FEW: usize = 8;
/// Route53 quota: record sets in one ListResourceRecordSets answer.
const PAGE: i32 = 300;

fn values(set: ResourceRecordSet) -> TxtRrset {
    let records = set.resource_records.unwrap_or_default();
    TxtRrset {
        ttl: set.ttl.and_then(|t| u32::try_from(t).ok()).unwrap_or_default(),
        values: records.into_iter().map(|r| r.value).collect(),
    }
}

#[async_trait]
impl DnsZones for Route53Zones {
    async fn find_zone(&self, fqdn: &Fqdn) -> Result<Option<Zone>, DnsError> {
        let zones = self.list().await?;
        Ok(zones
            .iter()
            .filter(|z| fqdn.is_within(&z.name))
            .max_by_key(|z| z.name.as_str().len())
            .cloned())
    }

    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        const OPERATION: &str = "ChangeResourceRecordSets";
        let refused = |message: String| DnsError::Refused {
            operation: OPERATION,
            message,
        };
        let mut batch = ChangeBatch::builder().comment("certmint DNS-01");
        for change in changes {
            for change in sdk_changes(change)? {
                batch = batch.changes(change);
            }
        }
        let batch = batch.build().map_err(|e| refused(e.to_string()))?;
        let answer = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(&zone.id)
            .change_batch(batch)
            .send()
            .await
            .map_err(|e| translate(OPERATION, zone.name.as_str(), e))?;
        let info = answer
            .change_info
            .ok_or_else(|| refused("the answer has no change".into()))?;
        Ok(bare_id(&info.id).to_owned())
    }

    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError> {
        match self.client.get_change().id(change_id).send().await {
            Ok(answer) => Ok(answer
                .change_info
                .is_some_and(|c| c.status == ChangeStatus::Insync)),
            // Route53 forgets a change some time after it is in sync.
            Err(e) if e.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchChange") => {
                Ok(true)
            }
            Err(e) => Err(translate("GetChange", change_id, e)),
        }
    }

    async fn txt_rrset(&self, zone: &Zone, fqdn: &Fqdn) -> Result<Option<TxtRrset>, DnsError> {
        let answer = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(&zone.id)
            .start_record_name(format!("{fqdn}."))
            .start_record_type(RrType::Txt)
            .max_items(1)
            .send()
            .await
            .map_err(|e| translate("ListResourceRecordSets", zone.name.as_str(), e))?;
        // The list starts at the name but goes on with what follows it.
        let set = answer
            .resource_record_sets
            .into_iter()
            .find(|s| s.r#type == RrType::Txt && Fqdn::new(&s.name) == *fqdn);
        Ok(set.map(values))
    }

    /// A few by one call each; many by pages of 300, as long as that is fewer calls.
    async fn txt_rrsets(&self, zone: &Zone, names: &[Fqdn]) -> Result<BTreeMap<Fqdn, TxtRrset>, DnsError> {
        let mut found = BTreeMap::new();
        let mut left: BTreeSet<&Fqdn> = names.iter().collect();
        let mut start = (None, None, None);
        let mut budget = if names.len() > FEW { names.len() } else { 0 };
        while budget > 0 && !left.is_empty() {
            budget -= 1;
            let call = self
                .client
                .list_resource_record_sets()
                .hosted_zone_id(&zone.id)
                .set_start_record_name(start.0)
                .set_start_record_type(start.1)
                .set_start_record_identifier(start.2)
                .max_items(PAGE);
            let page = call
                .send()
                .await
                .map_err(|e| translate("ListResourceRecordSets", zone.name.as_str(), e))?;
            for set in page.resource_record_sets {
                let fqdn = Fqdn::new(&set.name);
                if set.r#type == RrType::Txt && left.remove(&fqdn) {
                    found.insert(fqdn, values(set));
                }
            }
            if !page.is_truncated {
                // The whole zone was seen: the rest does not exist.
                return Ok(found);
            }
            start = (
                page.next_record_name,
                page.next_record_type,
                page.next_record_identifier,
            );
        }
        let reads = left.into_iter().cloned().map(|fqdn| async move {
            let stands = self.txt_rrset(zone, &fqdn).await?;
            Ok(stands.map(|rrset| (fqdn, rrset)))
        });
        let read: Vec<Result<_, DnsError>> = stream::iter(reads).buffered(READS).collect().await;
        for stands in read {
            found.extend(stands?);
        }
        Ok(found)
    }
}
