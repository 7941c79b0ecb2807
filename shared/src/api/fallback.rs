//! Paths and methods that are no call.

use axum::extract::State;
use http::{HeaderMap, Method, Uri, uri::PathAndQuery};

use super::{auth::Scope, error::ApiError, state::Capabilities};

/// What the paths of all calls begin with.
const BASE: &str = "/api/v1";

/// A token is asked for first: a stranger learns nothing of what exists.
async fn refused(
    all: &Capabilities,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    error: impl FnOnce(String) -> ApiError,
) -> ApiError {
    let scope = match *method {
        Method::GET | Method::HEAD => Scope::Read,
        _ => Scope::Write,
    };
    if let Err(error) = all.auth.check(headers, scope, all.clock.now()).await {
        return error;
    }
    let path = uri.path();
    let path = path.strip_prefix(BASE).unwrap_or(path);
    error(format!("{method} {path} is no call of this service"))
}

pub(super) async fn no_path(
    State(all): State<Capabilities>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> ApiError {
    refused(&all, &method, &uri, &headers, ApiError::not_found).await
}

pub(super) async fn no_method(
    State(all): State<Capabilities>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> ApiError {
    refused(&all, &method, &uri, &headers, ApiError::wrong_method).await
}

/// `/a//b/` is `/a/b`.
pub(super) fn leave_out_empty_parts(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !(path.contains("//") || path.ends_with('/')) {
        return;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(shorter) = format!("/{}{query}", parts.join("/")).parse::<PathAndQuery>() else {
        return;
    };
    let mut all = uri.clone().into_parts();
    all.path_and_query = Some(shorter);
    if let Ok(changed) = Uri::from_parts(all) {
        *uri = changed;
    }
}
