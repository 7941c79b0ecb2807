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
    state::Capabilities,
};

/// A call that the API answers.
#[derive(Debug)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The whole path, with `{id}` for an id.
    pub path: String,
    /// What its token must allow; none needs no token.
    pub scope: Option<Scope>,
    pub(super) handler: MethodRouter<Capabilities>,
}

impl Route {
    /// Cheap enough for a cold start: nothing is described here.
    pub(super) fn of<P: Path, T: 'static, H: Call<T>>(handler: H) -> Self {
        let (method, filter) = match P::methods().first() {
            Some(HttpMethod::Post) => ("POST", MethodFilter::POST),
            _ => ("GET", MethodFilter::GET),
        };
        Self {
            method,
            path: P::path(),
            scope: H::SCOPE,
            handler: on(filter, handler),
        }
    }
}

/// A handler whose first argument is its scope, and whose others say what they take.
pub(super) trait Call<T>: Handler<T, Capabilities> {
    const SCOPE: Option<Scope>;

    /// What the arguments and the answer say.
    fn describe(call: &mut Description<'_>);
}

macro_rules! calls {
    ($(($($part:ident)*))*) => {$(
        impl<F, Fut, M, S, $($part,)* R> Call<(M, S, $($part,)*)> for F
        where
            F: Handler<(M, S, $($part,)*), Capabilities> + FnOnce(S, $($part,)*) -> Fut,
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
