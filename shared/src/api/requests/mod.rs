//! Requests for certificates.

mod calls;
mod create;
mod standing;
mod state;
mod wire;

use super::{openapi::Document, route::Handled, state::Capabilities};

pub(super) fn routes() -> Vec<Handled<Capabilities>> {
    [create::routes(), calls::routes()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn describe(document: &mut Document) {
    create::describe(document);
    calls::describe(document);
}
