//! Record sets and their changes.

use std::time::SystemTime;

use bytes::Bytes;
use certmint_core::words::Timestamp;
use http::StatusCode;

use super::{
    answer::{Answer, change_answer, invalid, page, parse},
    query::Query,
};
use crate::route53::{
    account::Route53,
    batch::{self, Action, Change},
    name::DnsName,
    rdata,
    refusal::{Refusal, refused},
    wire::{self, Namespace, document},
    zone::{Alias, Key, Routing, Rrset},
};

/// API Reference, ListResourceRecordSets: most record sets in an answer.
const MAX_SETS: usize = 300;
/// API Reference, ResourceRecordSet: greatest TTL.
const MAX_TTL: u32 = 2_147_483_647;

fn set_on_wire(set: &Rrset) -> wire::ResourceRecordSet {
    let routing = set.routing.clone();
    let values = set.values.iter().cloned();
    wire::ResourceRecordSet {
        name: set.name.to_string(),
        rtype: set.rtype.clone(),
        set_identifier: set.set_identifier.clone(),
        weight: routing.weight,
        region: routing.region,
        failover: routing.failover,
        multi_value_answer: routing.multi_value_answer,
        ttl: set.alias.is_none().then_some(set.ttl),
        resource_records: set.alias.is_none().then(|| wire::ResourceRecords {
            list: values.map(|value| wire::ResourceRecord { value }).collect(),
        }),
        health_check_id: routing.health_check_id,
        alias_target: set.alias.clone().map(|alias| wire::AliasTarget {
            hosted_zone_id: alias.hosted_zone_id,
            dns_name: alias.dns_name,
            evaluate_target_health: alias.evaluate_target_health,
        }),
        geo_location: routing.geo_location,
        geo_proximity_location: None,
        cidr_routing_config: None,
    }
}

pub(super) fn list(route53: &Route53, id: &str, query: &Query) -> Answer {
    let max_items = query.max_items(MAX_SETS)?;
    let (rtype, identifier) = (query.get("type"), query.get("identifier"));
    let start = match (query.name("name")?, rtype, identifier) {
        (None, None, None) => None,
        (None, _, _) => return Err(invalid("The request must specify a name if it specifies a type")),
        (Some(_), None, Some(_)) => {
            return Err(invalid(
                "The request must specify a type if it specifies an identifier",
            ));
        }
        (Some(name), rtype, identifier) => Some(Key {
            name,
            rtype: rtype.unwrap_or_default().to_owned(),
            set_identifier: identifier.map(str::to_owned),
        }),
    };
    let state = route53.state();
    let zone = state.zone(id)?;
    let start = start.unwrap_or_else(|| Key::first(zone.name.clone()));
    let (sets, next) = page(zone.rrsets.range(start..).map(|(_, set)| set), max_items);
    let content = wire::ListResourceRecordSetsResponse {
        xmlns: Namespace,
        resource_record_sets: wire::ResourceRecordSets {
            list: sets.into_iter().map(set_on_wire).collect(),
        },
        is_truncated: next.is_some(),
        next_record_name: next.map(|set| set.name.to_string()),
        next_record_type: next.map(|set| set.rtype.clone()),
        next_record_identifier: next.and_then(|set| set.set_identifier.clone()),
        max_items,
    };
    Ok(document(
        StatusCode::OK,
        "ListResourceRecordSetsResponse",
        &content,
    ))
}

fn change_from_wire(change: wire::Change) -> Result<Change, Refusal> {
    let enumerated = |what: &str, value: &str, values: &str| {
        invalid(&format!(
            "1 validation error detected: Value '{value}' at '{what}' failed to satisfy constraint: Member must \
             satisfy enum value set: [{values}]"
        ))
    };
    let action = match change.action.as_str() {
        "CREATE" => Action::Create,
        "DELETE" => Action::Delete,
        "UPSERT" => Action::Upsert,
        other => return Err(enumerated("action", other, "CREATE, DELETE, UPSERT")),
    };
    let set = change.resource_record_set;
    if !rdata::TYPES.contains(&set.rtype.as_str()) {
        return Err(enumerated("type", &set.rtype, &rdata::TYPES.join(", ")));
    }
    let set = set_from_wire(&change.action, set)?;
    Ok(Change { action, set })
}

