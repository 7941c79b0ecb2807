//! Records as JSON. The five original calls speak snake_case, the later ones camelCase; both are contract.

use serde::Serialize;

use crate::{
    ca::check::key_algorithm,
    domain::{
        Account, Binding, Certificate, CertificateId, DefaultAccount, DesiredState, Email, KeyPlan, Page,
        PageRequest, Problem, Provider, Providers, Renewal, Request, Revocation, Timestamp, TxtRecord,
        Window,
    },
    engine::Entry,
    store::ProviderTrouble,
};

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

/// `account/create`.
#[derive(Serialize)]
pub(super) struct CreatedAccount {
    id: u64,
    provider_id: u64,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    eab_kid: Option<String>,
    status: &'static str,
}

impl From<Account> for CreatedAccount {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.get(),
            provider_id: account.provider_id.get(),
            email: account.email.into(),
            eab_kid: account.eab_kid,
            // An account is always new when it is created, also when the call is repeated.
            status: "pending",
        }
    }
}

/// A request. `domains` is a string that holds a JSON array; `names` is the array itself.
#[derive(Serialize)]
pub(super) struct RequestView {
    id: u64,
    account_id: u64,
    domains: String,
    status: &'static str,
    poll_max_attempts: u32,
    attempts: u32,
    last_error: Option<String>,
    result_certificate_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renews: Option<u64>,
    created_at: String,
    updated_at: String,
    names: Vec<String>,
    key_algorithm: &'static str,
    key_source: &'static str,
    phase: &'static str,
    next_action: &'static str,
    reason: String,
    not_before: Option<String>,
    last_problem: Option<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<EntryView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deduplicated: Option<bool>,
}

/// One line of a request's history.
#[derive(Serialize)]
struct EntryView {
    at: String,
    phase: String,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl From<&Entry> for EntryView {
    fn from(entry: &Entry) -> Self {
        Self {
            at: entry.at.to_string(),
            phase: entry.phase.clone(),
            what: entry.what.clone(),
            problem: entry.problem.clone(),
        }
    }
}

impl RequestView {
    /// With its history, which lists leave out.
    pub(super) fn in_full(request: Request) -> Self {
        let history = request.issuance.history.entries().iter().map(EntryView::from);
        let history = Some(history.collect());
        Self {
            history,
            ..Self::from(request)
        }
    }

