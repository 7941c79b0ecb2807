//! What a call's token must allow, as the first argument of its handler.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{auth::Scope, error::ApiError, headers::Headers, state::Capabilities};

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

impl FromRequestParts<Capabilities> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, _: &Capabilities) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

macro_rules! permits {
    ($($name:ident)*) => {$(
        /// Its token has the scope of that name.
        pub(super) struct $name;

        impl Permit for $name {
            const SCOPE: Option<Scope> = Some(Scope::$name);
        }

        impl FromRequestParts<Capabilities> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, all: &Capabilities) -> Result<Self, ApiError> {
                let now = all.clock.now();
                all.auth.check(&parts.headers, Scope::$name, now).await?;
                Headers(&parts.headers).check_conditions().map(|()| Self)
            }
        }
    )*};
}

permits! { Read Write Keys }
