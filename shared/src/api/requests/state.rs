//! What calls about requests work with.

use std::sync::Arc;

use axum::extract::FromRef;

use super::{standing::Certificates, wire::RequestView};
use crate::{
    api::state::Capabilities,
    kick::Kick,
    store::{AccountStore, FallbackPolicy, RequestLifecycle, RequestStore, SingleFlight, StoreError},
};
use certmint_core::issuance::{Request, RequestStatus};

#[derive(Clone)]
pub(super) struct Requests {
    pub(super) store: Arc<dyn RequestStore>,
    pub(super) flights: Arc<dyn SingleFlight>,
    pub(super) certificates: Certificates,
    pub(super) lifecycle: Arc<dyn RequestLifecycle>,
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) fallback: Arc<dyn FallbackPolicy>,
    pub(super) kick: Arc<dyn Kick>,
}

impl FromRef<Capabilities> for Requests {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            store: all.store.requests.clone(),
            flights: all.store.single_flight.clone(),
            certificates: Certificates {
                certificates: all.store.certificates.clone(),
                relations: all.store.relations.clone(),
                renewals: all.store.renewals.clone(),
                vault: all.vault.clone(),
            },
            lifecycle: all.store.request_lifecycle.clone(),
            accounts: all.store.accounts.clone(),
            fallback: all.store.fallback.clone(),
            kick: all.kick.clone(),
        }
    }
}

impl Requests {
    /// A request in full. One read more if it failed: what its account needs comes first then.
    pub(super) async fn shown(&self, request: Request) -> Result<RequestView, StoreError> {
        let account = match request.status {
            RequestStatus::Failed => self.accounts.account(request.account()).await.map(Some),
            _ => Ok(None),
        };
        let account = match account {
            Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => None,
            account => account?,
        };
        Ok(RequestView::in_full(request, account.as_ref()))
    }
}
