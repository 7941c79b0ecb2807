//! Requests for certificates.

mod calls;
mod create;
mod standing;
mod state;
mod wire;

use super::{openapi::Document, route::Route};

pub(super) fn routes() -> Vec<Route> {
    [create::routes(), calls::routes()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn describe(document: &mut Document) {
    create::describe(document);
    calls::describe(document);
}
