//! Zones in Route53.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use aws_sdk_route53::{
    Client,
    error::ProvideErrorMetadata,
    operation::list_resource_record_sets::ListResourceRecordSetsOutput,
    types::{Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType},
};
use futures::{StreamExt, stream};

use super::{
    AtName, DnsError, DnsZones, Fitting, Freshness, READS, TxtChange, TxtRrset, Zone,
    sdk::{bare_id, note, translate},
    zone_list::ZoneList,
};
use crate::{aws_call::AwsCall, clock::Timer};
use certmint_core::words::Fqdn;

/// What following changes, and telling apart zones of one name, calls.
pub const CHANGE_CALLS: &[AwsCall] = &[
    AwsCall::new("get_change", &["route53:GetChange"]),
    AwsCall::new("get_hosted_zone", &["route53:GetHostedZone"]),
];
/// What reading and changing the TXT RRsets of a zone calls, which may have been made anew: all that dns-cleanup needs.
pub const RRSET_CALLS: &[AwsCall] = &[
    AwsCall::new("list_hosted_zones", &["route53:ListHostedZones"]),
    AwsCall::new("list_resource_record_sets", &["route53:ListResourceRecordSets"]),
    AwsCall::new(
        "change_resource_record_sets",
        &["route53:ChangeResourceRecordSets"],
    ),
];

/// Route53 through the SDK.
pub struct Route53Zones {
    client: Client,
    list: ZoneList,
}

impl Route53Zones {
    /// Zones of the client's AWS account.
    #[must_use]
    pub fn new(client: Client, timer: Arc<dyn Timer>) -> Self {
        let list = ZoneList::new(client.clone(), timer);
        Self { client, list }
    }

    /// Calls with the zone's id. An id stands for a name that was looked up a while ago: where Route53 does not know it
    /// any more, the zone that has the name now takes its place.
    async fn in_zone<T, F>(&self, zone: &Zone, call: impl Fn(String) -> F) -> Result<T, DnsError>
    where
        F: Future<Output = Result<T, DnsError>>,
    {
        match call(zone.id.clone()).await {
            Err(DnsError::NoSuchZone { zone: name }) => match self.list.successor(zone).await? {
                Some(anew) => call(anew.id).await,
                None => Err(DnsError::NoSuchZone { zone: name }),
            },
            answer => answer,
        }
    }

    async fn read_page(
        &self,
        zone: &Zone,
        start: &Start,
        most: i32,
    ) -> Result<ListResourceRecordSetsOutput, DnsError> {
        self.in_zone(zone, |id| async move {
            let call = self
                .client
                .list_resource_record_sets()
                .hosted_zone_id(id)
                .set_start_record_name(start.name.clone())
                .set_start_record_type(start.kind.clone())
                .set_start_record_identifier(start.identifier.clone())
                .max_items(most);
            let page = call.send().await;
            page.map_err(|e| translate("ListResourceRecordSets", zone.name.as_str(), e))
        })
        .await
    }
}

/// Where a page of record sets begins.
#[derive(Default)]
struct Start {
    name: Option<String>,
    kind: Option<RrType>,
    identifier: Option<String>,
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
/// Record sets read for one name: one of each type that Route53 knows is less, and of those with a routing policy the
/// first ones tell.
const OF_NAME: i32 = 50;

#[async_trait]
impl DnsZones for Route53Zones {
    async fn zones_of(&self, fqdn: &Fqdn, freshness: Freshness) -> Result<Fitting, DnsError> {
        self.list.holding(fqdn, freshness).await
    }

    async fn name_servers(&self, zone: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        self.list.servers(zone).await
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
        let batch = &batch.build().map_err(|e| refused(e.to_string()))?;
        let answer = self
            .in_zone(zone, |id| async move {
                let call = self.client.change_resource_record_sets().hosted_zone_id(id);
                let answer = call.change_batch(batch.clone()).send().await;
                answer.map_err(|e| translate(OPERATION, zone.name.as_str(), e))
            })
            .await?;
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

    async fn at_name(&self, zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError> {
        let start = Start {
            name: Some(format!("{fqdn}.")),
            ..Start::default()
        };
        let page = self.read_page(zone, &start, OF_NAME).await?;
        let mut stands = AtName::default();
        // The list starts at the name but goes on with what follows it.
        let sets = page.resource_record_sets.into_iter();
        for set in sets.take_while(|set| Fqdn::new(&set.name) == *fqdn) {
            note(&mut stands, set);
        }
        Ok(stands)
    }

    /// A few by one call each; many by pages of 300, as long as that is fewer calls.
    async fn at_names(&self, zone: &Zone, names: &[Fqdn]) -> Result<BTreeMap<Fqdn, AtName>, DnsError> {
        let mut found: BTreeMap<Fqdn, AtName> = BTreeMap::new();
        let mut left: BTreeSet<&Fqdn> = names.iter().collect();
        let mut start = Start::default();
        let mut budget = if names.len() > FEW { names.len() } else { 0 };
        while budget > 0 && !left.is_empty() {
            budget -= 1;
            let page = self.read_page(zone, &start, PAGE).await?;
            for set in page.resource_record_sets {
                let fqdn = Fqdn::new(&set.name);
                if left.contains(&fqdn) {
                    note(found.entry(fqdn).or_default(), set);
                }
            }
            // The next page may have more of the name that this one ends with.
            let next = page.next_record_name.as_deref().map(Fqdn::new);
            left.retain(|fqdn| next.as_ref() == Some(*fqdn) || !found.contains_key(*fqdn));
            if !page.is_truncated {
                // The whole zone was seen: at the rest nothing stands.
                return Ok(found);
            }
            start = Start {
                name: page.next_record_name,
                kind: page.next_record_type,
                identifier: page.next_record_identifier,
            };
        }
        let reads = left.into_iter().cloned().map(|fqdn| async move {
            let stands = self.at_name(zone, &fqdn).await?;
            Ok((fqdn, stands))
        });
        let read: Vec<Result<_, DnsError>> = stream::iter(reads).buffered(READS).collect().await;
        for stands in read {
            let (fqdn, stands) = stands?;
            found.insert(fqdn, stands);
        }
        Ok(found)
    }
}
