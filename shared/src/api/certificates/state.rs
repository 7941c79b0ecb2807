//! What calls about certificates work with.

use std::sync::Arc;

use axum::extract::FromRef;

use super::{renewed::with_renewals, wire::CertificateView};
use crate::{
    api::{error::ApiError, state::Capabilities},
    kick::Kick,
    store::{
        AccountStore, CertificateLifecycle, CertificateRelations, CertificateStore, RenewalStore,
        RequestStore, SecretIntents,
    },
    vault::Deposit,
};
use certmint_core::{certificate::Certificate, provider::Providers, words::Timestamp};

#[derive(Clone)]
pub(super) struct Certificates {
    pub(super) store: Arc<dyn CertificateStore>,
    pub(super) relations: Arc<dyn CertificateRelations>,
    pub(super) lifecycle: Arc<dyn CertificateLifecycle>,
    pub(super) renewals: Arc<dyn RenewalStore>,
    pub(super) requests: Arc<dyn RequestStore>,
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) intents: Arc<dyn SecretIntents>,
    pub(super) deposit: Arc<dyn Deposit>,
    pub(super) providers: Arc<Providers>,
    pub(super) kick: Arc<dyn Kick>,
}

impl FromRef<Capabilities> for Certificates {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            store: all.store.certificates.clone(),
            relations: all.store.relations.clone(),
            lifecycle: all.store.certificate_lifecycle.clone(),
            renewals: all.store.renewals.clone(),
            requests: all.store.requests.clone(),
            accounts: all.store.accounts.clone(),
            intents: all.store.secret_intents.clone(),
            deposit: all.deposit.clone(),
            providers: all.providers.clone(),
            kick: all.kick.clone(),
        }
    }
}

impl Certificates {
    pub(super) async fn view(
        &self,
        certificate: Certificate,
        now: Timestamp,
    ) -> Result<CertificateView, ApiError> {
        let id = certificate.id;
        let mut rows = with_renewals(&*self.renewals, vec![certificate]).await?;
        let row = rows.pop().map(|row| row.view(now));
        row.ok_or_else(|| ApiError::not_found(format!("certificate {id} does not exist")))
    }
}
