//! Certificates and bindings as JSON.

use serde::Serialize;

use super::NameView;
use certmint_core::{
    certificate::{Binding, Certificate, RenewAs, Revocation},
    renewal::{Halt, Renewal, Window},
    words::{CertificateId, Timestamp},
    x509::chain::key_algorithm,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CertificateView {
    id: u64,
    fingerprint: String,
    serial: String,
    issuer: String,
    status: &'static str,
    source: &'static str,
    provider: String,
    renew_mode: &'static str,
    renew_at: Option<String>,
    renew_as: &'static str,
    reuse_key: bool,
    /// The certificate that succeeded it, and the one that it succeeded.
    renewed_by: Option<u64>,
    renewal_of: Option<u64>,
    /// Why it is not renewed by itself, in whichever mode.
    renewal_reason: Option<String>,
    renewing: bool,
    renewal_request_id: Option<u64>,
    renewal_window: Option<WindowView>,
    renewal_explanation_url: Option<String>,
    version: u64,
    profile: Option<String>,
    issue_at: String,
    expire_at: String,
    acme_account_id: Option<u64>,
    request_id: Option<u64>,
    last_error: Option<String>,
    domains: Vec<NameView>,
    certificate_pem: String,
    key_algorithm: Option<String>,
    has_private_key: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_names_as: Option<Vec<u64>>,
    created_at: String,
    updated_at: String,
    kind: &'static str,
    deleted_at: Option<String>,
    /// Asked for, and not answered by the CA yet.
    revoking: bool,
    revoked_at: Option<String>,
    revocation_reason: Option<&'static str>,
    revocation_by: Option<&'static str>,
}

impl CertificateView {
    /// With the ids of others that have the same names, which lists leave out.
    pub(in crate::api) fn with_same_names(self, ids: &[CertificateId]) -> Self {
        Self {
            same_names_as: Some(ids.iter().map(|id| id.get()).collect()),
            ..self
        }
    }

    pub(in crate::api) fn of(certificate: Certificate, now: Timestamp) -> Self {
        let revocation = certificate.lifecycle.revocation.as_ref();
        let revoked_at = revocation.and_then(|r| r.revoked_at);
        let standing = revocation.filter(|r| r.error.is_none());
        Self {
            id: certificate.id.get(),
            kind: "certificate",
            deleted_at: certificate.lifecycle.deleted_at.map(|at| at.to_string()),
            revoking: revocation.is_some_and(Revocation::is_open),
            revoked_at: revoked_at.map(|at| at.to_string()),
            revocation_reason: standing.map(|r| r.reason.as_str()),
            revocation_by: standing.map(|r| r.by.as_str()),
            last_error: revocation.and_then(|r| r.error.clone()),
            domains: certificate.names.iter().map(NameView::from).collect(),
            status: certificate.status(now).as_str(),
            source: certificate.source.as_str(),
            renew_mode: "manual",
            renew_at: None,
            renew_as: RenewAs::default().as_str(),
            reuse_key: false,
            renewed_by: None,
            renewal_of: None,
            renewal_reason: None,
            renewing: false,
            renewal_request_id: None,
            renewal_window: None,
            renewal_explanation_url: None,
            version: certificate.version,
            has_private_key: certificate.has_key(),
            profile: certificate.profile,
            issue_at: certificate.not_before.to_string(),
            expire_at: certificate.expires_at.to_string(),
            acme_account_id: certificate.account_id.map(|id| id.get()),
            request_id: certificate.request_id.map(|id| id.get()),
            certificate_pem: format!("{}{}", certificate.cert_pem, certificate.chain_pem),
            key_algorithm: key_algorithm(&certificate.cert_pem),
            same_names_as: None,
            created_at: certificate.created_at.to_string(),
            updated_at: certificate.updated_at.to_string(),
            fingerprint: certificate.fingerprint,
            serial: certificate.serial,
            issuer: certificate.issuer,
            provider: certificate.provider,
        }
    }
}

/// The time in which a CA wants a certificate to be renewed.
#[derive(Serialize)]
struct WindowView {
    start: String,
    end: String,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self {
            start: window.start.to_string(),
            end: window.end.to_string(),
        }
    }
}

/// The moment of the next renewal, unless something keeps it from being renewed by itself.
pub(in crate::api) fn planned(renewal: &Renewal, halt: Option<Halt>) -> Option<String> {
    let at = renewal.renew_at.filter(|_| halt.is_none());
    at.map(|at| at.to_string())
}

impl CertificateView {
    /// With what is known of its renewal.
    pub(in crate::api) fn renewed_by(
        self,
        renewal: Renewal,
        halt: Option<Halt>,
        renewing: bool,
        last_error: Option<String>,
    ) -> Self {
        Self {
            renew_mode: renewal.mode.as_str(),
            renew_at: planned(&renewal, halt),
            renew_as: renewal.terms.renew_as.as_str(),
            reuse_key: renewal.terms.reuse_key,
            renewed_by: renewal.succeeded_by.map(|id| id.get()),
            renewal_of: renewal.renewal_of.map(|id| id.get()),
            renewal_reason: halt.map(Halt::reason),
            renewing,
            renewal_request_id: renewal.request_id.map(|id| id.get()),
            renewal_window: renewal.window.map(WindowView::from),
            renewal_explanation_url: renewal.explanation_url,
            last_error: last_error.or(self.last_error),
            ..self
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct BindingView {
    certificate_id: u64,
    website_id: u64,
    status: &'static str,
}

impl From<Binding> for BindingView {
    fn from(binding: Binding) -> Self {
        Self {
            certificate_id: binding.certificate_id.get(),
            website_id: binding.website_id,
            status: if binding.active { "active" } else { "inactive" },
        }
    }
}
