//! Reads what a renewal's request is made from. The worker and the API begin renewals.

use std::{collections::BTreeSet, sync::Arc};

use crate::store::{
    AccountStore, CertificateRelations, FallbackPolicy, RequestStore, StoreError, default_fallback,
};
use certmint_core::{
    certificate::{Certificate, RenewalTerms},
    issuance::{NewRequest, Request},
    renewal::{NoKey, Origin},
    words::{AccountId, NameSet, RequestId},
};

/// Makes the requests that renew.
#[derive(Clone)]
pub(crate) struct RenewalRequests {
    pub(crate) requests: Arc<dyn RequestStore>,
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) fallback: Arc<dyn FallbackPolicy>,
    pub(crate) relations: Arc<dyn CertificateRelations>,
}

impl RenewalRequests {
    /// The request that renews `certificate` on these terms. [`StoreError::WrongState`] if a certificate with a client's
    /// key has lost its CSR, or the client said that somebody else may have that key.
    ///
    /// One read of the request that made it, one of each account, one of the default list where that counts, and one of a
    /// client's key.
    pub(crate) async fn of(
        &self,
        certificate: &Certificate,
        terms: RenewalTerms,
        account_id: AccountId,
        names: NameSet,
    ) -> Result<NewRequest, StoreError> {
        let origin = Origin {
            certificate,
            account_id,
            names,
            terms,
            made_by: self.made_by(certificate.request_id).await?,
        };
        let first = origin.first_account();
        let fallback = match origin.own_fallback() {
            Some(own) => own,
            None => default_fallback(&*self.fallback, first).await?,
        };
        let mut there = BTreeSet::new();
        for id in std::iter::once(&first).chain(&fallback.accounts) {
            if *id != account_id && self.exists(*id).await? {
                there.insert(*id);
            }
        }
        let given_away = match origin.client_key() {
            Some(key) => self.relations.is_compromised(&key).await?,
            None => false,
        };
        let new = origin.request(fallback, |id| there.contains(&id), given_away);
        new.map_err(|no_key| refused(certificate, no_key))
    }

    async fn made_by(&self, id: Option<RequestId>) -> Result<Option<Request>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        match self.requests.request(id).await {
            Ok(request) => Ok(Some(request)),
            Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn exists(&self, id: AccountId) -> Result<bool, StoreError> {
        match self.accounts.account(id).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn refused(certificate: &Certificate, no_key: NoKey) -> StoreError {
    StoreError::WrongState {
        kind: "certificate",
        id: certificate.id.to_string(),
        state: no_key.state().into(),
        needed: "a new request with the client's CSR",
    }
}
