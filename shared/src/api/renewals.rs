//! Calls about renewals.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use super::{
    Api, ApiRequest, Data, data,
    error::ApiError,
    input::{Body, Params, id_in_path},
    wire::{CertificateView, List, planned},
};
use crate::{renewal_request::RenewalRequests, store::StoreError};
use certmint_core::{
    account::AccountStatus,
    certificate::{Certificate, CertificateSource, CertificateStatus},
    issuance::{MAX_ATTEMPTS, NewRequest, Request},
    renewal::{self, Halt, Renewal},
    words::{CertificateId, NameSet, Page, RequestId, Timestamp},
};

const DAY: u64 = 24 * 60 * 60;
/// Longer than any certificate lives.
const MAX_DAYS: u64 = 3650;

/// A certificate with its renewal and the newest request that renews it.
pub(super) struct Renewed {
    pub(super) certificate: Certificate,
    pub(super) renewal: Renewal,
    request: Option<Request>,
}

impl Renewed {
    /// Whether a request is on its way.
    fn renewing(&self) -> bool {
        self.request.as_ref().is_some_and(|r| !r.status.is_final())
    }

    fn last_error(&self) -> Option<String> {
        let of_request = self.request.as_ref().and_then(|r| r.last_error.clone());
        of_request.or_else(|| self.renewal.last_error.clone())
    }

    /// What keeps it from being renewed by itself. What is not ours to renew needs no reason.
    fn halt(&self) -> Option<Halt> {
        let halt = renewal::halt(&self.renewal, &self.certificate);
        halt.filter(|_| self.renewal.renew_at.is_some())
    }

    pub(super) fn view(self, now: Timestamp) -> CertificateView {
        let (halt, renewing, last_error) = (self.halt(), self.renewing(), self.last_error());
        CertificateView::of(self.certificate, now).renewed_by(self.renewal, halt, renewing, last_error)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    id: u64,
    name: String,
    status: &'static str,
    domains: Vec<String>,
    expire_at: String,
    issue_at: String,
    source: &'static str,
    renew_mode: &'static str,
    renew_at: Option<String>,
    renew_as: &'static str,
    reuse_key: bool,
    renewed_by: Option<u64>,
    renewal_reason: Option<String>,
    acme_account_id: Option<u64>,
    renewing: bool,
    last_error: Option<String>,
}

impl Candidate {
    fn of(row: Renewed, now: Timestamp) -> Self {
        let (halt, renewing, last_error) = (row.halt(), row.renewing(), row.last_error());
        let (certificate, renewal) = (row.certificate, row.renewal);
        let domains: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
        Self {
            id: certificate.id.get(),
            name: domains.first().cloned().unwrap_or_default(),
            status: certificate.status(now).as_str(),
            domains,
            expire_at: certificate.expires_at.to_string(),
            issue_at: certificate.not_before.to_string(),
            source: certificate.source.as_str(),
            renew_mode: renewal.mode.as_str(),
            renew_at: planned(&renewal, halt),
            renew_as: renewal.terms.renew_as.as_str(),
            reuse_key: renewal.terms.reuse_key,
            renewed_by: renewal.succeeded_by.map(|id| id.get()),
            renewal_reason: halt.map(Halt::reason),
            acme_account_id: certificate.account_id.map(|id| id.get()),
            renewing,
            last_error,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    request_id: u64,
}

/// One version of a certificate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionView {
    version: u64,
    fingerprint: String,
    serial: String,
    issuer: String,
    issue_at: String,
    expire_at: String,
    request_id: Option<u64>,
    profile: Option<String>,
    current: bool,
    revoked_at: Option<String>,
    certificate_pem: String,
    created_at: String,
}

impl VersionView {
    fn of(certificate: Certificate, current: bool) -> Self {
        let revocation = certificate.lifecycle.revocation.as_ref();
        let revoked_at = revocation.and_then(|r| r.revoked_at);
        Self {
            revoked_at: revoked_at.map(|at| at.to_string()),
            version: certificate.version,
            serial: certificate.serial,
            issuer: certificate.issuer,
            issue_at: certificate.not_before.to_string(),
            expire_at: certificate.expires_at.to_string(),
            request_id: certificate.request_id.map(|id| id.get()),
            profile: certificate.profile,
            current,
            certificate_pem: format!("{}{}", certificate.cert_pem, certificate.chain_pem),
            created_at: certificate.updated_at.to_string(),
            fingerprint: certificate.fingerprint,
        }
    }
}

pub(super) fn certificate_id(request: &ApiRequest) -> Result<CertificateId, ApiError> {
    let mut body = Body::parse(&request.body)?;
    let id = CertificateId::new(body.id("certificateId")?);
    body.end()?;
    Ok(id)
}

impl Api {
    /// Certificates with their renewals: two batch reads at most.
    pub(super) async fn with_renewals(
        &self,
        certificates: Vec<Certificate>,
    ) -> Result<Vec<Renewed>, ApiError> {
        let renewals = self.store.renewals(&certificates).await?;
        let ids: Vec<RequestId> = renewals.iter().filter_map(|r| r.request_id).collect();
        let requests: HashMap<RequestId, Request> = self
            .store
            .requests_that_renew(&ids)
            .await?
            .into_iter()
            .map(|r| (r.id, r))
            .collect();
        let mut known: HashMap<CertificateId, Renewal> =
            renewals.into_iter().map(|r| (r.certificate_id, r)).collect();
        let rows = certificates.into_iter().map(|certificate| {
            // One that cannot be read hides no certificate; nobody can write over it.
            let renewal = known.remove(&certificate.id).unwrap_or_else(|| Renewal {
                last_error: Some("its renewal cannot be read; see the function's log".into()),
                ..renewal::first(&certificate)
            });
            Renewed {
                request: renewal.request_id.and_then(|id| requests.get(&id).cloned()),
                certificate,
                renewal,
            }
        });
        Ok(rows.collect())
    }

