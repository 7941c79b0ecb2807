//! TXT records as JSON.

use serde::Serialize;

use certmint_core::challenge::{DesiredState, TxtRecord};

/// A TXT record in the shape that the contract gives.
#[derive(Serialize)]
pub(in crate::api) struct TxtView {
    r#type: &'static str,
    name: String,
    value: String,
    ttl: u32,
    zone: String,
    status: &'static str,
    desired_state: &'static str,
    owner_type: &'static str,
    owner_id: u64,
    created_at: String,
    updated_at: String,
}

impl From<TxtRecord> for TxtView {
    fn from(record: TxtRecord) -> Self {
        Self {
            r#type: "TXT",
            name: record.fqdn.relative_to(&record.zone).to_owned(),
            value: record.value,
            ttl: certmint_core::challenge::TXT_TTL,
            zone: record.zone.to_string(),
            status: record.status.as_str(),
            desired_state: record.desired_state.as_str(),
            owner_type: "acme_challenge",
            owner_id: record.owner_id.get(),
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
        }
    }
}

/// The words of a desired state in a query.
pub(in crate::api) const DESIRED: [(&str, DesiredState); 2] = [
    ("present", DesiredState::Present),
    ("absent", DesiredState::Absent),
];
