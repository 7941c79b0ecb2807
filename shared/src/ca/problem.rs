//! What a CA's errors mean for us (RFC 8555 §6.7).

use instant_acme::Error;

use super::http::Seen;
use certmint_core::words::{AcmeError, Cause, Class, Failure, Problem, Stage, Subproblem, Timestamp};

/// What a person should do whose account a CA does not let do something.
pub const CHECK_ACCOUNT: &str = "check at the CA that the account is not deactivated or revoked";

/// Whether the CA refused an order because of what it replaces (RFC 9773 §5: `alreadyReplaced` with 409, or another
/// error where the certificate is not known or not of this account). What else is wrong with an order it says again
/// when asked without.
pub(super) fn refuses_replacement(error: &Error, seen: Seen) -> bool {
    match error {
        Error::Unsupported(_) => true,
        // The order stands, but as a plain one: it would count against the limits of plain ones.
        Error::Other(error) => error.to_string().starts_with("replaces field"),
        Error::Api(problem) => {
            let kind = AcmeError::of_type(problem.r#type.as_deref().unwrap_or_default());
            matches!(problem.status.unwrap_or(seen.status), 404 | 409)
                || matches!(
                    kind,
                    Some(AcmeError::AlreadyReplaced | AcmeError::Malformed | AcmeError::Unauthorized)
                )
        }
        _ => false,
    }
}

/// An error in reading the directory. Whatever the answer is, if it is no directory, the CA is away or not there.
pub(super) fn no_directory(url: &str, failure: &Failure) -> Failure {
    match failure.class {
        Class::RateLimited { .. } => failure.clone(),
        _ => Failure::new(
            Class::Transient,
            Stage::Request,
            Cause::DirectoryUnreachable,
            format!("the directory {url} cannot be read: {}", failure.problem.detail),
        ),
    }
}

/// What a problem type means, and what a person should do where that helps.
fn meaning(error: &AcmeError, not_before: Option<Timestamp>) -> (Class, Option<&'static str>) {
    match error {
        AcmeError::RateLimited => (Class::RateLimited { not_before }, None),
        AcmeError::BadNonce | AcmeError::ServerInternal | AcmeError::OrderNotReady => {
            (Class::Transient, None)
        }
        AcmeError::AccountDoesNotExist => (
            Class::Permanent,
            Some("the CA does not know this account: create the account anew"),
        ),
        AcmeError::Unauthorized => (Class::Permanent, Some(CHECK_ACCOUNT)),
        AcmeError::ExternalAccountRequired => (
            Class::Permanent,
            Some("send eabKid and eabHmacKey from the CA with POST /acme/accounts/eab"),
        ),
        AcmeError::UserActionRequired => (Class::Permanent, Some("accept the CA's new terms of service")),
        AcmeError::Caa => (Class::Permanent, Some("add a CAA record that allows this CA")),
        // Validation failed: a new order may find the record.
        AcmeError::Dns | AcmeError::Connection | AcmeError::IncorrectResponse | AcmeError::Tls => {
            (Class::OrderLost, None)
        }
        // rejectedIdentifier, unsupportedIdentifier, malformed, badCSR, badPublicKey, badSignatureAlgorithm,
        // invalidContact, unsupportedContact, alreadyRevoked, badRevocationReason, compound
        _ => (Class::Permanent, None),
    }
}

/// A CA's problem document as ours.
pub(super) fn document(problem: &instant_acme::Problem) -> Problem {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    Problem {
        cause: text(&problem.r#type).into(),
        detail: problem
            .detail
            .clone()
            .unwrap_or_else(|| "the CA gave no detail".into()),
        subproblems: problem
            .subproblems
            .iter()
            .map(|s| Subproblem {
                identifier: s
                    .identifier
                    .as_ref()
                    .map(|i| i.authorized(false).to_string())
                    .unwrap_or_default(),
                cause: text(&s.r#type).into(),
                detail: text(&s.detail),
            })
            .collect(),
    }
}

/// A problem document, classified by its type, or by the HTTP status where it has none of ACME's.
pub(super) fn classify(mut problem: Problem, status: u16, not_before: Option<Timestamp>) -> Failure {
    let (class, advice) = match (problem.cause.acme(), status) {
        (Some(error), _) => meaning(error, not_before),
        (None, 429) => (Class::RateLimited { not_before }, None),
        (None, 500..=599) => (Class::Transient, None),
        _ => (Class::Permanent, None),
    };
    if let Some(advice) = advice {
        problem.detail = format!("{}; {advice}", problem.detail);
    }
    Failure {
        class,
        stage: Stage::Request,
        problem,
    }
}

/// An error with its causes: that of a connection says no more than that there is none.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}

/// Any error of an ACME call.
pub(super) fn failure(error: &Error, seen: Seen, now: Timestamp) -> Failure {
    let not_before = seen.retry_after.map(|r| r.moment(now));
    let ours = |class, cause: Cause, text: String| Failure::new(class, Stage::Request, cause, text);
    match error {
        Error::Api(problem) => classify(
            document(problem),
            problem.status.unwrap_or(seen.status),
            not_before,
        ),
        _ if seen.status == 429 => ours(
            Class::RateLimited { not_before },
            Cause::RateLimited,
            "the CA answers 429 Too Many Requests".into(),
        ),
        Error::Unsupported(what) => ours(
            Class::Permanent,
            Cause::Unsupported,
            format!("the CA does not support {what}"),
        ),
        Error::Crypto | Error::KeyRejected => ours(
            Class::Permanent,
            Cause::AccountKey,
            "the stored account key cannot be used".into(),
        ),
        // HTML, truncated JSON, resets, time-outs: the CA or the way to it is ill.
        other => ours(
            Class::Transient,
            Cause::CaUnreachable,
            format!("the CA cannot be reached or understood: {}", whole(other)),
        ),
    }
}

/// Whether a call for an order says that the order is gone.
pub(super) fn order_is_gone(error: &Error, seen: Seen) -> bool {
    seen.status == 404 || matches!(error, Error::Api(p) if p.status == Some(404))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(kind: &str, status: u16) -> Class {
        let problem = Problem {
            cause: kind.into(),
            detail: "d".into(),
            subproblems: vec![],
        };
        classify(problem, status, Some(Timestamp::from_secs(9))).class
    }

    #[test]
    fn each_problem_type_has_its_meaning() {
        let acme = |name: &str| class(&format!("urn:ietf:params:acme:error:{name}"), 400);
        for name in ["badNonce", "serverInternal", "orderNotReady"] {
            assert_eq!(acme(name), Class::Transient, "{name}");
        }
        for name in ["dns", "connection", "incorrectResponse", "tls"] {
            assert_eq!(acme(name), Class::OrderLost, "{name}");
        }
        for name in [
            "caa",
            "rejectedIdentifier",
            "unsupportedIdentifier",
            "malformed",
            "badCSR",
            "unauthorized",
            "accountDoesNotExist",
            "externalAccountRequired",
            "userActionRequired",
            "invalidContact",
            "unheardOf",
        ] {
            assert_eq!(acme(name), Class::Permanent, "{name}");
        }
        assert_eq!(
            acme("rateLimited"),
            Class::RateLimited {
                not_before: Some(Timestamp::from_secs(9))
            }
        );
    }

    #[test]
    fn words_for_a_person_say_what_to_do() {
        for (name, word) in [
            ("accountDoesNotExist", "create the account anew"),
            ("unauthorized", "deactivated"),
            ("externalAccountRequired", "eabKid"),
            ("userActionRequired", "terms of service"),
            ("caa", "CAA record"),
        ] {
            let problem = Problem {
                cause: Cause::of_type(&format!("urn:ietf:params:acme:error:{name}")),
                detail: "d".into(),
                subproblems: vec![],
            };
            let failure = classify(problem, 400, None);
            assert!(failure.problem.detail.contains(word), "{name}");
            assert_eq!(failure.blames_account(true), name != "caa", "{name}");
        }
    }

    #[test]
    fn a_directory_that_is_none_is_away() {
        let gone = classify(Problem::default(), 404, None);
        let failure = no_directory("https://ca.test/dir", &gone);
        assert_eq!(
            (failure.class, failure.problem.cause),
            (Class::Transient, Cause::DirectoryUnreachable)
        );
        let limited = classify(Problem::default(), 429, None);
        assert_eq!(no_directory("u", &limited), limited);
    }

    #[test]
    fn without_a_type_the_status_decides() {
        assert_eq!(class("about:blank", 503), Class::Transient);
        assert_eq!(
            class("", 429),
            Class::RateLimited {
                not_before: Some(Timestamp::from_secs(9))
            }
        );
        assert_eq!(class("", 403), Class::Permanent);
    }
}
