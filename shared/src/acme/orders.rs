//! Orders (RFC 8555 §7.4), through the ACME library.

use async_trait::async_trait;
use instant_acme::{
    AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
};

use super::{
    ca::{AcmeOrders, CaAccount, OrderTerms, OrderView},
    call::Call,
    chains,
    client::AcmeCa,
    directory::Directory,
    problem, renewal_info,
};
use certmint_core::{
    acme::invalid_order,
    issuance::{Challenge, OrderProgress},
    words::{Cause, Class, Failure, Fqdn, Stage, Subproblem},
};

const NO_DNS_01: Error = Error::Unsupported("dns-01 for this name");

fn lost(cause: Cause, text: String) -> Failure {
    Failure::new(Class::OrderLost, Stage::Request, cause, text)
}

#[async_trait]
impl AcmeOrders for AcmeCa {
    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure> {
        let mut call = self.call(&account.directory_url).await?;
        if let Some(profile) = terms.profile
            && check_profile(profile, call.directory()).is_err()
        {
            // It may be newer than the directory that we know.
            call = self.call_with_fresh_directory(&account.directory_url).await?;
            check_profile(profile, call.directory())?;
        }
        let names = terms.names.strings().into_iter();
        let identifiers: Vec<Identifier> = names.map(|n| Identifier::Dns(n.to_owned())).collect();
        let mut order = NewOrder::new(&identifiers);
        if let Some(profile) = terms.profile {
            order = order.profile(profile);
        }
        let replaces = terms.replaces.and_then(renewal_info::identifier);
        let replacing = replaces.is_some();
        if let Some(replaces) = replaces {
            order = order.replaces(replaces);
        }
        let made = call.account(account).await?.new_order(&order).await;
        let refused = matches!(&made, Err(e) if replacing && problem::is_of_replacement(e, &call.last()));
        match call.checked(made) {
            Ok(order) => Ok(order.url().to_owned()),
            Err(failure) if refused => Err(Failure::new(
                Class::Permanent,
                Stage::Request,
                Cause::ReplacesRefused,
                failure.problem.detail,
            )),
            Err(failure) => Err(failure),
        }
    }

    async fn order(
        &self,
        account: &CaAccount,
        order_url: &str,
        with_challenges: bool,
    ) -> Result<OrderView, Failure> {
        let call = self.call(&account.directory_url).await?;
        let mut order = open(&call, account, order_url).await?;
        let not_before = call.last().retry_after;
        let challenges = match with_challenges {
            true => call.checked(open_challenges(&mut order).await)?,
            false => vec![],
        };
        Ok(OrderView {
            progress: progress(order.state().status),
            challenges,
            not_before,
        })
    }

    async fn accept_challenges(&self, account: &CaAccount, order_url: &str) -> Result<(), Failure> {
        let call = self.call(&account.directory_url).await?;
        let mut order = open(&call, account, order_url).await?;
        call.checked(accept(&mut order).await)
    }

    async fn finalize(&self, account: &CaAccount, order_url: &str, csr: &[u8]) -> Result<(), Failure> {
        let call = self.call(&account.directory_url).await?;
        let mut order = open(&call, account, order_url).await?;
        match order.state().status {
            OrderStatus::Ready => call.checked(order.finalize_csr(csr).await),
            OrderStatus::Processing | OrderStatus::Valid => Ok(()),
            OrderStatus::Pending | OrderStatus::Invalid => Err(lost(
                Cause::OrderNotReady,
                format!("order {order_url} is no longer ready"),
            )),
        }
    }

    async fn certificate(&self, account: &CaAccount, order_url: &str) -> Result<Option<String>, Failure> {
        let call = self.call(&account.directory_url).await?;
        let mut order = open(&call, account, order_url).await?;
        match order.state().status {
            OrderStatus::Valid => match call.checked(order.certificate().await)? {
                Some(chain) => Ok(Some(chains::preferred(&call, account, chain).await)),
                None => Ok(None),
            },
            OrderStatus::Processing => Ok(None),
            _ => Err(lost(
                Cause::OrderNotFinalized,
                format!("order {order_url} lost its CSR"),
            )),
        }
    }
}

/// Reads an order; one that the CA no longer knows is lost, one that is invalid says why.
async fn open(call: &Call, account: &CaAccount, order_url: &str) -> Result<Order, Failure> {
    let read = call.account(account).await?.order(order_url.to_owned()).await;
    if matches!(&read, Err(e) if problem::order_is_gone(e, &call.last())) {
        let text = format!("the CA no longer knows order {order_url}");
        return Err(lost(Cause::OrderGone, text));
    }
    let mut order = call.checked(read)?;
    match order.state().status {
        OrderStatus::Invalid => Err(why_invalid(&mut order).await),
        _ => Ok(order),
    }
}

/// The order's own problem, and one for each name whose challenge failed.
async fn why_invalid(order: &mut Order) -> Failure {
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
    invalid_order(whole, subproblems).bounded()
}

async fn accept(order: &mut Order) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::Dns01);
        let mut challenge = challenge.ok_or(NO_DNS_01)?;
        if challenge.status == ChallengeStatus::Pending {
            challenge.set_ready().await?;
        }
    }
    Ok(())
}

/// The DNS-01 challenges of names that are not authorized yet.
async fn open_challenges(order: &mut Order) -> Result<Vec<Challenge>, Error> {
    let mut challenges = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::Dns01);
        let challenge = challenge.ok_or(NO_DNS_01)?;
        let Identifier::Dns(name) = challenge.identifier().identifier else {
            return Err(Error::Unsupported("identifiers other than DNS names"));
        };
        challenges.push(Challenge {
            fqdn: Fqdn::of_challenge(name),
            value: challenge.key_authorization().dns_value(),
        });
    }
    Ok(challenges)
}

const fn progress(status: OrderStatus) -> OrderProgress {
    match status {
        OrderStatus::Pending | OrderStatus::Invalid => OrderProgress::Pending,
        OrderStatus::Ready => OrderProgress::Ready,
        OrderStatus::Processing => OrderProgress::Processing,
        OrderStatus::Valid => OrderProgress::Valid,
    }
}

/// Whether the directory advertises the profile (draft-ietf-acme-profiles §3).
fn check_profile(wanted: &str, directory: &Directory) -> Result<(), Failure> {
    let offered: Vec<&str> = directory.profiles().collect();
    if offered.contains(&wanted) {
        return Ok(());
    }
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
