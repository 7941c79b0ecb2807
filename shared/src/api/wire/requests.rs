//! Requests as JSON.

use serde::Serialize;

use super::NameView;
use certmint_core::{
    certificate::KeyPlan,
    issuance::{Entry, Request},
    words::Problem,
};

/// A request. `domains` is a string that holds a JSON array; `names` is the array itself.
#[derive(Serialize)]
pub(in crate::api) struct RequestView {
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
    /// The account at work.
    used_account_id: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<CandidateView>,
    names: Vec<String>,
    key_algorithm: &'static str,
    key_source: &'static str,
    reuse_key: bool,
    renew_as: &'static str,
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

/// One of the accounts that a request may use, in the order of preference.
#[derive(Serialize)]
struct CandidateView {
    account_id: u64,
    /// `current`, `open` (not tried), `blocked` (until `not_before`) or `closed` (until a retry).
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl CandidateView {
    fn all(request: &Request) -> Vec<Self> {
        let failover = &request.issuance.failover;
        let candidates = request.accounts().zip(failover.candidates()).enumerate();
        candidates
            .map(|(index, (id, candidate))| Self {
                account_id: id.get(),
                state: match candidate {
                    _ if index == failover.current() => "current",
                    candidate if candidate.closed => "closed",
                    candidate if candidate.blocked_until.is_some() => "blocked",
                    _ => "open",
                },
                not_before: candidate.blocked_until.map(|at| at.to_string()),
                reason: candidate.why.clone(),
            })
            .collect()
    }
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
    pub(in crate::api) fn in_full(request: Request) -> Self {
        let history = request.issuance.history.entries().iter().map(EntryView::from);
        let history = Some(history.collect());
        Self {
            history,
            ..Self::from(request)
        }
    }

    /// Says that an earlier call made this request.
    pub(in crate::api) fn deduplicated(self) -> Self {
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
        let used_account_id = request.account().get();
        let accounts = CandidateView::all(&request);
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
            used_account_id,
            accounts,
            names,
            key_algorithm: request.key.algorithm().as_str(),
            key_source: match request.key {
                KeyPlan::Us { .. } => "generated",
                KeyPlan::Client { .. } => "csr",
            },
            reuse_key: request.key.is_reused(),
            renew_as: request.renew_as.as_str(),
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

/// A request without a certificate, as a row beside certificates.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct OpenRequestView {
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
            domains: request.names.as_slice().iter().map(NameView::from).collect(),
            last_error: request.last_error,
            issue_at: None,
            expire_at: None,
            created_at: request.created_at.to_string(),
            updated_at: request.updated_at.to_string(),
        }
    }
}