/// A set that is whole in itself, wherever it is to stand.
fn set_from_wire(action: &str, set: wire::ResourceRecordSet) -> Result<Rrset, Refusal> {
    let name = &set.name;
    let name: DnsName = name
        .parse()
        .map_err(|why| invalid(&Refusal::name(name, why).message))?;
    if set.geo_proximity_location.is_some() || set.cidr_routing_config.is_some() {
        return Err(invalid(
            "GeoProximityLocation and CidrRoutingConfig are not emulated",
        ));
    }
    let place = format!(
        "in Change with [Action={action}, Name={name}, Type={}, SetIdentifier={}]",
        set.rtype,
        set.set_identifier.as_deref().unwrap_or("null")
    );
    let records = set
        .resource_records
        .map(|records| records.list)
        .unwrap_or_default();
    let whole = set.ttl.is_some() && !records.is_empty();
    let found = match (&set.alias_target, whole, set.ttl.is_some() || !records.is_empty()) {
        (Some(_), _, true) => Some("more than one"),
        (None, false, _) => Some("none"),
        _ => None,
    };
    if let Some(found) = found {
        return Err(invalid(&format!(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
             TrafficPolicyInstanceId], but found {found} {place}"
        )));
    }
    let ttl = set.ttl.unwrap_or_default();
    if ttl > MAX_TTL {
        return Err(invalid(&format!("TTL must be at most {MAX_TTL}")));
    }
    let routing = Routing {
        weight: set.weight,
        region: set.region,
        failover: set.failover,
        geo_location: set.geo_location,
        multi_value_answer: set.multi_value_answer,
        health_check_id: set.health_check_id,
    };
    let found = match (set.set_identifier.is_some(), routing.policies()) {
        (true, 0) => Some("none"),
        (_, 2..) => Some("more than one"),
        _ => None,
    };
    if let Some(found) = found {
        return Err(invalid(&format!(
            "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, \
             GeoProximityLocation, or CidrRoutingConfig], but found {found} {place}"
        )));
    }
    if set.set_identifier.is_none() && routing.policies() == 1 {
        return Err(invalid(&format!(
            "Invalid request: Missing field 'SetIdentifier' {place}"
        )));
    }
    let alias = set.alias_target.map(|alias| Alias {
        hosted_zone_id: alias.hosted_zone_id,
        dns_name: alias.dns_name,
        evaluate_target_health: alias.evaluate_target_health,
    });
    Ok(Rrset {
        name,
        rtype: set.rtype,
        set_identifier: set.set_identifier,
        alias,
        routing,
        ttl,
        values: records.into_iter().map(|record| record.value).collect(),
    })
}

/// IAM's words for a role without the permission.
fn access_denied(id: &str) -> Refusal {
    let action = "route53:ChangeResourceRecordSets";
    let message = format!(
        "User: arn:aws:sts::000000000000:assumed-role/certmint/certmint is not authorized to perform: {action} on \
         resource: arn:aws:route53:::hostedzone/{id} because no identity-based policy allows the {action} action"
    );
    Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message)
}

pub(super) fn change(route53: &Route53, id: &str, body: &Bytes) -> Answer {
    let mut state = route53.state();
    state.zone(id)?;
    let zone = state.zones.get_mut(id).ok_or_else(|| Refusal::no_zone(id))?;
    *route53.calls().entry(zone.name.to_string()).or_default() += 1;
    if route53.inner.read_only.contains(&zone.name) {
        return Err(access_denied(id));
    }
    let request: wire::ChangeResourceRecordSetsRequest = parse(body)?;
    let changes = request.change_batch.changes.list;
    if changes.is_empty() {
        return Err(invalid("The request must contain at least one change"));
    }
    let changes: Vec<Change> = changes
        .into_iter()
        .map(change_from_wire)
        .collect::<Result<_, _>>()?;
    batch::apply(zone, &changes).map_err(|messages| refused(&messages))?;
    let submission = state.submit(request.change_batch.comment);
    drop(state);
    route53.changed();
    Ok(change_answer(
        "ChangeResourceRecordSetsResponse",
        submission,
        false,
    ))
}

pub(super) fn get_change(route53: &Route53, id: &str) -> Answer {
    let state = route53.state();
    let mut latest_first = state.submissions.iter().rev();
    let submission = latest_first
        .find(|submission| submission.id == id)
        .ok_or_else(|| {
            let message = format!("Could not find resource with ID: {id}");
            Refusal::new(StatusCode::NOT_FOUND, "NoSuchChange", message)
        })?;
    let age = Timestamp::from(SystemTime::now()).since(submission.submitted_at);
    let in_sync = age >= route53.inner.sync_delay;
    Ok(change_answer("GetChangeResponse", submission.clone(), in_sync))
}
