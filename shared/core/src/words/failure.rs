//! What went wrong with an issuance: its class decides what happens next, its text what a person does.

use serde::{Deserialize, Serialize};

use super::{acme_error::AcmeError, cause::Cause, name_set::MAX_NAMES, text::clip, timestamp::Timestamp};

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
    /// Our own role, credentials or KMS key do not allow it: nothing was tried, and the same step succeeds once they do.
    Denied,
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
    /// Shown as its URN.
    #[serde(rename = "type")]
    pub cause: Cause,
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
    /// What is wrong with it.
    #[serde(rename = "type")]
    pub cause: Cause,
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

/// Octets of a problem's words that are kept, of the whole and of each name: 100 names and all that is made from
/// them (the sentence, the history) stay far below what an item holds.
const DETAIL: usize = 1000;
const SUBDETAIL: usize = 200;

impl Failure {
    /// The same in a size that fits an item, whatever a CA sends.
    #[must_use]
    pub fn bounded(&self) -> Self {
        let problem = &self.problem;
        let subproblems = problem.subproblems.iter().take(MAX_NAMES).map(|s| Subproblem {
            identifier: clip(&s.identifier, 255),
            cause: s.cause.bounded(SUBDETAIL),
            detail: clip(&s.detail, SUBDETAIL),
        });
        let problem = Problem {
            cause: problem.cause.bounded(SUBDETAIL),
            detail: clip(&problem.detail, DETAIL),
            subproblems: subproblems.collect(),
        };
        Self {
            problem,
            ..self.clone()
        }
    }

    /// Whether the CA turned the account away, or its key cannot be used, so that no other request of it can do better. A CA says
    /// `unauthorized` of an order's names too, so that counts only where it names the account or answers a newOrder.
    #[must_use]
    pub fn blames_account(&self, ordering: bool) -> bool {
        if self.class == Class::Permanent && self.problem.cause == Cause::AccountKey {
            return true;
        }
        self.class == Class::Permanent
            && match self.problem.cause.acme() {
                Some(
                    AcmeError::AccountDoesNotExist
                    | AcmeError::UserActionRequired
                    | AcmeError::ExternalAccountRequired,
                ) => true,
                Some(AcmeError::Unauthorized) => {
                    let text = self.problem.detail.to_ascii_lowercase();
                    ordering || (text.contains("account") && text.contains("deactivated"))
                }
                _ => false,
            }
    }

    /// Whether the CA has no such account, by its own word.
    #[must_use]
    pub fn is_unknown_account(&self) -> bool {
        self.class == Class::Permanent && self.problem.cause.acme() == Some(&AcmeError::AccountDoesNotExist)
    }

    /// Whether this CA cannot issue for the names, and another may: a CAA record forbids it (RFC 8659), or it takes no
    /// order for such a set of names.
    #[must_use]
    pub fn forbids_ca(&self) -> bool {
        if self.problem.cause == Cause::NotOrderable {
            return true;
        }
        let caa = |cause: &Cause| cause.acme() == Some(&AcmeError::Caa);
        caa(&self.problem.cause) || self.problem.subproblems.iter().any(|s| caa(&s.cause))
    }

    /// Whether the CA is in trouble, or the way to it: nothing about this request.
    #[must_use]
    pub const fn is_ca_trouble(&self) -> bool {
        matches!(self.class, Class::Transient)
            && matches!(
                self.problem.cause,
                Cause::Acme(_) | Cause::CaUnreachable | Cause::DirectoryUnreachable
            )
    }

    /// Whether the CA cannot even give its directory.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self.problem.cause, Cause::DirectoryUnreachable)
    }

    /// Whether the account cannot be used: by the CA's word ([`Self::blames_account`]), an operator's, or because it
    /// is gone.
    #[must_use]
    pub fn is_of_account(&self, ordering: bool) -> bool {
        let unusable = self.class == Class::Permanent && self.problem.cause == Cause::Account;
        unusable || self.blames_account(ordering)
    }

    /// Whether the CA has no such profile.
    #[must_use]
    pub const fn is_unknown_profile(&self) -> bool {
        matches!(self.problem.cause, Cause::NoProfile)
    }

    /// Whether a CA may say so of a signature by a key that is no longer the account's: RFC 8555 has no type of its own
    /// for that (Pebble says `malformed`).
    #[must_use]
    pub fn may_mean_the_key(&self) -> bool {
        let about_keys = matches!(
            self.problem.cause.acme(),
            Some(
                AcmeError::Malformed
                    | AcmeError::Unauthorized
                    | AcmeError::AccountDoesNotExist
                    | AcmeError::BadPublicKey
                    | AcmeError::BadSignatureAlgorithm
            )
        );
        self.class == Class::Permanent && (self.problem.cause.is_blank() || about_keys)
    }

    /// A failure with one cause and a sentence.
    #[must_use]
    pub fn new(class: Class, stage: Stage, cause: Cause, detail: impl Into<String>) -> Self {
        let problem = Problem {
            cause,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A CA may write in any script: what is kept is counted in octets, as an item's size is.
    #[test]
    fn whatever_a_ca_sends_is_kept_in_a_size_that_an_item_holds() {
        let long = |unit: &str| unit.repeat(1_000_000 / unit.len());
        for unit in ["a", "é", "語", "👍", "\u{1}"] {
            let part = Subproblem {
                identifier: long(unit),
                cause: Cause::of_type(&long(unit)),
                detail: long(unit),
            };
            let class = Class::Permanent;
            let sent = Failure {
                problem: Problem {
                    subproblems: vec![part; 300],
                    ..Failure::new(class, Stage::Request, Cause::of_type(&long(unit)), long(unit)).problem
                },
                ..Failure::new(class, Stage::Request, Cause::Store, "")
            };
            let kept = sent.bounded();
            let text = |of: &Failure| of.sentence().len() + format!("{:?}", of.problem.cause).len();
            assert!(text(&kept) < 100_000, "{unit}: {}", text(&kept));
            let parts = kept.problem.subproblems.iter();
            let parts = parts.map(|p| p.identifier.len() + p.cause.urn().len() + p.detail.len());
            assert!(parts.sum::<usize>() < 100_000, "{unit}");
        }
    }
}
