//! The versions of a certificate.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::state::Renewals;
use crate::api::{
    certificates::Include,
    describe::NotFound,
    envelope::{Answer, Data},
    paging::{List, Paged},
    permit::Read,
    query::{Id, Query},
    resource::routes,
};
use certmint_core::{certificate::Certificate, words::CertificateId};

routes!["certificates": list];

/// One version of a certificate.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CertificateVersion)]
struct VersionView {
    version: u64,
    fingerprint: String,
    serial: String,
    issuer: String,
    #[schema(format = DateTime)]
    issue_at: String,
    #[schema(format = DateTime)]
    expire_at: String,
    request_id: Option<u64>,
    profile: Option<String>,
    current: bool,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// Only with include=pem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    certificate_pem: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl VersionView {
    fn of(certificate: Certificate, current: bool, pem: bool) -> Self {
        let revocation = certificate.lifecycle.revocation.as_ref();
        let revoked_at = revocation.and_then(|r| r.revoked_at);
        Self {
            revoked_at: revoked_at.map(|at| at.to_string()),
            version: certificate.version,
            serial: certificate.serial,
            issuer: certificate.issuer,
            issue_at: certificate.not_before.to_string(),
            expire_at: certificate.expires_at.to_string(),
            request_id: certificate.request_id.map(|id| id.get()),
            profile: certificate.profile,
            current,
            certificate_pem: pem.then(|| format!("{}{}", certificate.cert_pem, certificate.chain_pem)),
            created_at: certificate.updated_at.to_string(),
            fingerprint: certificate.fingerprint,
        }
    }
}

/// The versions of a certificate, newest first; never their keys.
#[utoipa::path(
    get,
    path = "/api/v1/certificates/{id}/versions",
    operation_id = "listCertificateVersions",
    responses(NotFound)
)]
async fn list(
    _: Read,
    State(renewals): State<Renewals>,
    Id(id): Id,
    paged: Paged,
    Query(Include { pem }): Query<Include>,
) -> Data<List<VersionView>> {
    let id = CertificateId::new(id);
    let found = renewals.store.versions_page(id, &paged.page, pem).await?;
    // As many versions as the newest one's number says.
    let newest = found.total;
    Ok(Answer(paged.answer(found, |certificate| {
        let current = certificate.version == newest;
        VersionView::of(certificate, current, pem)
    })))
}
