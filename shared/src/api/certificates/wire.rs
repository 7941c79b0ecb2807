//! Certificates and bindings as JSON.

use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use crate::api::describe::{words, words_or_null};
use certmint_core::{
    certificate::{
        Binding, Certificate, CertificateSource, CertificateStatus, RenewAs, Revocation, RevocationReason,
    },
    renewal::{Halt, RenewMode, Renewal, Window},
    words::{CertificateId, DomainName, Timestamp, clip},
    x509::certificate::key_algorithm,
};

const CERTIFICATE: &str = "certificate";
/// Characters of an error in a list; the detail has all.
pub(in crate::api) const ERROR: usize = 1000;
/// The words of a binding's status.
pub(super) const BINDINGS: [(&str, bool); 2] = [("active", true), ("inactive", false)];
/// The words of who signs a revocation, and whether that is the certificate's key.
pub(super) const REVOKERS: [(&str, bool); 2] = [("account", false), ("certificateKey", true)];

pub(in crate::api) fn status_words() -> ObjectBuilder {
    words(CertificateStatus::ALL.map(CertificateStatus::as_str))
}

pub(in crate::api) fn source_words() -> ObjectBuilder {
    words(CertificateSource::ALL.map(CertificateSource::as_str))
}

pub(in crate::api) fn renew_mode_words() -> ObjectBuilder {
    words([RenewMode::Auto, RenewMode::Manual].map(RenewMode::as_str))
}

pub(in crate::api) fn renew_as_words() -> ObjectBuilder {
    words(RenewAs::WORDS.map(|(word, _)| word)).description(Some("The next version, or a new certificate"))
}

pub(super) fn binding_words() -> ObjectBuilder {
    words(BINDINGS.map(|(word, _)| word))
}

pub(super) fn revoker_words() -> ObjectBuilder {
    words_or_null(REVOKERS.map(|(word, _)| word)).description(Some("Who signs"))
}

fn certificate_word() -> ObjectBuilder {
    words([CERTIFICATE])
}

fn reason_words() -> ObjectBuilder {
    words_or_null(RevocationReason::ALL.iter().map(|reason| reason.as_str()))
}

/// A name of a certificate or of a request for one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CertificateName)]
pub(super) struct NameView {
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

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Certificate)]
pub(super) struct CertificateView {
    id: u64,
    /// SHA-256 of the DER, in lower-case hex.
    fingerprint: String,
    serial: String,
    issuer: String,
    #[schema(schema_with = status_words)]
    status: &'static str,
    #[schema(schema_with = source_words)]
    source: &'static str,
    provider: String,
    #[schema(schema_with = renew_mode_words)]
    renew_mode: &'static str,
    /// The moment that was drawn.
    #[schema(format = DateTime)]
    renew_at: Option<String>,
    #[schema(schema_with = renew_as_words)]
    renew_as: &'static str,
    /// Whether renewals have the same key.
    reuse_key: bool,
    /// The certificate that succeeded it.
    renewed_by: Option<u64>,
    /// The certificate that it succeeded.
    renewal_of: Option<u64>,
    /// Why it is not renewed by itself, in whichever mode.
    renewal_reason: Option<String>,
    /// Whether a request is on its way.
    renewing: bool,
    /// The newest request that renews it until it succeeds.
    renewal_request_id: Option<u64>,
    /// What the CA suggests (RFC 9773).
    renewal_window: Option<WindowView>,
    /// Where the CA explains it.
    renewal_explanation_url: Option<String>,
    /// One more with each renewal.
    version: u64,
    profile: Option<String>,
    #[schema(format = DateTime)]
    issue_at: String,
    #[schema(format = DateTime)]
    expire_at: String,
    acme_account_id: Option<u64>,
    request_id: Option<u64>,
    /// Of its newest renewal, or why the CA refused to revoke it.
    last_error: Option<String>,
    domains: Vec<NameView>,
    /// The certificate and its chain; in lists only with include=pem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    certificate_pem: Option<String>,
    key_algorithm: Option<String>,
    /// False for a certificate that was made for a client's CSR.
    has_private_key: bool,
    /// Ids of other certificates with the same names; in the detail only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    same_names_as: Option<Vec<u64>>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(schema_with = certificate_word)]
    kind: &'static str,
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
    /// Asked for, and not answered by the CA yet.
    revoking: bool,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    #[schema(schema_with = reason_words)]
    revocation_reason: Option<&'static str>,
    /// Who signs.
    #[schema(schema_with = revoker_words)]
    revocation_by: Option<&'static str>,
}

impl CertificateView {
    /// With the ids of others that have the same names, which lists leave out.
    pub(super) fn with_same_names(self, ids: &[CertificateId]) -> Self {
        Self {
            same_names_as: Some(ids.iter().map(|id| id.get()).collect()),
            ..self
        }
    }

    /// As a list has it: without what only its detail needs, and an error in a few words.
    pub(super) fn for_list(self, pem: bool) -> Self {
        Self {
            certificate_pem: self.certificate_pem.filter(|_| pem),
            last_error: self.last_error.map(|error| clip(&error, ERROR)),
            ..self
        }
    }

    pub(super) fn of(certificate: Certificate, now: Timestamp) -> Self {
        let revocation = certificate.lifecycle.revocation.as_ref();
        let revoked_at = revocation.and_then(|r| r.revoked_at);
        let standing = revocation.filter(|r| r.error.is_none());
        Self {
            id: certificate.id.get(),
            kind: CERTIFICATE,
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
            certificate_pem: Some(format!("{}{}", certificate.cert_pem, certificate.chain_pem)),
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
#[derive(Serialize, ToSchema)]
#[schema(as = RenewalWindow)]
struct WindowView {
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
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
    pub(super) fn renewed_by(
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

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Binding)]
pub(super) struct BindingView {
    certificate_id: u64,
    website_id: u64,
    #[schema(schema_with = binding_words)]
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
