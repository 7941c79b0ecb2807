//! Records as JSON. The five original calls speak snake_case, the later ones camelCase; both are contract.

mod accounts;
mod certificates;
mod requests;
mod zones;

use serde::Serialize;

pub(super) use self::{
    accounts::{AccountView, CreatedAccount, DefaultView, ProviderView},
    certificates::{BindingView, CertificateView, planned},
    requests::{OpenRequestView, RequestView},
    zones::{DESIRED, TxtView},
};
use certmint_core::words::{DomainName, Page, PageRequest};

/// A page of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    list: Vec<T>,
    total: u64,
    page: u32,
    page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(super) fn of<R>(page: Page<R>, asked: &PageRequest, row: impl FnMut(R) -> T) -> Self {
        Self {
            list: page.list.into_iter().map(row).collect(),
            total: page.total,
            page: asked.page,
            page_size: asked.page_size,
            next_cursor: page.next_cursor,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NameView {
    domain: String,
    is_wildcard: bool,
}

impl From<&DomainName> for NameView {
    fn from(name: &DomainName) -> Self {
        Self {
            domain: name.to_string(),
            is_wildcard: name.is_wildcard(),
        }
    }
}