    /// Says that an earlier call made this request.
    pub(super) fn deduplicated(self) -> Self {
        Self {
            deduplicated: Some(true),
            ..self
        }
    }
}

impl From<Request> for RequestView {
    fn from(request: Request) -> Self {
        let names: Vec<String> = request.names.strings().into_iter().map(str::to_owned).collect();
        // Names are plain ASCII without quotes or backslashes: they stand in JSON as they are.
        let domains = format!(
            "[{}]",
            names
                .iter()
                .map(|n| format!("\"{n}\""))
                .collect::<Vec<_>>()
                .join(",")
        );
        let waits = request
            .wake_at
            .filter(|at| request.lease.owner.is_none() && *at > request.updated_at);
        Self {
            id: request.id.get(),
            account_id: request.account_id.get(),
            domains,
            status: request.status.as_str(),
            poll_max_attempts: request.issuance.max_attempts,
            attempts: request.issuance.attempts,
            last_error: request.last_error,
            result_certificate_id: request.result_certificate_id.map(|id| id.get()),
            profile: request.profile,
            renews: request.renews.map(|id| id.get()),
            created_at: request.created_at.to_string(),
            updated_at: request.updated_at.to_string(),
            names,
            key_algorithm: request.key.algorithm().as_str(),
            key_source: match request.key {
                KeyPlan::Us { .. } => "generated",
                KeyPlan::Client { .. } => "csr",
            },
            phase: request.issuance.phase.name(),
            next_action: request.issuance.next_action(),
            reason: request.issuance.reason().to_owned(),
            not_before: waits.map(|at| at.to_string()),
            history: None,
            last_problem: request.issuance.last_problem,
            deduplicated: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderView {
    id: u64,
    name: String,
    directory_url: String,
    requires_eab: bool,
    status: &'static str,
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    created_at: String,
    updated_at: String,
}

impl ProviderView {
    pub(super) fn of(provider: &Provider, trouble: Option<&ProviderTrouble>) -> Self {
        Self {
            id: provider.id.get(),
            name: provider.name.clone(),
            directory_url: provider.directory_url.clone(),
            requires_eab: provider.requires_eab,
            status: if trouble.is_some() { "inactive" } else { "active" },
            last_error: trouble.map(|t| t.last_error.clone()),
            unreachable_since: trouble.map(|t| t.since.to_string()),
            not_before: trouble.map(|t| t.retry_at.to_string()),
            // Providers come with the deployment's settings, which have no date of their own.
            created_at: Timestamp::ZERO.to_string(),
            updated_at: trouble.map_or(Timestamp::ZERO, |t| t.updated_at).to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountView {
    id: u64,
    provider_id: u64,
    provider_name: String,
    email: String,
    status: &'static str,
    registration_uri: Option<String>,
    eab_kid: Option<String>,
    eab_expires_at: Option<String>,
    last_error: Option<String>,
    is_default: bool,
    created_at: String,
    updated_at: String,
}

/// The first four characters, and nothing of a short one.
fn masked(kid: &str) -> String {
    let shown: String = if kid.chars().count() > 8 {
        kid.chars().take(4).collect()
    } else {
        String::new()
    };
    format!("{shown}****")
}

impl AccountView {
    pub(super) fn of(account: Account, providers: &Providers, defaults: &[DefaultAccount]) -> Self {
        Self {
            id: account.id.get(),
            provider_id: account.provider_id.get(),
            provider_name: providers
                .by_id(account.provider_id)
                .map(|p| p.name.clone())
                .unwrap_or_default(),
            email: account.email.into(),
            status: account.status.as_str(),
            registration_uri: account.registration_uri,
            eab_kid: account.eab_kid.as_deref().map(masked),
            eab_expires_at: None,
            last_error: account.last_error,
            is_default: defaults.iter().any(|d| d.account_id == account.id),
            created_at: account.created_at.to_string(),
            updated_at: account.updated_at.to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DefaultView {
    provider_id: u64,
    provider_name: String,
    account_id: u64,
    account_email: Option<String>,
    updated_at: String,
}

impl DefaultView {
    pub(super) fn of(chosen: &DefaultAccount, email: Option<Email>, providers: &Providers) -> Self {
        let name = providers.by_id(chosen.provider_id).map(|p| p.name.clone());
        Self {
            provider_id: chosen.provider_id.get(),
            provider_name: name.unwrap_or_default(),
            account_id: chosen.account_id.get(),
            account_email: email.map(String::from),
            updated_at: chosen.updated_at.to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NameView {
    domain: String,
    is_wildcard: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CertificateView {
    id: u64,
    fingerprint: String,
    serial: String,
    issuer: String,
    status: &'static str,
    source: &'static str,
    provider: String,
    renew_mode: &'static str,
    renew_at: Option<String>,
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
}

impl CertificateView {
    /// With the ids of others that have the same names, which lists leave out.
    pub(super) fn with_same_names(self, ids: &[CertificateId]) -> Self {
        Self {
            same_names_as: Some(ids.iter().map(|id| id.get()).collect()),
            ..self
        }
    }

    pub(super) fn of(certificate: Certificate, now: Timestamp) -> Self {
        let name = |n: &crate::domain::DomainName| NameView {
            domain: n.to_string(),
            is_wildcard: n.is_wildcard(),
        };
        let revocation = certificate.lifecycle.revocation.as_ref();
        let revoked_at = revocation.and_then(|r| r.revoked_at);
        Self {
            id: certificate.id.get(),
            kind: "certificate",
            deleted_at: certificate.lifecycle.deleted_at.map(|at| at.to_string()),
            revoking: revocation.is_some_and(Revocation::is_open),
            revoked_at: revoked_at.map(|at| at.to_string()),
            revocation_reason: revocation
                .filter(|r| r.error.is_none())
                .map(|r| r.reason.as_str()),
            last_error: revocation.and_then(|r| r.error.clone()),
            domains: certificate.names.iter().map(name).collect(),
            status: certificate.status(now).as_str(),
            source: certificate.source.as_str(),
            renew_mode: "manual",
            renew_at: None,
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

impl CertificateView {
    /// With what is known of its renewal.
    pub(super) fn renewed_by(self, renewal: Renewal, renewing: bool, last_error: Option<String>) -> Self {
        Self {
            renew_mode: renewal.mode.as_str(),
            renew_at: renewal.renew_at.map(|at| at.to_string()),
            renewing,
            renewal_request_id: renewal.request_id.map(|id| id.get()),
            renewal_window: renewal.window.map(WindowView::from),
            renewal_explanation_url: renewal.explanation_url,
            last_error: last_error.or(self.last_error),
            ..self
        }
    }
}

/// A request without a certificate, as a row beside certificates.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenRequestView {
    id: u64,
    kind: &'static str,
    status: &'static str,
    source: &'static str,
    acme_account_id: u64,
    request_id: u64,
    attempts: u32,
    poll_max_attempts: u32,
    phase: &'static str,
    next_action: &'static str,
    reason: String,
    last_error: Option<String>,
    domains: Vec<NameView>,
    issue_at: Option<String>,
    expire_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Request> for OpenRequestView {
    fn from(request: Request) -> Self {
        let name = |n: &crate::domain::DomainName| NameView {
            domain: n.to_string(),
            is_wildcard: n.is_wildcard(),
        };
        Self {
            id: request.id.get(),
            kind: "request",
            status: request.status.as_str(),
            source: "acme",
            acme_account_id: request.account_id.get(),
            request_id: request.id.get(),
            attempts: request.issuance.attempts,
            poll_max_attempts: request.issuance.max_attempts,
            phase: request.issuance.phase.name(),
            next_action: request.issuance.next_action(),
            reason: request.issuance.reason().to_owned(),
            domains: request.names.as_slice().iter().map(name).collect(),
            last_error: request.last_error,
            issue_at: None,
            expire_at: None,
            created_at: request.created_at.to_string(),
            updated_at: request.updated_at.to_string(),
        }
    }
}

/// A TXT record in the shape that the contract gives.
#[derive(Serialize)]
pub(super) struct TxtView {
    r#type: &'static str,
    name: String,
    value: String,
    ttl: u32,
    zone: String,
    status: &'static str,
    desired_state: &'static str,
    owner_type: &'static str,
    owner_id: u64,
    created_at: String,
    updated_at: String,
}

impl From<TxtRecord> for TxtView {
    fn from(record: TxtRecord) -> Self {
        Self {
            r#type: "TXT",
            name: record.fqdn.relative_to(&record.zone).to_owned(),
            value: record.value,
            ttl: crate::domain::TXT_TTL,
            zone: record.zone.to_string(),
            status: record.status.as_str(),
            desired_state: record.desired_state.as_str(),
            owner_type: "acme_challenge",
            owner_id: record.owner_id.get(),
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
        }
    }
}

/// The words of a desired state in a query.
pub(super) const DESIRED: [(&str, DesiredState); 2] = [
    ("present", DesiredState::Present),
    ("absent", DesiredState::Absent),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BindingView {
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
