//! Certificates: looked at, deleted, restored.

use axum::extract::State;

use super::{state::Certificates, wire::CertificateView};
use crate::api::{
    describe::{Conflict, NotFound},
    envelope::{Answer, Data},
    payload::NoBody,
    permit::{Read, Write},
    query::Id,
    resource::routes,
    state::Now,
};
use certmint_core::words::CertificateId;

routes!["certificates": get, delete, restore];

/// One certificate with its names and its chain; never its key.
#[utoipa::path(
    get,
    path = "/api/v1/certificates/{id}",
    operation_id = "getCertificate",
    responses(NotFound)
)]
async fn get(
    _: Read,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Id(id): Id,
) -> Data<CertificateView> {
    let certificate = certificates.store.certificate(CertificateId::new(id)).await?;
    let same = certificates.relations.same_names(&certificate).await?;
    let view = certificates.view(certificate, now).await?;
    Ok(Answer(view.with_same_names(&same)))
}

/// Deletes a certificate that no website uses; it can be restored for 30 days.
#[utoipa::path(
    post,
    path = "/api/v1/certificate/{id}/delete",
    operation_id = "deleteCertificate",
    responses(NotFound, Conflict)
)]
async fn delete(
    _: Write,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Id(id): Id,
    _: NoBody,
) -> Data<CertificateView> {
    let id = CertificateId::new(id);
    let certificate = certificates.lifecycle.delete_certificate(id, now).await?;
    Ok(Answer(certificates.view(certificate, now).await?))
}

/// Takes a deletion back.
#[utoipa::path(
    post,
    path = "/api/v1/certificate/{id}/restore",
    operation_id = "restoreCertificate",
    responses(NotFound, Conflict)
)]
async fn restore(
    _: Write,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Id(id): Id,
    _: NoBody,
) -> Data<CertificateView> {
    let id = CertificateId::new(id);
    let certificate = certificates.lifecycle.restore_certificate(id, now).await?;
    Ok(Answer(certificates.view(certificate, now).await?))
}