    async fn renewed(&self, id: CertificateId) -> Result<Renewed, ApiError> {
        let certificate = self.store.certificate(id).await?;
        let mut rows = self.with_renewals(vec![certificate]).await?;
        rows.pop()
            .ok_or_else(|| ApiError::not_found(format!("certificate {id} does not exist")))
    }

    /// One that its CA can renew, and that none succeeded.
    pub(super) async fn renewable(&self, id: CertificateId) -> Result<Renewed, ApiError> {
        let row = self.renewed(id).await?;
        let certificate = &row.certificate;
        if certificate.source != CertificateSource::Acme || certificate.account_id.is_none() {
            return Err(ApiError::state(format!(
                "certificate {id} is not from ACME; upload its successor instead"
            )));
        }
        if certificate.lifecycle.deleted_at.is_some() {
            return Err(ApiError::state(format!(
                "certificate {id} is deleted; restore it first"
            )));
        }
        if let Some(other) = row.renewal.succeeded_by {
            return Err(ApiError::state(format!(
                "certificate {id} was renewed as certificate {other}; renew that one"
            )));
        }
        Ok(row)
    }

    /// GET `/certificates/renewal/candidates`.
    pub(super) async fn renewal_candidates(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let days: u64 = params.number("renewBeforeDays")?.unwrap_or(30);
        if days > MAX_DAYS {
            return Err(ApiError::value(
                "renewBeforeDays",
                format!("must be 0 to {MAX_DAYS}"),
            ));
        }
        let wanted = params.word("status", &CertificateStatus::ALL.map(|s| (s.as_str(), s)))?;
        let now = self.clock.now();
        let until = now.plus(Duration::from_secs(days * DAY));
        let ending = self.store.ending_before(until).await?;
        let mut ids: Vec<CertificateId> = ending.into_iter().map(|(id, _)| id).collect();
        if let Some(wanted) = wanted {
            ids = self.with_status(&ids, wanted, now).await?;
        }
        let Page { list, total, .. } = Page::<CertificateId>::of_all(ids, &page);
        let certificates = self.store.certificates_by_id(&list).await?;
        let list = self.with_renewals(certificates).await?;
        let found = Page {
            list,
            total,
            next_cursor: None,
        };
        data(&List::of(found, &page, |row| Candidate::of(row, now)))
    }

