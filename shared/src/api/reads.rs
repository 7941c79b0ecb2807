//! Calls that only read. Which of the fifteen questions each answers stands in `docs/api.md`.

use serde_json::json;

use super::{
    Api, Data, data,
    input::{Params, id_in_path},
    wire::{BindingView, DESIRED, List, ProviderView, RequestView, TxtView},
};
use crate::store::{BindingFilter, RequestFilter};
use certmint_core::{
    issuance::RequestStatus,
    words::{AccountId, CertificateId, Page, RequestId},
};

const STATUSES: [(&str, RequestStatus); 4] = [
    ("pending", RequestStatus::Pending),
    ("running", RequestStatus::Running),
    ("success", RequestStatus::Success),
    ("failed", RequestStatus::Failed),
];

impl Api {
    pub(super) async fn list_requests(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let filter = RequestFilter {
            status: params.word("status", &STATUSES)?,
            account_id: params.number("accountId")?.map(AccountId::new),
            min_attempts: params.number("minAttempts")?,
        };
        let found = self.store.requests(&filter, &page).await?;
        data(&List::of(found, &page, RequestView::from))
    }

    pub(super) async fn one_request(&self, id: &str) -> Data {
        let request = self.store.request(RequestId::new(id_in_path(id)?)).await?;
        data(&RequestView::in_full(request))
    }

    pub(super) async fn summary(&self) -> Data {
        let counts = self.store.request_counts().await?;
        let total: u64 = counts.iter().map(|(_, n)| n).sum();
        let by_status: serde_json::Map<_, _> = counts
            .iter()
            .map(|(status, n)| (status.as_str().to_owned(), json!(n)))
            .collect();
        data(&json!({"byStatus": by_status, "total": total}))
    }

    pub(super) async fn list_providers(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let troubles = self.store.provider_troubles().await?;
        let all: Vec<_> = self
            .providers
            .iter()
            .filter(|p| {
                params
                    .get("requiresEab")
                    .is_none_or(|x| x == p.requires_eab.to_string())
            })
            .collect();
        data(&List::of(Page::of_all(all, &page), &page, |p| {
            ProviderView::of(p, troubles.iter().find(|t| t.provider_id == p.id))
        }))
    }

    pub(super) async fn list_challenges(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let desired = match params.word("desired_state", &DESIRED)? {
            None => params.word("desiredState", &DESIRED)?,
            desired => desired,
        };
        let found = self.store.txt_records(desired, &page).await?;
        data(&List::of(found, &page, TxtView::from))
    }

    pub(super) async fn list_bindings(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let filter = BindingFilter {
            certificate_id: params.number("certificateId")?.map(CertificateId::new),
            active: params.word("status", &[("active", true), ("inactive", false)])?,
        };
        let found = self.store.bindings(&filter, &page).await?;
        data(&List::of(found, &page, BindingView::from))
    }
}
