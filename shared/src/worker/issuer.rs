//! What issuing works with.

use std::sync::Arc;

use super::{
    accounts::Accounts,
    health::Health,
    issue::{limiter::Limiter, pace::Pace},
    renew::{self, Replaced},
    settings::WorkerSettings,
};
use crate::{
    acme::Ca,
    clock::Timer,
    dns::{DnsView, DnsZones, ledger::Ledger},
    store::{IssueStore, StoreError},
    vault::KeyVault,
};
use certmint_core::{
    certificate::Certificate,
    issuance::Request,
    provider::Providers,
    words::{Failure, Timestamp},
};

/// The world as issuing sees it.
pub(super) struct IssueAdapters {
    pub(super) store: Arc<dyn IssueStore>,
    pub(super) vault: Arc<dyn KeyVault>,
    pub(super) ca: Arc<dyn Ca>,
    pub(super) zones: Arc<dyn DnsZones>,
    pub(super) view: Arc<dyn DnsView>,
    pub(super) clock: Arc<dyn Timer>,
    pub(super) providers: Providers,
}

/// Does the effects of claimed requests.
pub(super) struct Issuer {
    pub(super) adapters: IssueAdapters,
    pub(super) ledger: Ledger,
    pub(super) accounts: Arc<Accounts>,
    pub(super) health: Arc<Health>,
    pub(super) limiter: Limiter,
    pub(super) settings: WorkerSettings,
    pub(super) pace: Pace,
}

impl Issuer {
    pub(super) fn now(&self) -> Timestamp {
        self.adapters.clock.now()
    }

    /// What the order of a renewal replaces.
    pub(super) async fn replaced_by(&self, request: &Request) -> Result<Option<Replaced>, Failure> {
        let store = &self.adapters.store;
        renew::replaced_by(&**store, &**store, request, self.now()).await
    }

    /// Records a certificate.
    pub(super) async fn keep(
        &self,
        request: &Request,
        certificate: Certificate,
    ) -> Result<Certificate, StoreError> {
        let store = &self.adapters.store;
        renew::keep(&**store, &**store, request, certificate).await
    }
}
