//! Accounts with CAs.

mod calls;
mod create;
mod defaults;
mod eab;
mod fallback;
mod state;
mod wire;

pub(super) use self::fallback::fallback_of;
use super::{openapi::Document, route::Handled, state::Capabilities};

pub(super) fn routes() -> Vec<Handled<Capabilities>> {
    let all = [
        create::routes(),
        calls::routes(),
        eab::routes(),
        defaults::routes(),
        fallback::routes(),
    ];
    all.into_iter().flatten().collect()
}

pub(super) fn describe(document: &mut Document) {
    for describe in [
        create::describe,
        calls::describe,
        eab::describe,
        defaults::describe,
        fallback::describe,
    ] {
        describe(document);
    }
}
