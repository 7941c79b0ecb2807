//! The XML of Route53's REST API, version 2013-04-01 (API Reference, "Data Types").

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};

use super::zone::GeoLocation;

/// In front of every id of a zone on the wire.
const ZONE_PATH: &str = "/hostedzone/";

/// The namespace of every document.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Namespace;

impl Serialize for Namespace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("https://route53.amazonaws.com/doc/2013-04-01/")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateHostedZoneRequest {
    pub(super) name: String,
    pub(super) caller_reference: String,
    pub(super) hosted_zone_config: Option<HostedZoneConfig>,
    #[serde(rename = "VPC")]
    pub(super) vpc: Option<IgnoredAny>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostedZoneConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(default)]
    pub(super) private_zone: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeResourceRecordSetsRequest {
    pub(super) change_batch: ChangeBatch,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeBatch {
    pub(super) comment: Option<String>,
    pub(super) changes: Changes,
}

#[derive(Debug, Deserialize)]
pub(super) struct Changes {
    #[serde(rename = "Change", default)]
    pub(super) list: Vec<Change>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Change {
    pub(super) action: String,
    pub(super) resource_record_set: ResourceRecordSet,
}

/// Routing by proximity and by CIDR is not emulated; it is read so that it can be refused.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceRecordSet {
    pub(super) name: String,
    #[serde(rename = "Type")]
    pub(super) rtype: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) set_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) multi_value_answer: Option<bool>,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_records: Option<ResourceRecords>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_check_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alias_target: Option<AliasTarget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) geo_location: Option<GeoLocation>,
    #[serde(skip_serializing)]
    pub(super) geo_proximity_location: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    pub(super) cidr_routing_config: Option<IgnoredAny>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AliasTarget {
    pub(super) hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    pub(super) dns_name: String,
    pub(super) evaluate_target_health: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResourceRecords {
    #[serde(rename = "ResourceRecord", default)]
    pub(super) list: Vec<ResourceRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceRecord {
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceRecordSets {
    #[serde(rename = "ResourceRecordSet")]
    pub(super) list: Vec<ResourceRecordSet>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostedZone {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) caller_reference: String,
    pub(super) config: HostedZoneConfig,
    pub(super) resource_record_set_count: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct HostedZones {
    #[serde(rename = "HostedZone")]
    pub(super) list: Vec<HostedZone>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeInfo {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) submitted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DelegationSet {
    pub(super) name_servers: NameServers,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NameServers {
    pub(super) name_server: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateHostedZoneResponse {
    #[serde(rename = "@xmlns")]
    pub(super) xmlns: Namespace,
    pub(super) hosted_zone: HostedZone,
    pub(super) change_info: ChangeInfo,
    pub(super) delegation_set: DelegationSet,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetHostedZoneResponse {
    #[serde(rename = "@xmlns")]
    pub(super) xmlns: Namespace,
    pub(super) hosted_zone: HostedZone,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delegation_set: Option<DelegationSet>,
}

/// The answers of DeleteHostedZone, ChangeResourceRecordSets and GetChange differ in their root only.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeResponse {
    #[serde(rename = "@xmlns")]
    pub(super) xmlns: Namespace,
    pub(super) change_info: ChangeInfo,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListHostedZonesResponse {
    #[serde(rename = "@xmlns")]
    pub(super) xmlns: Namespace,
    pub(super) hosted_zones: HostedZones,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) marker: Option<String>,
    pub(super) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_marker: Option<String>,
    pub(super) max_items: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListHostedZonesByNameResponse {
    #[serde(rename = "@xmlns")]
    pub(super) xmlns: Namespace,
    pub(super) hosted_zones: HostedZones,
    #[serde(rename = "DNSName", skip_serializing_if = "Option::is_none")]
    pub(super) dns_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hosted_zone_id: Option<String>,
    pub(super) is_truncated: bool,
    #[serde(rename = "NextDNSName", skip_serializing_if = "Option::is_none")]
    pub(super) next_dns_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_hosted_zone_id: Option<String>,
    pub(super) max_items: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListResourceRecordSetsResponse {
    #[serde(rename = "@xmlns")]
    pub(super) xmlns: Namespace,
    pub(super) resource_record_sets: ResourceRecordSets,
    pub(super) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_record_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_record_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_record_identifier: Option<String>,
    pub(super) max_items: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: Namespace,
    error: Error<'a>,
    request_id: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
}

pub(super) fn zone_id(id: &str) -> String {
    format!("{ZONE_PATH}{id}")
}

/// A document under the given root; one that does not serialize is our fault, not the caller's.
pub(super) fn document(status: StatusCode, root: &str, content: &impl Serialize) -> Response<Bytes> {
    let (status, text) = match quick_xml::se::to_string_with_root(root, content) {
        Ok(xml) => (status, format!("<?xml version=\"1.0\"?>\n{xml}")),
        Err(error) => {
            tracing::error!(%error, root, "Route53 answer does not serialize");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let xml = header::HeaderValue::from_static("text/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

/// An error as every AWS REST-XML client reads it.
pub(super) fn error(status: StatusCode, code: &str, message: &str, request_id: &str) -> Response<Bytes> {
    let content = ErrorResponse {
        xmlns: Namespace,
        error: Error {
            r#type: if status.is_server_error() {
                "Receiver"
            } else {
                "Sender"
            },
            code,
            message,
        },
        request_id,
    };
    document(status, "ErrorResponse", &content)
}
