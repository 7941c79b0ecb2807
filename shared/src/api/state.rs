//! What the calls work with. Each resource takes its part of it.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::auth::Auth;
use crate::{
    kick::Kick,
    store::{ChallengeStore, Stores},
    vault::KeyVault,
};
use certmint_core::{clock::Clock, provider::Providers, words::Timestamp};

/// The capabilities of the API.
#[derive(Clone)]
pub(super) struct Capabilities {
    pub(super) store: Stores,
    pub(super) vault: Arc<dyn KeyVault>,
    pub(super) providers: Arc<Providers>,
    pub(super) kick: Arc<dyn Kick>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) auth: Arc<Auth>,
}

impl FromRef<Capabilities> for Arc<dyn ChallengeStore> {
    fn from_ref(all: &Capabilities) -> Self {
        all.store.challenges.clone()
    }
}

/// The moment of a call.
pub(super) struct Now(pub(super) Timestamp);

impl FromRequestParts<Capabilities> for Now {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, all: &Capabilities) -> Result<Self, Self::Rejection> {
        Ok(Self(all.clock.now()))
    }
}
