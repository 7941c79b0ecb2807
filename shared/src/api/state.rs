//! What the calls work with. Each resource takes its part of it.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{
    auth::Auth,
    server::{Served, Server},
};
use crate::{
    kick::Kick,
    store::{CertificateStore, ChallengeStore, Stores},
    vault::{Deposit, KeyVault},
};
use certmint_core::{clock::Clock, provider::Providers, words::Timestamp};

/// The capabilities of the API, which reads no key.
#[derive(Clone)]
pub(super) struct Capabilities {
    pub(super) store: Stores,
    pub(super) deposit: Arc<dyn Deposit>,
    pub(super) providers: Arc<Providers>,
    pub(super) kick: Arc<dyn Kick>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) auth: Arc<Auth>,
}

macro_rules! parts {
    ($($all:ty => $part:ty: $of:ident $(. $field:ident)*;)*) => {$(
        impl FromRef<$all> for $part {
            fn from_ref(all: &$all) -> Self {
                all.$of$(.$field)*.clone()
            }
        }
    )*};
}

parts! {
    Capabilities => Arc<Auth>: auth;
    Capabilities => Arc<dyn Clock>: clock;
    Capabilities => Arc<dyn ChallengeStore>: store.challenges;
    Downloads => Arc<Auth>: auth;
    Downloads => Arc<dyn Clock>: clock;
}

impl Served for Capabilities {
    const BY: Server = Server::Api;
}

impl Served for Downloads {
    const BY: Server = Server::Download;
}

/// What hands out private keys: a function of its own, so that the one that strangers reach first reads none.
#[derive(Clone)]
pub(super) struct Downloads {
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) keys: Arc<dyn KeyVault>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) auth: Arc<Auth>,
}

/// The moment of a call.
pub(super) struct Now(pub(super) Timestamp);

impl<S: Sync> FromRequestParts<S> for Now
where
    Arc<dyn Clock>: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, all: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(<Arc<dyn Clock>>::from_ref(all).now()))
    }
}
