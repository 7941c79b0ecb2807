//! What went wrong with an issuance: its class decides what happens next, its text what a person does.

use serde::{Deserialize, Serialize};

use super::text::clip;
use super::timestamp::Timestamp;

/// What a failure means for the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "class")]
pub enum Class {
    /// The same step may succeed later.
    Transient,
    /// A limit: not before the moment given (`None`: the back-off schedule decides).
    RateLimited {
        /// The earliest moment for the next try.
        not_before: Option<Timestamp>,
    },
    /// Trying again changes nothing until a person does.
    Permanent,
    /// The order is spent (invalid, expired, unknown); a new order may succeed.
    OrderLost,
}

/// The part of the work that failed; it chooses the sentence that `last_error` starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The CA, the store, the vault: `Failed to request certificate: `.
    Request,
    /// Our access to the zone: `Failed to create DNS record: `.
    Dns,
}

impl Stage {
    /// The start of `last_error`, as clients test it.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Request => "Failed to request certificate: ",
            Self::Dns => "Failed to create DNS record: ",
        }
    }
}

/// An RFC 7807 problem document as ACME uses it (RFC 8555 §6.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:ietf:params:acme:error:…`, or our own `urn:certmint:…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A sentence for a person.
    pub detail: String,
    /// One per identifier that failed (RFC 8555 §6.7.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subproblems: Vec<Subproblem>,
}

/// The part of a problem that concerns one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subproblem {
    /// The name.
    pub identifier: String,
    /// The problem type.
    #[serde(rename = "type")]
    pub kind: String,
    /// A sentence for a person.
    pub detail: String,
}

/// A classified failure: what happened, to what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it means for the next step.
    #[serde(flatten)]
    pub class: Class,
    /// Where it happened.
    pub stage: Stage,
    /// The details.
    pub problem: Problem,
}

/// The namespace of ACME's own problem types (RFC 8555 §6.7).
pub const ACME_ERRORS: &str = "urn:ietf:params:acme:error:";
/// The problem type of a call that got no answer, or none that can be read.
pub const CA_UNREACHABLE: &str = "urn:certmint:caUnreachable";
/// The problem type of a CA whose directory cannot be read: nobody can do anything there now.
pub const DIRECTORY_UNREACHABLE: &str = "urn:certmint:directoryUnreachable";
/// The problem type of an account that is failed, switched off or gone.
pub const ACCOUNT_UNUSABLE: &str = "urn:certmint:account";
/// The problem type of an order with a profile that the CA does not advertise.
pub const NO_PROFILE: &str = "urn:certmint:noProfile";

/// Characters of a problem's words that are kept, of the whole and of each name: 100 names and all that is made from
/// them (the sentence, the history) stay far below what an item holds.
const DETAIL: usize = 1000;
const SUBDETAIL: usize = 200;

impl Failure {
    /// The same in a size that fits an item, whatever a CA sends.
    #[must_use]
    pub fn bounded(&self) -> Self {
        let problem = &self.problem;
        let subproblems = problem
            .subproblems
            .iter()
            .take(super::name::MAX_NAMES)
            .map(|s| Subproblem {
                identifier: clip(&s.identifier, 255),
                kind: clip(&s.kind, SUBDETAIL),
                detail: clip(&s.detail, SUBDETAIL),
            });
        let problem = Problem {
            kind: clip(&problem.kind, SUBDETAIL),
            detail: clip(&problem.detail, DETAIL),
            subproblems: subproblems.collect(),
        };
        Self {
            problem,
            ..self.clone()
        }
    }

    /// Whether the CA turned the account away, so that no other request of it can do better. A CA says
    /// `unauthorized` of an order's names too, so that counts only where it names the account or answers a newOrder.
    #[must_use]
    pub fn blames_account(&self, ordering: bool) -> bool {
        let kind = self.problem.kind.strip_prefix(ACME_ERRORS);
        self.class == Class::Permanent
            && match kind {
                Some("accountDoesNotExist" | "userActionRequired" | "externalAccountRequired") => true,
                Some("unauthorized") => {
                    let text = self.problem.detail.to_ascii_lowercase();
                    ordering || (text.contains("account") && text.contains("deactivated"))
                }
                _ => false,
            }
    }

    /// Whether a CAA record keeps this CA from issuing for one of the names (RFC 8659): another may be allowed.
    #[must_use]
    pub fn forbids_ca(&self) -> bool {
        let caa = |kind: &str| kind.strip_prefix(ACME_ERRORS) == Some("caa");
        caa(&self.problem.kind) || self.problem.subproblems.iter().any(|s| caa(&s.kind))
    }

    /// Whether the CA is in trouble, or the way to it: nothing about this request.
    #[must_use]
    pub fn is_ca_trouble(&self) -> bool {
        let kind = self.problem.kind.as_str();
        self.class == Class::Transient
            && (kind.starts_with(ACME_ERRORS) || kind == CA_UNREACHABLE || kind == DIRECTORY_UNREACHABLE)
    }

    /// Whether the account cannot be used: by the CA's word ([`Self::blames_account`]), an operator's, or because it
    /// is gone.
    #[must_use]
    pub fn is_of_account(&self, ordering: bool) -> bool {
        let unusable = self.class == Class::Permanent && self.problem.kind == ACCOUNT_UNUSABLE;
        unusable || self.blames_account(ordering)
    }

    /// Whether the CA has no such profile.
    #[must_use]
    pub fn is_unknown_profile(&self) -> bool {
        self.problem.kind == NO_PROFILE
    }

    /// Whether a CA may say so of a signature by a key that is no longer the account's: RFC 8555 has no type of its own
    /// for that (Pebble says `malformed`).
    #[must_use]
    pub fn may_mean_the_key(&self) -> bool {
        let kind = self.problem.kind.strip_prefix(ACME_ERRORS);
        let about_keys = [
            "malformed",
            "unauthorized",
            "accountDoesNotExist",
            "badPublicKey",
            "badSignatureAlgorithm",
        ];
        let untyped = matches!(self.problem.kind.as_str(), "" | "about:blank");
        self.class == Class::Permanent && (untyped || kind.is_some_and(|k| about_keys.contains(&k)))
    }

    /// A failure of our own (not from the CA) with a short machine name and a sentence.
    #[must_use]
    pub fn new(class: Class, stage: Stage, kind: &str, detail: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("urn:certmint:{kind}"),
            detail: detail.into(),
            subproblems: vec![],
        };
        Self {
            class,
            stage,
            problem,
        }
    }

    /// The sentence stored as `last_error`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = format!("{}{}", self.stage.prefix(), self.problem.detail);
        for sub in &self.problem.subproblems {
            text.push_str(&format!("; {}: {}", sub.identifier, sub.detail));
        }
        text
    }
}
