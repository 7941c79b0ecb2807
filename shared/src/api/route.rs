//! Routes. `#[utoipa::path]` at a handler says its method, its path and what it does; its arguments say the rest: the
//! scope, the query, the body and the answer are those that the handler takes and gives.

use std::future::Future;

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use utoipa::{Path, openapi::HttpMethod};

use super::{
    auth::Scope,
    describe::{Description, Part},
    permit::Permit,
    server::{Served, Server},
};

/// A call that the API answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The whole path, with `{id}` for an id.
    pub path: String,
    /// What its token must allow; none needs no token.
    pub scope: Option<Scope>,
    /// Who answers.
    pub server: Server,
}

/// A route with its handler, over a state.
pub(super) struct Handled<S> {
    pub(super) route: Route,
    pub(super) handler: MethodRouter<S>,
}

impl<S: Served + Clone + Send + Sync + 'static> Handled<S> {
    /// Cheap enough for a cold start: nothing is described here.
    pub(super) fn of<P: Path, T: 'static, H: Call<T, S>>(handler: H) -> Self {
        let (method, filter) = match P::methods().first() {
            Some(HttpMethod::Post) => ("POST", MethodFilter::POST),
            _ => ("GET", MethodFilter::GET),
        };
        let route = Route {
            method,
            path: P::path(),
            scope: H::SCOPE,
            server: S::BY,
        };
        Self {
            route,
            handler: on(filter, handler),
        }
    }
}

/// A handler whose first argument is its scope, and whose others say what they take.
pub(super) trait Call<T, State>: Handler<T, State> {
    const SCOPE: Option<Scope>;

    /// What the arguments and the answer say.
    fn describe(call: &mut Description<'_>);
}

macro_rules! calls {
    ($(($($part:ident)*))*) => {$(
        impl<F, Fut, M, S, $($part,)* R, State> Call<(M, S, $($part,)*), State> for F
        where
            F: Handler<(M, S, $($part,)*), State> + FnOnce(S, $($part,)*) -> Fut,
            Fut: Future<Output = R>,
            S: Permit,
            $($part: Part,)*
            R: Part,
        {
            const SCOPE: Option<Scope> = S::SCOPE;

            fn describe(call: &mut Description<'_>) {
                if let Some(scope) = S::SCOPE {
                    call.needs(scope);
                }
                $($part::describe(call);)*
                R::describe(call);
            }
        }
    )*};
}

calls! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
}
