//! Paths and methods that are no call.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, Method, Uri, uri::PathAndQuery};

use super::{
    auth::{Auth, Scope},
    error::ApiError,
    state::Now,
};

/// What the paths of all calls begin with.
const BASE: &str = "/api/v1";

/// A token is asked for first: a stranger learns nothing of what exists.
async fn refused(
    auth: &Auth,
    Now(now): Now,
    method: &Method,
    headers: &HeaderMap,
    error: impl FnOnce() -> ApiError,
) -> ApiError {
    let scope = match *method {
        Method::GET | Method::HEAD => Scope::Read,
        _ => Scope::Write,
    };
    match auth.check(headers, scope, now).await {
        Ok(_) => error(),
        Err(refusal) => refusal,
    }
}

fn no_call(method: &Method, uri: &Uri) -> String {
    let path = uri.path();
    let path = path.strip_prefix(BASE).unwrap_or(path);
    format!("{method} {path} is no call of this service")
}

pub(super) async fn no_path(
    State(auth): State<Arc<Auth>>,
    now: Now,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> ApiError {
    let error = || ApiError::not_found(no_call(&method, &uri));
    refused(&auth, now, &method, &headers, error).await
}

pub(super) async fn no_method(
    State(auth): State<Arc<Auth>>,
    now: Now,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> ApiError {
    let error = || ApiError::wrong_method(no_call(&method, &uri));
    refused(&auth, now, &method, &headers, error).await
}

/// A path of another function, which got here since API Gateway compares paths to the letter.
pub(super) async fn elsewhere(
    State(auth): State<Arc<Auth>>,
    now: Now,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> ApiError {
    let error = || ApiError::not_found(format!("this call has one spelling: {method} {}", uri.path()));
    refused(&auth, now, &method, &headers, error).await
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
