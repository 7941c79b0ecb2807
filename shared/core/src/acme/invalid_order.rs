//! Why an order is invalid (RFC 8555 §7.1.6), and whether a new one could do better.

use super::meaning::{meaning, together};
use crate::words::{AcmeError, Cause, Class, Failure, Problem, Stage, Subproblem};

/// The failure of an invalid order: its own problem, and one for each name whose challenge failed.
#[must_use]
pub fn invalid_order(whole: Option<Problem>, subproblems: Vec<Subproblem>) -> Failure {
    // Which cause speaks for all is that of the weightiest name.
    let heaviest = subproblems
        .iter()
        .find(|s| class_of(&s.cause) == Class::Permanent);
    let heaviest = heaviest.or(subproblems.first()).map(|s| s.cause.clone());
    let problem = match (whole, heaviest) {
        (Some(whole), None) => whole,
        (Some(whole), Some(_)) => Problem { subproblems, ..whole },
        (None, Some(cause)) => Problem {
            cause,
            detail: "the CA could not validate every name".into(),
            subproblems,
        },
        (None, None) => Problem {
            detail: "the order expired or was refused".into(),
            ..Problem::default()
        },
    };
    // Names say more than the whole, but for a whole that is more than its names.
    let parts = problem.subproblems.iter().map(|s| class_of(&s.cause));
    Failure {
        class: together(parts).unwrap_or_else(|| class_of(&problem.cause)),
        stage: Stage::Request,
        problem,
    }
}

/// The order is spent. Where the CA says that trying again is useless, believe it; a TXT value that it did not see
/// (unauthorized, RFC 8555 §8.4) may be there next time.
fn class_of(cause: &Cause) -> Class {
    match cause.acme() {
        None | Some(AcmeError::Unauthorized | AcmeError::Compound) => Class::OrderLost,
        Some(error) => match meaning(error, None) {
            Class::Permanent => Class::Permanent,
            _ => Class::OrderLost,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sub(error: AcmeError) -> Subproblem {
        Subproblem {
            identifier: "example.com".into(),
            cause: error.into(),
            detail: "d".into(),
        }
    }

    #[test]
    fn the_weightiest_name_decides_and_every_name_is_told() {
        let whole = Problem {
            cause: AcmeError::Malformed.into(),
            detail: "the whole".into(),
            subproblems: vec![],
        };
        for (whole, subs, class, detail) in [
            (None, vec![], Class::OrderLost, "expired or was refused"),
            (None, vec![sub(AcmeError::Dns)], Class::OrderLost, "every name"),
            (None, vec![sub(AcmeError::Caa)], Class::Permanent, "every name"),
            (
                None,
                vec![sub(AcmeError::Unauthorized)],
                Class::OrderLost,
                "every name",
            ),
            (
                None,
                vec![sub(AcmeError::Dns), sub(AcmeError::Caa)],
                Class::Permanent,
                "every name",
            ),
            (
                None,
                vec![sub(AcmeError::RateLimited), sub(AcmeError::Compound)],
                Class::OrderLost,
                "every name",
            ),
            (Some(whole.clone()), vec![], Class::Permanent, "the whole"),
            (
                Some(whole),
                vec![sub(AcmeError::Dns)],
                Class::OrderLost,
                "the whole",
            ),
        ] {
            let failure = invalid_order(whole, subs.clone());
            assert_eq!(failure.class, class, "{subs:?}");
            assert!(failure.problem.detail.contains(detail), "{failure:?}");
            assert_eq!(failure.problem.subproblems, subs);
        }
    }
}
