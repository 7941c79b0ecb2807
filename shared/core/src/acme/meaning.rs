//! What a CA's errors mean for us (RFC 8555 §6.7).

use crate::words::{AcmeError, Cause, Class, Failure, Problem, Stage, Timestamp};

/// What a person should do whose account a CA does not let do something.
pub const CHECK_ACCOUNT: &str = "check at the CA that the account is not deactivated or revoked";

/// What a problem type means, and what a person should do where that helps.
pub(super) fn meaning(error: &AcmeError, not_before: Option<Timestamp>) -> (Class, Option<&'static str>) {
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

/// A problem document as a failure: by its type, or by the HTTP status where it has none of ACME's.
#[must_use]
pub fn classify(mut problem: Problem, status: u16, not_before: Option<Timestamp>) -> Failure {
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

/// Whether the CA refused an order because of what it replaces (RFC 9773 §5: `alreadyReplaced` with 409, or another
/// error where the certificate is not known or not of this account). What else is wrong with an order it says again
/// when asked without.
#[must_use]
pub const fn refuses_replacement(cause: &Cause, status: u16) -> bool {
    matches!(status, 404 | 409)
        || matches!(
            cause.acme(),
            Some(AcmeError::AlreadyReplaced | AcmeError::Malformed | AcmeError::Unauthorized)
        )
}

/// A failure to read the directory. Whatever the answer is, if it is no directory, the CA is away or not there.
#[must_use]
pub fn no_directory(url: &str, failure: Failure) -> Failure {
    match failure.class {
        Class::RateLimited { .. } => failure,
        _ => Failure::new(
            Class::Transient,
            Stage::Request,
            Cause::DirectoryUnreachable,
            format!("the directory {url} cannot be read: {}", failure.problem.detail),
        ),
    }
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
        let failure = no_directory("https://ca.test/dir", gone);
        assert_eq!(
            (failure.class, failure.problem.cause),
            (Class::Transient, Cause::DirectoryUnreachable)
        );
        let limited = classify(Problem::default(), 429, None);
        assert_eq!(no_directory("u", limited.clone()), limited);
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

    #[test]
    fn a_refused_replacement_is_told_from_what_an_order_says_again_without_it() {
        let refuses = |error: AcmeError, status| refuses_replacement(&error.into(), status);
        for (error, status) in [
            (AcmeError::AlreadyReplaced, 409),
            (AcmeError::Malformed, 400),
            (AcmeError::Unauthorized, 403),
            (AcmeError::ServerInternal, 404),
        ] {
            assert!(refuses(error.clone(), status), "{error:?} {status}");
        }
        for (error, status) in [
            (AcmeError::RateLimited, 429),
            (AcmeError::RejectedIdentifier, 400),
            (AcmeError::ServerInternal, 500),
        ] {
            assert!(!refuses(error.clone(), status), "{error:?} {status}");
        }
    }
}
