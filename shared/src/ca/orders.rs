//! Orders as the CA shows them (RFC 8555 §7.1.3 and §7.1.4).

use instant_acme::{AuthorizationStatus, ChallengeType, Error, Identifier, Order, OrderStatus};

use super::{
    CaAccount, chains,
    http::{Seen, observed},
    problem,
    session::AcmeCa,
};
use certmint_core::{
    issuance::{Challenge, OrderProgress},
    words::{AcmeError, Cause, Class, Failure, Fqdn, Problem, Stage, Subproblem},
};

impl AcmeCa {
    /// Opens the order; one that the CA no longer knows is lost, one that is invalid says why.
    pub(super) async fn open(&self, account: &CaAccount, order_url: &str) -> Result<(Order, Seen), Failure> {
        let lost = |text: String| Failure::new(Class::OrderLost, Stage::Request, Cause::OrderGone, text);
        let session = self.session(account).await?;
        let (result, seen) = observed(session.order(order_url.to_owned())).await;
        let mut order = match result {
            Ok(order) => order,
            Err(e) if problem::order_is_gone(&e, seen) => {
                return Err(lost(format!("the CA no longer knows order {order_url}")));
            }
            Err(e) => {
                let failure = problem::failure(&e, seen, self.clock.now());
                self.doubt(account, &failure).await;
                return Err(failure);
            }
        };
        if order.state().status == OrderStatus::Invalid {
            return Err(self.invalid(&mut order).await);
        }
        Ok((order, seen))
    }

    /// Why an order is invalid: its own problem, and one for each name whose challenge failed.
    async fn invalid(&self, order: &mut Order) -> Failure {
        let whole = order.state().error.as_ref().map(problem::document);
        let mut subproblems = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(Ok(authorization)) = authorizations.next().await {
            let identifier = authorization.identifier().to_string();
            let errors = authorization.challenges.iter().filter_map(|c| c.error.as_ref());
            subproblems.extend(errors.map(problem::document).map(|p| Subproblem {
                identifier: identifier.clone(),
                cause: p.cause,
                detail: p.detail,
            }));
        }
        let first = subproblems.first().cloned();
        let problem = match (whole, first) {
            (Some(whole), _) if subproblems.is_empty() => whole,
            (Some(whole), _) => Problem { subproblems, ..whole },
            (None, Some(first)) => Problem {
                cause: first.cause,
                detail: "the CA could not validate every name".into(),
                subproblems,
            },
            (None, None) => Problem {
                detail: "the order expired or was refused".into(),
                ..Problem::default()
            },
        };
        // The order is spent. Where the CA says that trying again is useless, believe it; a TXT value that it did
        // not see (unauthorized, RFC 8555 §8.4) may be there next time.
        let deciding = problem
            .subproblems
            .first()
            .map_or(problem.cause.clone(), |s| s.cause.clone());
        let judged = problem::classify(
            Problem {
                cause: deciding.clone(),
                ..problem.clone()
            },
            0,
            None,
        );
        let unseen = deciding == Cause::Acme(AcmeError::Unauthorized);
        let class = match judged.class {
            Class::Permanent if !unseen && deciding.is_acme() => Class::Permanent,
            _ => Class::OrderLost,
        };
        Failure {
            class,
            stage: Stage::Request,
            problem,
        }
    }
}

impl AcmeCa {
    /// The chain that leads to the wanted root, if the CA has it; a chain that cannot be had is passed over.
    pub(super) async fn alternate(
        &self,
        account: &CaAccount,
        urls: &[String],
        wanted: &str,
    ) -> Option<String> {
        for url in urls {
            let session = self.session(account).await.ok()?;
            // The library reads nothing but orders; a chain that it cannot make sense of is noted all the same.
            let (_, offered) = chains::noted(session.order(url.clone())).await;
            let fits = |chain: &String| chains::root(chain).as_deref() == Some(wanted);
            if let Some(chain) = offered.chain.filter(fits) {
                return Some(chain);
            }
        }
        tracing::warn!(
            wanted,
            "the CA offers no chain to the preferred root; its default is taken"
        );
        None
    }
}

pub(super) const fn progress(status: OrderStatus) -> OrderProgress {
    match status {
        OrderStatus::Pending | OrderStatus::Invalid => OrderProgress::Pending,
        OrderStatus::Ready => OrderProgress::Ready,
        OrderStatus::Processing => OrderProgress::Processing,
        OrderStatus::Valid => OrderProgress::Valid,
    }
}

/// Whether the directory advertises the profile (draft-ietf-acme-profiles §3).
pub(super) fn check_profile<'a>(wanted: &str, offered: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut offered: Vec<&str> = offered.collect();
    if offered.contains(&wanted) {
        return Ok(());
    }
    offered.sort_unstable();
    let text = match offered.as_slice() {
        [] => format!("the CA has no profiles, so no {wanted}; request it without a profile"),
        some => format!("the CA has no profile {wanted}; it has {}", some.join(", ")),
    };
    Err(Failure::new(
        Class::Permanent,
        Stage::Request,
        Cause::NoProfile,
        text,
    ))
}

/// The DNS-01 challenges of names that are not authorized yet.
pub(super) async fn open_challenges(order: &mut Order) -> Result<Vec<Challenge>, Error> {
    let mut challenges = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::Dns01);
        let challenge = challenge.ok_or(Error::Unsupported("dns-01 for this name"))?;
        let Identifier::Dns(name) = challenge.identifier().identifier else {
            return Err(Error::Unsupported("identifiers other than DNS names"));
        };
        challenges.push(Challenge {
            fqdn: Fqdn::new(&format!("_acme-challenge.{name}")),
            value: challenge.key_authorization().dns_value(),
        });
    }
    Ok(challenges)
}
