//! What calls about renewals work with.

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa::ToSchema;

use crate::{
    api::{
        body::{Fields, FromBody},
        certificates::{Renewed, with_renewals},
        error::ApiError,
        state::Capabilities,
    },
    kick::Kick,
    renewal_request::RenewalRequests,
    store::{AccountStore, CertificateStore, RenewalStore},
};
use certmint_core::{certificate::CertificateSource, words::CertificateId};

#[derive(Clone)]
pub(super) struct Renewals {
    pub(super) store: Arc<dyn RenewalStore>,
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) requests: RenewalRequests,
    pub(super) kick: Arc<dyn Kick>,
}

impl FromRef<Capabilities> for Renewals {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            store: all.store.renewals.clone(),
            certificates: all.store.certificates.clone(),
            accounts: all.store.accounts.clone(),
            requests: RenewalRequests {
                requests: all.store.requests.clone(),
                accounts: all.store.accounts.clone(),
                fallback: all.store.fallback.clone(),
                relations: all.store.relations.clone(),
            },
            kick: all.kick.clone(),
        }
    }
}

/// A body that is nothing but a certificate.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CertificateChoice {
    #[schema(value_type = u64, minimum = 1)]
    pub(super) certificate_id: CertificateId,
}

impl FromBody for CertificateChoice {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            certificate_id: CertificateId::new(fields.id("certificateId")?),
        })
    }
}

async fn renewed(renewals: &Renewals, id: CertificateId) -> Result<Renewed, ApiError> {
    let certificate = renewals.certificates.certificate(id).await?;
    let mut rows = with_renewals(&*renewals.store, vec![certificate]).await?;
    rows.pop()
        .ok_or_else(|| ApiError::not_found(format!("certificate {id} does not exist")))
}

/// One that its CA can renew, and that none succeeded.
pub(super) async fn renewable(renewals: &Renewals, id: CertificateId) -> Result<Renewed, ApiError> {
    let row = renewed(renewals, id).await?;
    let certificate = &row.certificate;
    if certificate.source != CertificateSource::Acme || certificate.account_id.is_none() {
        return Err(ApiError::state(format!(
            "certificate {id} is not from ACME; upload its successor instead"
        )));
    }
    if certificate.lifecycle.deleted_at.is_some() {
        return Err(ApiError::state(format!(
            "certificate {id} is deleted; restore it first"
        )));
    }
    if let Some(other) = row.renewal.succeeded_by {
        return Err(ApiError::state(format!(
            "certificate {id} was renewed as certificate {other}; renew that one"
        )));
    }
    Ok(row)
}
