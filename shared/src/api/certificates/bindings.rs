//! Which website uses which certificate.

use axum::extract::State;
use utoipa::{IntoParams, ToSchema};

use super::{
    state::Certificates,
    wire::{BINDINGS, BindingView, binding_words},
};
use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound},
        envelope::{Answer, Data},
        error::ApiError,
        paging::{List, Paged},
        payload::Json,
        permit::{Read, Write},
        query::{FromQuery, Id, Params},
        resource::routes,
        state::Now,
    },
    store::BindingFilter,
};
use certmint_core::{
    certificate::{Binding, CertificateStatus},
    words::{CertificateId, Timestamp},
};

routes!["certificates": list, bind, unbind];

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Asked {
    #[param(value_type = Option<u64>, minimum = 1)]
    certificate_id: Option<CertificateId>,
    #[param(rename = "status", schema_with = binding_words)]
    active: Option<bool>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            certificate_id: params.id("certificateId")?.map(CertificateId::new),
            active: params.word("status", &BINDINGS)?,
        })
    }
}

/// Which website uses which certificate.
#[utoipa::path(get, path = "/api/v1/certificates/bindings", operation_id = "listBindings")]
async fn list(
    _: Read,
    State(certificates): State<Certificates>,
    paged: Paged<Asked>,
) -> Data<List<BindingView>> {
    let filter = BindingFilter {
        certificate_id: paged.asked.certificate_id,
        active: paged.asked.active,
    };
    let found = certificates.store.bindings(&filter, &paged.page).await?;
    Ok(Answer(paged.answer(found, BindingView::from)))
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Website {
    #[schema(minimum = 1)]
    website_id: u64,
}

impl FromBody for Website {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            website_id: fields.id("websiteId")?,
        })
    }
}

async fn put(
    certificates: &Certificates,
    id: CertificateId,
    website_id: u64,
    active: bool,
    now: Timestamp,
) -> Data<BindingView> {
    let certificate = certificates.store.certificate(id).await?;
    let status = certificate.status(now);
    if active && status != CertificateStatus::Issued {
        let state = status.as_str();
        return Err(ApiError::state(format!(
            "certificate {id} is {state}; a website needs an issued one"
        )));
    }
    let binding = Binding {
        certificate_id: id,
        website_id,
        active,
    };
    certificates.store.put_binding(&binding, now).await?;
    Ok(Answer(BindingView::from(binding)))
}

/// A website uses this certificate from now on, and no other.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/{id}/bind",
    operation_id = "bindCertificate",
    responses(NotFound, Conflict)
)]
async fn bind(
    _: Write,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Id(id): Id,
    Json(Website { website_id }): Json<Website>,
) -> Data<BindingView> {
    put(&certificates, CertificateId::new(id), website_id, true, now).await
}

/// A website does not use this certificate any more.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/{id}/unbind",
    operation_id = "unbindCertificate",
    responses(NotFound, Conflict)
)]
async fn unbind(
    _: Write,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Id(id): Id,
    Json(Website { website_id }): Json<Website>,
) -> Data<BindingView> {
    put(&certificates, CertificateId::new(id), website_id, false, now).await
}
