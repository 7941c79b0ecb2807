//! Requests as JSON.

use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use crate::api::{certificates::renew_as_words, describe::words};
use certmint_core::{
    account::Account,
    certificate::{KeyAlgorithm, KeyPlan},
    issuance::{Entry, Request, RequestStatus},
    words::{Problem, Subproblem},
};

/// The words of a request's status.
pub(super) const STATUSES: [(&str, RequestStatus); 4] = [
    ("pending", RequestStatus::Pending),
    ("running", RequestStatus::Running),
    ("success", RequestStatus::Success),
    ("failed", RequestStatus::Failed),
];

/// Whose key a certificate has.
const SOURCES: [&str; 2] = ["generated", "csr"];

pub(super) fn status_words() -> ObjectBuilder {
    words(STATUSES.map(|(word, _)| word))
}

fn algorithm_words() -> ObjectBuilder {
    words(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str))
}

fn source_words() -> ObjectBuilder {
    words(SOURCES)
}

fn state_words() -> ObjectBuilder {
    words(["current", "open", "blocked", "closed"])
        .description(Some("Blocked is until not_before, closed until a retry"))
}

/// A request. `domains` is a string that holds a JSON array; `names` is the array itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Request)]
pub(super) struct RequestView {
    id: u64,
    account_id: u64,
    /// A JSON array as a string; names is the array itself.
    domains: String,
    #[schema(schema_with = status_words)]
    status: &'static str,
    poll_max_attempts: u32,
    /// Tries that reached the CA.
    attempts: u32,
    last_error: Option<String>,
    result_certificate_id: Option<u64>,
    /// Only if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    profile: Option<String>,
    /// Only of a renewal; the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    renews: Option<u64>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// The account at work.
    used_account_id: u64,
    /// Only with a fallback; in the order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<CandidateView>,
    names: Vec<String>,
    #[schema(schema_with = algorithm_words)]
    key_algorithm: &'static str,
    #[schema(schema_with = source_words)]
    key_source: &'static str,
    reuse_key: bool,
    #[schema(schema_with = renew_as_words)]
    renew_as: &'static str,
    /// Where the issuance is.
    phase: &'static str,
    /// What the worker does next; of a failed one what a client does (retry, enable_account, replace_eab,
    /// change_contact, request_anew, request_elsewhere).
    next_action: &'static str,
    /// Why it is where it is.
    reason: String,
    /// When the worker goes on; null if it may now.
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// What the CA said last.
    last_problem: Option<ProblemView>,
    /// What leads out of its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    advice: Option<String>,
    /// In the detail only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    history: Option<Vec<EntryView>>,
    /// Names that a star of the same request covers, and what becomes of them. Not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// true if an earlier call made this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    deduplicated: Option<bool>,
}

/// One of the accounts that a request may use, in the order of preference.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestAccount)]
struct CandidateView {
    account_id: u64,
    /// `current`, `open` (not tried), `blocked` (until `not_before`) or `closed` (until a retry).
    #[schema(schema_with = state_words)]
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
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

/// What a CA said: RFC 7807 as ACME uses it (RFC 8555 section 6.7).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct ProblemView {
    r#type: String,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subproblems: Vec<SubproblemView>,
}

/// The part of it that concerns one name.
#[derive(Serialize, ToSchema)]
#[schema(as = Subproblem)]
struct SubproblemView {
    identifier: String,
    r#type: String,
    detail: String,
}

impl From<Subproblem> for SubproblemView {
    fn from(part: Subproblem) -> Self {
        Self {
            identifier: part.identifier,
            r#type: part.cause.urn(),
            detail: part.detail,
        }
    }
}

impl From<Problem> for ProblemView {
    fn from(problem: Problem) -> Self {
        Self {
            r#type: problem.cause.urn(),
            detail: problem.detail,
            subproblems: problem
                .subproblems
                .into_iter()
                .map(SubproblemView::from)
                .collect(),
        }
    }
}

/// One line of a request's history.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
struct EntryView {
    #[schema(format = DateTime)]
    at: String,
    phase: String,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
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
    /// With its history, which lists leave out, and with what its account needs if it failed.
    pub(super) fn in_full(request: Request, account: Option<&Account>) -> Self {
        let history = request.issuance.history.entries().iter().map(EntryView::from);
        let history = Some(history.collect());
        let owes = request.issuance.cleanup_owed;
        let mut view = Self {
            history,
            ..Self::from(request)
        };
        // It cannot be tried again before that.
        if let Some(advice) = account.and_then(Account::advice) {
            view.advice = Some(advice.words());
            if !owes {
                view.next_action = advice.way.as_str();
            }
        }
        view
    }

    /// With what a person should know of its names.
    pub(super) fn with_warnings(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
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
                KeyPlan::Us { .. } => SOURCES[0],
                KeyPlan::Client { .. } => SOURCES[1],
            },
            reuse_key: request.key.is_reused(),
            renew_as: request.renew_as.as_str(),
            phase: request.issuance.phase.name(),
            next_action: request.issuance.next_action(),
            reason: request.issuance.reason().to_owned(),
            not_before: waits.map(|at| at.to_string()),
            history: None,
            advice: request.issuance.advice().map(|advice| advice.words()),
            last_problem: request.issuance.last_problem.map(ProblemView::from),
            warnings: vec![],
            deduplicated: None,
        }
    }
}
