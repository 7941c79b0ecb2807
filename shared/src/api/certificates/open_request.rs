//! Requests as rows beside certificates.

use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use super::wire::NameView;
use crate::api::describe::words;
use certmint_core::{
    certificate::CertificateSource,
    issuance::{Request, RequestStatus},
};

/// Requests without a certificate.
pub(super) const OPEN: [RequestStatus; 3] = [
    RequestStatus::Pending,
    RequestStatus::Running,
    RequestStatus::Failed,
];

const REQUEST: &str = "request";

fn request_word() -> ObjectBuilder {
    words([REQUEST])
}

fn open_words() -> ObjectBuilder {
    words(OPEN.map(RequestStatus::as_str))
}

fn acme_word() -> ObjectBuilder {
    words([CertificateSource::Acme.as_str()])
}

/// A request without a certificate, as a row beside certificates.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenRequest)]
pub(super) struct OpenRequestView {
    id: u64,
    #[schema(schema_with = request_word)]
    kind: &'static str,
    #[schema(schema_with = open_words)]
    status: &'static str,
    #[schema(schema_with = acme_word)]
    source: &'static str,
    acme_account_id: u64,
    request_id: u64,
    attempts: u32,
    poll_max_attempts: u32,
    phase: &'static str,
    next_action: &'static str,
    reason: String,
    last_error: Option<String>,
    domains: Vec<NameView>,
    /// There is none yet.
    #[schema(format = DateTime)]
    issue_at: Option<String>,
    #[schema(format = DateTime)]
    expire_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Request> for OpenRequestView {
    fn from(request: Request) -> Self {
        Self {
            id: request.id.get(),
            kind: REQUEST,
            status: request.status.as_str(),
            source: CertificateSource::Acme.as_str(),
            acme_account_id: request.account_id.get(),
            request_id: request.id.get(),
            attempts: request.issuance.attempts,
            poll_max_attempts: request.issuance.max_attempts,
            phase: request.issuance.phase.name(),
            next_action: request.issuance.next_action(),
            reason: request.issuance.reason().to_owned(),
            domains: request.names.as_slice().iter().map(NameView::from).collect(),
            last_error: request.last_error,
            issue_at: None,
            expire_at: None,
            created_at: request.created_at.to_string(),
            updated_at: request.updated_at.to_string(),
        }
    }
}
