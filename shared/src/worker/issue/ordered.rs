//! A request as the CA at work is asked.

use std::borrow::Cow;

use certmint_core::{issuance::Request, provider::Provider};

/// The request with the names of its order, and so of CSR, certificate and limits. They may be fewer than the client's,
/// and others after a failover; what is stored is always the client's.
pub(super) fn as_ordered<'a>(request: &'a Request, provider: &Provider) -> Cow<'a, Request> {
    let names = provider.orders.ordered(&request.names, &request.key);
    match names == request.names {
        true => Cow::Borrowed(request),
        false => Cow::Owned(Request {
            names,
            ..request.clone()
        }),
    }
}
