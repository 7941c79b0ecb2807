//! Renewals: which certificates need one, started, switched on and off, on which terms.

mod candidates;
mod settings;
mod state;
mod trigger;
mod versions;

use super::{openapi::Document, route::Handled, state::Capabilities};

pub(super) fn routes() -> Vec<Handled<Capabilities>> {
    let all = [
        candidates::routes(),
        trigger::routes(),
        settings::routes(),
        versions::routes(),
    ];
    all.into_iter().flatten().collect()
}

pub(super) fn describe(document: &mut Document) {
    for describe in [
        candidates::describe,
        trigger::describe,
        settings::describe,
        versions::describe,
    ] {
        describe(document);
    }
}
