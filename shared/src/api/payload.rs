//! Bodies as arguments of handlers, with the header that makes a call repeatable. A handler takes one of these.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use http::HeaderName;
use sha2::{Digest, Sha256};

use super::{
    body::{Fields, FromBody},
    error::ApiError,
    headers::Headers,
};
use crate::store::Idempotency;
use certmint_core::words::hex;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

fn read<T: FromBody>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut fields = match bytes {
        [] if T::OPTIONAL => Fields::none(),
        bytes => Fields::parse(bytes, T::MOST)?,
    };
    let body = T::read(&mut fields)?;
    fields.end()?;
    Ok(body)
}

async fn bytes<S: Send + Sync>(request: Request, all: &S) -> Result<Bytes, ApiError> {
    Headers(request.headers()).check_content()?;
    let bytes = Bytes::from_request(request, all).await;
    bytes.map_err(|_| ApiError::format("body", "did not arrive whole"))
}

/// The body of a call.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: FromBody> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, all: &S) -> Result<Self, ApiError> {
        read(&bytes(request, all).await?).map(Self)
    }
}

/// What a call without fields takes: nothing, or an object without any.
struct Empty;

impl FromBody for Empty {
    const OPTIONAL: bool = true;

    fn read(_: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// The body of a call that takes none: a field that comes all the same was meant for something.
pub(super) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, all: &S) -> Result<Self, ApiError> {
        read::<Empty>(&bytes(request, all).await?).map(|_| Self)
    }
}

/// A body whose call may be repeated under an `Idempotency-Key`.
pub(super) trait Repeatable: FromBody {
    /// Keys of different calls are different keys.
    const CALL: &'static str;
}

/// The body of such a call, and its key.
pub(super) struct Once<T> {
    pub(super) key: Option<Idempotency>,
    pub(super) body: T,
}

impl<S: Send + Sync, T: Repeatable> FromRequest<S> for Once<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, all: &S) -> Result<Self, ApiError> {
        let key = Headers(request.headers()).chosen(&IDEMPOTENCY_KEY, "Idempotency-Key")?;
        let fits = |key: &str| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        if key.is_some_and(|key| !fits(key)) {
            let why = "must be 1 to 255 visible ASCII characters";
            return Err(ApiError::value("Idempotency-Key", why));
        }
        let key = key.map(|key| format!("{}#{key}", T::CALL));
        let bytes = bytes(request, all).await?;
        let key = key.map(|key| Idempotency {
            key,
            body_hash: hex(&Sha256::digest(&bytes)),
        });
        Ok(Self {
            key,
            body: read(&bytes)?,
        })
    }
}
