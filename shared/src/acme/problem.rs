//! The errors of ACME calls as failures. What a CA's words mean is `certmint_core::acme`'s.

use instant_acme::Error;

use super::answer::Head;
use certmint_core::{
    acme::{classify, refuses_replacement},
    words::{Cause, Class, Failure, Problem, Stage, Subproblem},
};

fn of_type(kind: Option<&String>) -> Cause {
    kind.map_or_else(Cause::default, |kind| Cause::of_type(kind))
}

/// What the CA says is wrong.
pub(super) fn cause(problem: &instant_acme::Problem) -> Cause {
    of_type(problem.r#type.as_ref())
}

/// A CA's problem document as ours.
pub(super) fn document(problem: &instant_acme::Problem) -> Problem {
    let identifier =
        |s: &instant_acme::Subproblem| Some(s.identifier.as_ref()?.authorized(false).to_string());
    let detail = problem.detail.clone();
    Problem {
        cause: cause(problem),
        detail: detail.unwrap_or_else(|| "the CA gave no detail".into()),
        subproblems: problem
            .subproblems
            .iter()
            .map(|s| Subproblem {
                identifier: identifier(s).unwrap_or_default(),
                cause: of_type(s.r#type.as_ref()),
                detail: s.detail.clone().unwrap_or_default(),
            })
            .collect(),
    }
}

/// Any error of an ACME call whose last answer had this head, in a size that an item holds, whatever the CA sends.
pub(super) fn failure(error: &Error, head: &Head) -> Failure {
    unbounded(error, head).bounded()
}

fn unbounded(error: &Error, head: &Head) -> Failure {
    let not_before = head.retry_after;
    let ours = |class, cause: Cause, text: String| Failure::new(class, Stage::Request, cause, text);
    match error {
        Error::Api(problem) => classify(
            document(problem),
            problem.status.unwrap_or(head.status),
            not_before,
        ),
        _ if head.status == 429 => ours(
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

/// Whether a newOrder with `replaces` came to nothing because of that.
pub(super) fn is_of_replacement(error: &Error, head: &Head) -> bool {
    match error {
        // The directory has no renewal information.
        Error::Unsupported(_) => true,
        // The CA made an order that does not say what it replaces, and the library takes it for none. It stands, but as
        // a plain one: it would count against the limits of plain ones.
        Error::Other(_) => (200..300).contains(&head.status),
        Error::Api(problem) => refuses_replacement(&cause(problem), problem.status.unwrap_or(head.status)),
        _ => false,
    }
}

/// Whether the answer to a call for an order says that the order is gone, be it in HTML.
pub(super) fn order_is_gone(error: &Error, head: &Head) -> bool {
    match error {
        Error::Api(problem) => problem.status == Some(404) || head.status == 404,
        Error::Json(_) => head.status == 404,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use certmint_core::words::Timestamp;

    use super::*;

    fn answered(status: u16) -> Head {
        Head {
            status,
            ..Head::default()
        }
    }

    #[test]
    fn an_order_that_forgot_what_it_replaces_is_told_from_no_answer() {
        let other = || Error::Other("any text".into());
        assert!(is_of_replacement(&other(), &answered(201)));
        assert!(!is_of_replacement(&other(), &Head::default()));
        assert!(is_of_replacement(&Error::Unsupported("it"), &Head::default()));
        assert!(!is_of_replacement(
            &Error::Str("no order URL found"),
            &answered(201)
        ));
    }

    #[test]
    fn an_order_is_gone_if_the_answer_about_it_is_404() {
        let html = || Error::Json(serde_json::from_str::<()>("<html>").unwrap_err());
        assert!(order_is_gone(&html(), &answered(404)));
        assert!(!order_is_gone(&html(), &answered(503)));
        // That was newNonce.
        assert!(!order_is_gone(&Error::Str("no nonce"), &answered(404)));
        let problem = |text| Error::Api(serde_json::from_str(text).unwrap());
        assert!(order_is_gone(&problem(r#"{"status":404}"#), &answered(400)));
        assert!(order_is_gone(&problem("{}"), &answered(404)));
        assert!(!order_is_gone(&problem(r#"{"status":403}"#), &answered(403)));
    }

    #[test]
    fn a_limit_without_a_problem_document_is_a_limit() {
        let at = Timestamp::from_secs(9);
        let head = Head {
            retry_after: Some(at),
            ..answered(429)
        };
        let limited = failure(&Error::Str("no JSON"), &head);
        let not_before = Some(at);
        assert_eq!(limited.class, Class::RateLimited { not_before });
        let ill = failure(&Error::Str("no JSON"), &answered(502));
        assert_eq!(
            (ill.class, ill.problem.cause),
            (Class::Transient, Cause::CaUnreachable)
        );
    }
}
