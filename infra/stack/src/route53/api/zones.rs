//! Hosted zones.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::{
    answer::{Answer, change_answer, change_info, invalid, page, parse},
    query::Query,
};
use crate::route53::{
    account::Route53,
    name::DnsName,
    refusal::Refusal,
    wire::{self, Namespace, document},
    zone::Zone,
};

/// API Reference, ListHostedZones and ListHostedZonesByName: most zones in an answer.
const MAX_ZONES: usize = 100;

fn zone_on_wire(zone: &Zone) -> wire::HostedZone {
    wire::HostedZone {
        id: wire::zone_id(&zone.id),
        name: zone.name.to_string(),
        caller_reference: zone.caller_reference.clone(),
        config: wire::HostedZoneConfig {
            comment: zone.comment.clone(),
            private_zone: zone.private,
        },
        resource_record_set_count: zone.rrsets.len(),
    }
}

fn delegation_set(zone: &Zone) -> wire::DelegationSet {
    let bare = |server: &String| server.trim_end_matches('.').to_owned();
    wire::DelegationSet {
        name_servers: wire::NameServers {
            name_server: zone.name_servers.iter().map(bare).collect(),
        },
    }
}

pub(super) fn create(route53: &Route53, body: &Bytes) -> Answer {
    let request: wire::CreateHostedZoneRequest = parse(body)?;
    let name: DnsName = (request.name.parse()).map_err(|why| Refusal::name(&request.name, why))?;
    let mut state = route53.state();
    let mut zones = state.zones.values();
    if zones.any(|zone| zone.caller_reference == request.caller_reference) {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        ));
    }
    let mut zone = state.new_zone(name, Some(request.caller_reference));
    let config = request.hosted_zone_config;
    zone.private = request.vpc.is_some() || config.as_ref().is_some_and(|config| config.private_zone);
    zone.comment = config.and_then(|config| config.comment);
    let submission = state.submit(None);
    let content = wire::CreateHostedZoneResponse {
        xmlns: Namespace,
        hosted_zone: zone_on_wire(&zone),
        change_info: change_info(submission, false),
        delegation_set: delegation_set(&zone),
    };
    let location = format!(
        "https://route53.amazonaws.com/2013-04-01{}",
        wire::zone_id(&zone.id)
    );
    state.zones.insert(zone.id.clone(), zone);
    drop(state);
    route53.changed();
    let mut response = document(StatusCode::CREATED, "CreateHostedZoneResponse", &content);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) fn get(route53: &Route53, id: &str) -> Answer {
    let state = route53.state();
    let zone = state.zone(id)?;
    let content = wire::GetHostedZoneResponse {
        xmlns: Namespace,
        hosted_zone: zone_on_wire(zone),
        delegation_set: (!zone.private).then(|| delegation_set(zone)),
    };
    Ok(document(StatusCode::OK, "GetHostedZoneResponse", &content))
}

pub(super) fn delete(route53: &Route53, id: &str) -> Answer {
    let mut state = route53.state();
    if !state.zone(id)?.is_empty() {
        return Err(Refusal::bad(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets  and so cannot be deleted.",
        ));
    }
    state.zones.remove(id);
    let submission = state.submit(None);
    drop(state);
    route53.changed();
    Ok(change_answer("DeleteHostedZoneResponse", submission, false))
}

pub(super) fn list(route53: &Route53, query: &Query) -> Answer {
    let max_items = query.max_items(MAX_ZONES)?;
    let marker = query.get("marker").map(str::to_owned);
    let state = route53.state();
    let start = marker.clone().unwrap_or_default();
    let (zones, next) = page(state.ours().filter(|zone| zone.id >= start), max_items);
    let content = wire::ListHostedZonesResponse {
        xmlns: Namespace,
        hosted_zones: wire::HostedZones {
            list: zones.into_iter().map(zone_on_wire).collect(),
        },
        marker,
        is_truncated: next.is_some(),
        next_marker: next.map(|zone| zone.id.clone()),
        max_items,
    };
    Ok(document(StatusCode::OK, "ListHostedZonesResponse", &content))
}

pub(super) fn list_by_name(route53: &Route53, query: &Query) -> Answer {
    let max_items = query.max_items(MAX_ZONES)?;
    let start = query.name("dnsname")?;
    let start_id = query.get("hostedzoneid");
    if start.is_none() && start_id.is_some() {
        return Err(invalid("HostedZoneId may be given only together with DNSName"));
    }
    let state = route53.state();
    let mut zones: Vec<&Zone> = state.ours().collect();
    zones.sort_by_key(|zone| (&zone.name, &zone.id));
    let before_start = |zone: &&Zone| {
        let start = start.as_ref();
        start.is_some_and(|start| (&zone.name, zone.id.as_str()) < (start, start_id.unwrap_or_default()))
    };
    let (zones, next) = page(zones.into_iter().skip_while(before_start), max_items);
    let content = wire::ListHostedZonesByNameResponse {
        xmlns: Namespace,
        hosted_zones: wire::HostedZones {
            list: zones.into_iter().map(zone_on_wire).collect(),
        },
        dns_name: query.get("dnsname").map(str::to_owned),
        hosted_zone_id: start_id.map(str::to_owned),
        is_truncated: next.is_some(),
        next_dns_name: next.map(|zone| zone.name.to_string()),
        next_hosted_zone_id: next.map(|zone| zone.id.clone()),
        max_items,
    };
    Ok(document(
        StatusCode::OK,
        "ListHostedZonesByNameResponse",
        &content,
    ))
}
