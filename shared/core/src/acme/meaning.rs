//! What a CA's errors mean for us (RFC 8555 §6.7).

use crate::words::{AcmeError, Cause, Class, Failure, Problem, Stage, Timestamp};

/// What a problem type means for the next step.
pub(super) const fn meaning(error: &AcmeError, not_before: Option<Timestamp>) -> Class {
    match error {
        AcmeError::RateLimited => Class::RateLimited { not_before },
        AcmeError::BadNonce | AcmeError::ServerInternal | AcmeError::OrderNotReady => Class::Transient,
        // Validation failed: a new order may find the record.
        AcmeError::Dns | AcmeError::Connection | AcmeError::IncorrectResponse | AcmeError::Tls => {
            Class::OrderLost
        }
        _ => Class::Permanent,
    }
}

/// What several errors mean together: a request goes on once all of them are over, and not before the last of their
/// moments. `None`: there are none.
pub(super) fn together(classes: impl Iterator<Item = Class>) -> Option<Class> {
    const fn weight(class: &Class) -> u8 {
        match class {
            Class::Transient => 0,
            Class::OrderLost => 1,
            Class::RateLimited { .. } | Class::Denied => 2,
            Class::Permanent => 3,
        }
    }
    classes.max_by_key(weight)
}

/// What the parts of a compound problem mean (RFC 8555 §6.7.1). One that is compound itself has no parts that could be told.
fn of_parts(problem: &Problem, not_before: Option<Timestamp>) -> Option<Class> {
    let parts = problem.subproblems.iter();
    together(parts.filter_map(|part| match part.cause.acme() {
        Some(AcmeError::Compound) => None,
        Some(error) => Some(meaning(error, not_before)),
        None => Some(Class::Permanent),
    }))
}

/// What a person should do, where that is more than to try again.
fn advised(problem: &Problem) -> Option<String> {
    let error = problem.cause.acme()?;
    let advice = problem.advice();
    let is_more = advice.first.is_some() || advice.way.of_account().is_some();
    let words = is_more.then(|| advice.words())?;
    Some(match error {
        AcmeError::AccountDoesNotExist => format!("the CA does not know this account: {words}"),
        _ => words,
    })
}

/// What the CA said, without what we added ([`classify`]).
#[must_use]
pub fn said(problem: &Problem) -> &str {
    let detail = problem.detail.as_str();
    let added = advised(problem).map(|words| format!("; {words}"));
    let said = added.and_then(|added| detail.strip_suffix(&added));
    said.unwrap_or(detail)
}

/// A problem document as a failure: by its type, or by the HTTP status where it has none of ACME's. What ends a request
/// says what to do.
#[must_use]
pub fn classify(mut problem: Problem, status: u16, not_before: Option<Timestamp>) -> Failure {
    let known = match problem.cause.acme() {
        Some(AcmeError::Compound) => of_parts(&problem, not_before),
        error => error.map(|error| meaning(error, not_before)),
    };
    let class = match (known, status) {
        (Some(class), _) => class,
        (None, 429) => Class::RateLimited { not_before },
        (None, 500..=599) => Class::Transient,
        (None, _) => Class::Permanent,
    };
    if class == Class::Permanent
        && let Some(words) = advised(&problem)
    {
        problem.detail = format!("{}; {words}", problem.detail);
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
    use crate::words::Subproblem;

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
    fn a_compound_problem_means_what_its_parts_mean() {
        let limited = Class::RateLimited {
            not_before: Some(Timestamp::from_secs(9)),
        };
        let table: [(&[&str], u16, Class, Option<&str>); 14] = [
            (&["serverInternal"], 400, Class::Transient, None),
            (&["serverInternal", "badNonce"], 400, Class::Transient, None),
            (&["dns", "serverInternal"], 400, Class::OrderLost, None),
            (&["rateLimited"], 400, limited, None),
            (&["serverInternal", "rateLimited", "dns"], 400, limited, None),
            (&["caa"], 400, Class::Permanent, Some("CAA record")),
            (&["rateLimited", "caa"], 429, Class::Permanent, Some("CAA record")),
            (&["caa", "rateLimited"], 403, Class::Permanent, Some("CAA record")),
            (
                &["dns", "rejectedIdentifier"],
                400,
                Class::Permanent,
                Some("leave out the name"),
            ),
            (&["unheardOf"], 400, Class::Permanent, None),
            (&["compound", "serverInternal"], 400, Class::Transient, None),
            (&[], 400, Class::Permanent, None),
            (&[], 503, Class::Transient, None),
            (&["compound"], 429, limited, None),
        ];
        for (parts, status, class, advice) in table {
            let kind = |name: &str| Cause::of_type(&format!("urn:ietf:params:acme:error:{name}"));
            let part = |name: &&str| Subproblem {
                identifier: format!("{name}.example.com"),
                cause: kind(name),
                detail: "d".into(),
            };
            let problem = Problem {
                cause: kind("compound"),
                detail: "several".into(),
                subproblems: parts.iter().map(part).collect(),
            };
            let failure = classify(problem, status, Some(Timestamp::from_secs(9)));
            assert_eq!(failure.class, class, "{parts:?} {status}");
            let detail = &failure.problem.detail;
            let is_said = advice.is_none_or(|words| detail.contains(words));
            assert!(is_said, "{parts:?}: {detail}");
            assert_eq!(said(&failure.problem), "several");
        }
    }

    #[test]
    fn words_for_a_person_say_what_to_do() {
        for (name, word) in [
            ("accountDoesNotExist", "/acme/accounts/enable"),
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
