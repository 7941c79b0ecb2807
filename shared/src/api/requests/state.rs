//! What calls about requests work with.

use std::sync::Arc;

use axum::extract::FromRef;

use super::wire::RequestView;
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
    issuance::Request,
    provider::{Provider, Providers},
};

#[derive(Clone)]
pub(super) struct Requests {
    pub(super) store: Arc<dyn RequestStore>,
    pub(super) flights: Arc<dyn SingleFlight>,
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

    /// A request in full, with what a person should know of its names. One read of the account at work, if a star covers
    /// one of them.
    pub(super) async fn shown(&self, request: Request) -> Data<RequestView> {
        let mut warnings = Vec::new();
        if request.names.covered().next().is_some() {
            let account = match self.accounts.account(request.account()).await {
                Ok(account) => Some(account),
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let ca = account.and_then(|account| self.providers.by_id(account.provider_id));
            warnings = ca.map_or_else(Vec::new, |ca| {
                ca.orders.notes(&ca.name, &request.names, &request.key)
            });
        }
        Ok(Answer(RequestView::in_full(request).with_warnings(warnings)))
    }
}

impl FromRef<Capabilities> for Requests {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            store: all.store.requests.clone(),
            flights: all.store.single_flight.clone(),
            lifecycle: all.store.request_lifecycle.clone(),
            accounts: all.store.accounts.clone(),
            fallback: all.store.fallback.clone(),
            providers: all.providers.clone(),
            kick: all.kick.clone(),
        }
    }
}
