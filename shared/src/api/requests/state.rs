//! What calls about requests work with.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::{
    api::state::Capabilities,
    kick::Kick,
    store::{AccountStore, FallbackPolicy, RequestLifecycle, RequestStore, SingleFlight},
};

#[derive(Clone)]
pub(super) struct Requests {
    pub(super) store: Arc<dyn RequestStore>,
    pub(super) flights: Arc<dyn SingleFlight>,
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
            lifecycle: all.store.request_lifecycle.clone(),
            accounts: all.store.accounts.clone(),
            fallback: all.store.fallback.clone(),
            kick: all.kick.clone(),
        }
    }
}
