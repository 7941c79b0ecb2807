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
mod headers;
mod health;
mod limits;
mod openapi;
mod paging;
mod payload;
mod permit;
mod providers;
mod query;
mod renewals;
mod requests;
mod resource;
mod route;
mod server;
mod state;

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, FromRef, Request},
    response::Response,
    routing::any,
};
use http::{
    StatusCode,
    header::{ALLOW, CONTENT_LENGTH},
};
use tower_service::Service;

use self::{
    auth::Auth,
    openapi::Document,
    route::Handled,
    state::{Capabilities, Downloads},
};
pub use self::{auth::Scope, route::Route, server::Server};
use crate::{
    kick::Kick,
    store::{CertificateStore, Stores},
    vault::{Deposit, KeyVault},
};
use certmint_core::{clock::Clock, provider::Providers};

macro_rules! resources {
    ($($resource:ident),*) => {
        fn of_api() -> Vec<Handled<Capabilities>> {
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

/// The calls that the API answers: the scope that each needs, and who serves it.
#[must_use]
pub fn routes() -> Vec<Route> {
    let of_api = of_api().into_iter().map(|handled| handled.route);
    let downloads = certificates::downloads().into_iter().map(|handled| handled.route);
    of_api.chain(downloads).collect()
}

fn router<S: Clone + Send + Sync + 'static>(handled: Vec<Handled<S>>) -> Router<S> {
    handled.into_iter().fold(Router::new(), |router, handled| {
        router.route(&handled.route.path, handled.handler)
    })
}

/// Calls over what they work with.
#[derive(Clone)]
pub struct Api {
    router: Router,
}

impl Api {
    /// All calls but those that hand out private keys: over a store, where tokens' hashes are, where secrets are put, the
    /// configured CAs, the worker's bell and a clock.
    #[must_use]
    pub fn new(
        store: impl Into<Stores>,
        tokens: Arc<dyn KeyVault>,
        deposit: Arc<dyn Deposit>,
        providers: Providers,
        kick: Arc<dyn Kick>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let capabilities = Capabilities {
            auth: Arc::new(Auth::new(tokens)),
            providers: Arc::new(providers),
            store: store.into(),
            deposit,
            kick,
            clock,
        };
        let paths: BTreeSet<String> = certificates::downloads()
            .into_iter()
            .map(|handled| handled.route.path)
            .collect();
        let others = paths.iter().fold(router(of_api()), |router, path| {
            router.route(path, any(fallback::elsewhere))
        });
        Self::over(others, capabilities)
    }

    /// The calls that hand out private keys: over the certificates, where tokens' hashes are, the keys and a clock.
    #[must_use]
    pub fn downloads(
        certificates: Arc<dyn CertificateStore>,
        tokens: Arc<dyn KeyVault>,
        keys: Arc<dyn KeyVault>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let downloads = Downloads {
            auth: Arc::new(Auth::new(tokens)),
            certificates,
            keys,
            clock,
        };
        Self::over(router(certificates::downloads()), downloads)
    }

    fn over<S>(router: Router<S>, state: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
        Arc<Auth>: FromRef<S>,
        Arc<dyn Clock>: FromRef<S>,
    {
        let router = router
            .fallback(fallback::no_path)
            .method_not_allowed_fallback(fallback::no_method)
            // Bodies have limits of their own, which answer in the envelope.
            .layer(DefaultBodyLimit::disable())
            .with_state(state);
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
