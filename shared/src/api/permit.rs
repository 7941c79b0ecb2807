//! What a call's token must allow, as the first argument of its handler.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{
    auth::{Allowed, Auth, Scope},
    error::ApiError,
    headers::Headers,
};
use certmint_core::{certificate::KeyPlan, clock::Clock};

/// The first argument of a handler: nothing about a call is looked at before it, so that a stranger learns nothing of
/// what exists.
pub(super) trait Permit {
    const SCOPE: Option<Scope>;
}

/// A call that needs no token.
pub(super) struct Anyone;

impl Permit for Anyone {
    const SCOPE: Option<Scope> = None;
}

impl<S: Sync> FromRequestParts<S> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// A call whose token has the scope `read`.
pub(super) struct Read;

/// A call whose token has the scope `write`, and what else it allows.
pub(super) struct Write(Allowed);

/// A call whose token has the scope `keys`.
pub(super) struct Keys;

macro_rules! permits {
    ($($name:ident: $of:expr;)*) => {$(
        impl Permit for $name {
            const SCOPE: Option<Scope> = Some(Scope::$name);
        }

        impl<S: Sync> FromRequestParts<S> for $name
        where
            Arc<Auth>: FromRef<S>,
            Arc<dyn Clock>: FromRef<S>,
        {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, all: &S) -> Result<Self, ApiError> {
                let now = <Arc<dyn Clock>>::from_ref(all).now();
                let auth = <Arc<Auth>>::from_ref(all);
                let allowed = auth.check(&parts.headers, Scope::$name, now).await?;
                Headers(&parts.headers).check_conditions()?;
                Ok($of(allowed))
            }
        }
    )*};
}

permits! {
    Read: |_| Self;
    Write: Self;
    Keys: |_| Self;
}

impl Write {
    /// That it may have a certificate issued for a client's key. Each call that sets off an issuance asks: else a token that
    /// reads no key of ours would get certificates for our names on a key of its own.
    pub(super) fn issues_for_client(&self) -> Result<(), ApiError> {
        match self.0.allows(Scope::Csr) {
            true => Ok(()),
            false => Err(ApiError::no_client_key()),
        }
    }

    /// The same for whose key that is.
    pub(super) fn issues_for(&self, key: &KeyPlan) -> Result<(), ApiError> {
        match key {
            KeyPlan::Client { .. } => self.issues_for_client(),
            KeyPlan::Us { .. } => Ok(()),
        }
    }
}
