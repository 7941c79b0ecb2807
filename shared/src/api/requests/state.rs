//! What calls about requests work with.

use std::sync::Arc;

use axum::extract::FromRef;

use super::{standing::Certificates, wire::RequestView};
use crate::{
    api::{
        envelope::{Answer, Data},
        error::ApiError,
        state::Capabilities,
    },
    kick::Kick,
    store::{AccountStore, FallbackPolicy, RequestLifecycle, RequestStore, SingleFlight, StoreError},
};
use certmint_core::{
    account::Account,
    issuance::{Request, RequestStatus},
    provider::{Provider, Providers},
};

#[derive(Clone)]
pub(super) struct Requests {
    pub(super) store: Arc<dyn RequestStore>,
    pub(super) flights: Arc<dyn SingleFlight>,
    pub(super) certificates: Certificates,
    pub(super) lifecycle: Arc<dyn RequestLifecycle>,
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) fallback: Arc<dyn FallbackPolicy>,
    pub(super) providers: Arc<Providers>,
    pub(super) kick: Arc<dyn Kick>,
}

impl Requests {
    /// The CA of an account.
    pub(super) fn provider(&self, account: &Account) -> Result<&Provider, ApiError> {
        let found = self.providers.by_id(account.provider_id);
        found.ok_or_else(|| {
            let id = account.id;
            ApiError::state(format!(
                "the provider of account {id} is no longer configured; use another account"
            ))
        })
    }

    /// A request in full, with what a person should know of its names. One read of the account at work if the request
    /// failed (what its account needs comes first then), or if a star covers one of its names.
    pub(super) async fn shown(&self, request: Request) -> Data<RequestView> {
        let failed = request.status == RequestStatus::Failed;
        let account = match failed || request.names.covered().next().is_some() {
            true => match self.accounts.account(request.account()).await {
                Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => None,
                account => Some(account?),
            },
            false => None,
        };
        let ca = account
            .as_ref()
            .and_then(|account| self.providers.by_id(account.provider_id));
        let warnings = ca.map_or_else(Vec::new, |ca| {
            ca.orders.notes(&ca.name, &request.names, &request.key)
        });
        let needs = account.as_ref().filter(|_| failed);
        Ok(Answer(
            RequestView::in_full(request, needs).with_warnings(warnings),
        ))
    }
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
                deposit: all.deposit.clone(),
            },
            lifecycle: all.store.request_lifecycle.clone(),
            accounts: all.store.accounts.clone(),
            fallback: all.store.fallback.clone(),
            providers: all.providers.clone(),
            kick: all.kick.clone(),
        }
    }
}
