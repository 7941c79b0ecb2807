//! Certificates and where they are used.

mod bindings;
mod calls;
mod download;
mod include;
mod list;
mod merged;
mod open_request;
mod renewed;
mod revoke;
mod state;
mod upload;
mod wire;

pub(super) use self::{
    include::Include,
    renewed::{Renewed, with_renewals},
    wire::{ERROR, planned, renew_as_words, renew_mode_words, source_words, status_words},
};
use super::{
    openapi::Document,
    route::Handled,
    state::{Capabilities, Downloads},
};

pub(super) fn routes() -> Vec<Handled<Capabilities>> {
    let all = [
        list::routes(),
        calls::routes(),
        bindings::routes(),
        upload::routes(),
        revoke::routes(),
    ];
    all.into_iter().flatten().collect()
}

/// What hands out private keys.
pub(super) fn downloads() -> Vec<Handled<Downloads>> {
    download::routes()
}

pub(super) fn describe(document: &mut Document) {
    for describe in [
        list::describe,
        calls::describe,
        bindings::describe,
        upload::describe,
        download::describe,
        revoke::describe,
    ] {
        describe(document);
    }
}