    /// Those of the certificates that stand so. A status is the certificate's own: a batch read for 100.
    async fn with_status(
        &self,
        ids: &[CertificateId],
        wanted: CertificateStatus,
        now: Timestamp,
    ) -> Result<Vec<CertificateId>, ApiError> {
        let mut found = Vec::new();
        for some in ids.chunks(100) {
            let certificates = self.store.certificates_by_id(some).await?;
            let fits = certificates.iter().filter(|c| c.status(now) == wanted);
            found.extend(fits.map(|c| c.id));
        }
        Ok(found)
    }

    /// POST `/certificates/renewal/trigger`. A revoked one is renewed in spite of that.
    pub(super) async fn trigger_renewal(&self, request: &ApiRequest) -> Data {
        let id = certificate_id(request)?;
        let row = self.renewable(id).await?;
        let busy = |what: String| {
            ApiError::state(format!(
                "certificate {id} is being renewed by {what}; wait for it"
            ))
        };
        if let Some(request) = row.request.as_ref().filter(|r| !r.status.is_final()) {
            return Err(busy(format!("request {}", request.id)));
        }
        let Some(account_id) = row.certificate.account_id else {
            return Err(ApiError::state(format!("certificate {id} has no account")));
        };
        let names = NameSet::try_from(row.certificate.names.clone())
            .map_err(|e| ApiError::state(format!("certificate {id}: {e}")))?;
        let terms = row.renewal.terms;
        let requests = RenewalRequests {
            requests: self.store.clone(),
            accounts: self.store.clone(),
            fallback: self.store.clone(),
            relations: self.store.clone(),
        };
        let new = requests.of(&row.certificate, terms, account_id, names).await?;
        self.one_is_usable(&new).await?;
        let now = self.clock.now();
        let wanted = renewal::wanted(&row.renewal, &row.certificate, now);
        let started = match self.store.start_renewal(&wanted, new, MAX_ATTEMPTS, now).await {
            Ok(started) => started,
            // The worker or another call was faster, or a look wrote meanwhile.
            Err(StoreError::Conflict { .. }) => return Err(busy("another call".into())),
            Err(error) => return Err(error.into()),
        };
        self.kick.kick().await;
        data(&Started {
            request_id: started.id.get(),
        })
    }

    /// Whether one of the accounts that a request names can be used now.
    async fn one_is_usable(&self, new: &NewRequest) -> Result<(), ApiError> {
        let mut first = None;
        for id in std::iter::once(&new.account_id).chain(&new.fallback.accounts) {
            let account = self.store.account(*id).await?;
            match account.status {
                AccountStatus::Failed | AccountStatus::Disabled => {
                    first = first.or(Some((id, account.status.as_str())));
                }
                AccountStatus::Pending | AccountStatus::Active => return Ok(()),
            }
        }
        let (id, state) = first.map_or((&new.account_id, ""), |found| found);
        Err(ApiError::state(format!("account {id} is {state}; mend it first")))
    }

    /// GET `/certificates/{id}/versions`.
    pub(super) async fn list_versions(&self, id: &str, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let versions = self
            .store
            .certificate_versions(CertificateId::new(id_in_path(id)?))
            .await?;
        let newest = versions.first().map(|c| c.version);
        let found = Page::of_all(versions, &page);
        data(&List::of(found, &page, |c| {
            let current = Some(c.version) == newest;
            VersionView::of(c, current)
        }))
    }
}
