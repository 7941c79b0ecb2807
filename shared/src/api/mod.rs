//! The HTTP API, apart from any transport: a request in, an answer out.

mod accounts;
mod auth;
mod body;
mod certificates;
mod challenges;
mod cursor;
mod describe;
mod envelope;
mod error;
mod fallback;
mod health;
mod limits;
mod openapi;
mod paging;
mod permit;
mod providers;
mod query;
mod renewals;
mod requests;
mod resource;
mod route;
mod state;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, Request},
    response::Response,
};
use http::{
    StatusCode,
    header::{ALLOW, CONTENT_LENGTH},
};
use tower_service::Service;

use self::{auth::Auth, openapi::Document, state::Capabilities};
pub use self::{auth::Scope, route::Route};
use crate::{kick::Kick, store::Stores, vault::KeyVault};
use certmint_core::{clock::Clock, provider::Providers};

macro_rules! resources {
    ($($resource:ident),*) => {
        /// The calls that the API answers, with the scope that each needs.
        #[must_use]
        pub fn routes() -> Vec<Route> {
            [$($resource::routes()),*].into_iter().flatten().collect()
        }

        /// The description of the API, as `infra/openapi.yaml` has it.
        #[must_use]
        pub fn openapi() -> utoipa::openapi::OpenApi {
            let mut document = Document::new();
            $($resource::describe(&mut document);)*
            document.finish()
        }
    };
}

resources![
    health,
    accounts,
    providers,
    limits,
    requests,
    challenges,
    certificates,
    renewals
];

/// The API over its capabilities.
#[derive(Clone)]
pub struct Api {
    router: Router,
}

impl Api {
    /// An API over a store, a vault, the configured CAs, the worker's bell and a clock.
    #[must_use]
    pub fn new(
        store: impl Into<Stores>,
        vault: Arc<dyn KeyVault>,
        providers: Providers,
        kick: Arc<dyn Kick>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let capabilities = Capabilities {
            auth: Arc::new(Auth::new(vault.clone())),
            providers: Arc::new(providers),
            store: store.into(),
            vault,
            kick,
            clock,
        };
        let router = routes()
            .into_iter()
            .fold(Router::new(), |router, route| {
                router.route(&route.path, route.handler)
            })
            .fallback(fallback::no_path)
            .method_not_allowed_fallback(fallback::no_method)
            // Bodies have limits of their own, which answer in the envelope.
            .layer(DefaultBodyLimit::disable())
            .with_state(capabilities);
        Self { router }
    }

    /// Answers a call. Every answer has the envelope.
    pub async fn handle<B>(&self, request: http::Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let mut request: Request = request.map(Body::new);
        fallback::leave_out_empty_parts(request.uri_mut());
        let mut router = self.router.clone();
        let Ok(mut response) = Service::call(&mut router, request).await;
        let status = response.status();
        let headers = response.headers_mut();
        // The transport counts; a stranger learns of no path.
        headers.remove(CONTENT_LENGTH);
        if status != StatusCode::METHOD_NOT_ALLOWED {
            headers.remove(ALLOW);
        }
        response
    }
}
