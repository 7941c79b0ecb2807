//! Orders (RFC 8555 §7.4). What an answer says is not asked for again: newOrder, finalize and each reading give the order
//! whole, an authorization its challenges.

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{StreamExt, TryStreamExt, stream};
use instant_acme::{
    AuthorizationState, AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Identifier, NewOrder,
    OrderStatus,
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    ca::{AcmeOrders, CaAccount, OrderTerms, OrderView},
    call::Call,
    chains,
    client::AcmeCa,
    directory::Directory,
    jws::Signer,
    known::Seen,
    problem, renewal_info,
};
use certmint_core::{
    acme::invalid_order,
    issuance::{Challenge, OrderProgress},
    words::{Cause, Class, Failure, Fqdn, Stage, Subproblem},
};

const NO_DNS_01: Error = Error::Unsupported("dns-01 for this name");
/// Authorizations of one order that are asked for at once.
const AT_ONCE: usize = 8;

/// `{}`.
#[derive(Serialize)]
struct Empty {}

fn lost(cause: Cause, text: String) -> Failure {
    Failure::new(Class::OrderLost, Stage::Request, cause, text)
}

/// An order, and who asks for it.
struct Asked<'a> {
    ca: &'a AcmeCa,
    account: &'a CaAccount,
    signer: Signer,
    url: &'a str,
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
            Ok(mut order) => {
                let seen = Seen::from(order.state());
                call.orders().note(order.url(), seen);
                Ok(order.url().to_owned())
            }
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
        let asked = self.asked(account, order_url).await?;
        if with_challenges {
            return asked.with_challenges().await;
        }
        let call = asked.call().await?;
        let seen = asked.read(&call).await?;
        let (progress, not_before) = (progress(seen.status), call.last().retry_after);
        call.orders().note(order_url, seen);
        Ok(OrderView {
            progress,
            challenges: vec![],
            not_before,
        })
    }

    async fn accept_challenges(&self, account: &CaAccount, order_url: &str) -> Result<(), Failure> {
        let asked = self.asked(account, order_url).await?;
        let call = asked.call().await?;
        let Some(known) = call.orders().take_challenges(order_url) else {
            return asked.accept(asked.open(&call).await?).await;
        };
        match asked.accept(known.clone()).await {
            // One that is open no more, or an order that is over: its reading tells.
            Err(failure) if failure.class == Class::Permanent => {
                let open = asked.open(&call).await?;
                match open.iter().any(|url| known.contains(url)) {
                    true => Err(failure),
                    false => Ok(()),
                }
            }
            done => done,
        }
    }

    async fn finalize(&self, account: &CaAccount, order_url: &str, csr: &[u8]) -> Result<(), Failure> {
        let asked = self.asked(account, order_url).await?;
        let call = asked.call().await?;
        // Once: whether a CSR that got no answer was taken, the order says.
        let known = call
            .orders()
            .take(order_url)
            .filter(|seen| seen.status == OrderStatus::Ready);
        let seen = match known {
            Some(seen) => seen,
            None => asked.read(&call).await?,
        };
        match seen.status {
            OrderStatus::Ready => match asked.send_csr(&call, &seen.finalize, csr).await {
                Ok(seen) => {
                    call.orders().note(order_url, seen);
                    Ok(())
                }
                Err(failure) => Err(asked.explained(failure).await),
            },
            OrderStatus::Processing | OrderStatus::Valid => Ok(()),
            OrderStatus::Pending | OrderStatus::Invalid => Err(lost(
                Cause::OrderNotReady,
                format!("order {order_url} is no longer ready"),
            )),
        }
    }

    async fn certificate(&self, account: &CaAccount, order_url: &str) -> Result<Option<String>, Failure> {
        let asked = self.asked(account, order_url).await?;
        let call = asked.call().await?;
        let known = call.orders().take(order_url);
        let known = known.filter(|seen| seen.status == OrderStatus::Valid);
        let seen = match known {
            Some(seen) => seen,
            None => asked.read(&call).await?,
        };
        match seen.status {
            OrderStatus::Valid => {
                let chain = call.checked(download(&call, &asked.signer, seen.certificate).await)?;
                let chain = chains::preferred(&call, account, chain).await;
                call.orders().forget(order_url);
                Ok(Some(chain))
            }
            OrderStatus::Processing => Ok(None),
            _ => Err(lost(
                Cause::OrderNotFinalized,
                format!("order {order_url} lost its CSR"),
            )),
        }
    }
}

impl AcmeCa {
    async fn asked<'a>(&'a self, account: &'a CaAccount, url: &'a str) -> Result<Asked<'a>, Failure> {
        let call = self.call(&account.directory_url).await?;
        let signer = call.checked(Signer::of_account(account))?;
        Ok(Asked {
            ca: self,
            account,
            signer,
            url,
        })
    }
}

impl Asked<'_> {
    /// A call of its own: several run at once, and each knows its last answer.
    async fn call(&self) -> Result<Call, Failure> {
        self.ca.call(&self.account.directory_url).await
    }

    async fn get<T: DeserializeOwned>(&self, call: &Call, url: &str) -> Result<T, Error> {
        let answer = call.post_as_get(url, &self.signer).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Reads the order; one that the CA no longer knows is lost, one that is invalid says why.
    async fn read(&self, call: &Call) -> Result<Seen, Failure> {
        let read = self.get::<Seen>(call, self.url).await;
        if matches!(&read, Err(e) if problem::order_is_gone(e, &call.last())) {
            let text = format!("the CA no longer knows order {}", self.url);
            return Err(lost(Cause::OrderGone, text));
        }
        let seen = call.checked(read)?;
        match seen.status {
            OrderStatus::Invalid => Err(self.why_invalid(&seen).await),
            _ => Ok(seen),
        }
    }

    /// A refusal may come of an order that is over: its reading says more.
    async fn explained(&self, failure: Failure) -> Failure {
        if failure.class != Class::Permanent {
            return failure;
        }
        let read = async { self.read(&self.call().await?).await };
        match read.await {
            Err(why) if why.class == Class::OrderLost || why.class == Class::Permanent => why,
            _ => failure,
        }
    }

    async fn authorization(&self, url: String) -> Result<AuthorizationState, Failure> {
        let call = self.call().await?;
        let read = self.get(&call, &url).await;
        call.checked(read)
    }

    /// Those of the order, in its order.
    async fn authorizations(&self, seen: &Seen) -> Result<Vec<AuthorizationState>, Failure> {
        self.each_authorization(seen).await.into_iter().collect()
    }

    async fn each_authorization(&self, seen: &Seen) -> Vec<Result<AuthorizationState, Failure>> {
        let urls = seen.authorizations.iter().cloned();
        let reads: Vec<_> = urls.map(|url| self.authorization(url)).collect();
        stream::iter(reads).buffered(AT_ONCE).collect().await
    }

    /// The order and its open challenges; it is read only if no answer just said how it stands.
    async fn with_challenges(&self) -> Result<OrderView, Failure> {
        let call = self.call().await?;
        let known = call.orders().take(self.url);
        let known = known.filter(|seen| seen.status != OrderStatus::Invalid);
        let (seen, is_known) = match known {
            Some(seen) => (seen, true),
            None => (self.read(&call).await?, false),
        };
        let not_before = call.last().retry_after;
        let authorizations = match self.authorizations(&seen).await {
            Err(failure) if is_known => return Err(self.explained(failure).await),
            read => read?,
        };
        let (challenges, open) = call.checked(open_challenges(authorizations, &self.signer))?;
        call.orders().note_challenges(self.url, open);
        Ok(OrderView {
            progress: progress(seen.status),
            challenges,
            not_before,
        })
    }

    /// The challenges that can be accepted, as the CA has them now.
    async fn open(&self, call: &Call) -> Result<Vec<String>, Failure> {
        let seen = self.read(call).await?;
        let authorizations = self.authorizations(&seen).await?;
        let (_, open) = call.checked(open_challenges(authorizations, &self.signer))?;
        Ok(open)
    }

    /// RFC 8555 §7.5.1.
    async fn accept_one(&self, url: String) -> Result<(), Failure> {
        let call = self.call().await?;
        let posted = call.post(&url, &self.signer, &Empty {}).await;
        call.checked(posted).map(|_| ())
    }

    async fn accept(&self, challenges: Vec<String>) -> Result<(), Failure> {
        let posts: Vec<_> = challenges.into_iter().map(|url| self.accept_one(url)).collect();
        stream::iter(posts).buffered(AT_ONCE).try_collect().await
    }

    /// The order as it is then.
    async fn send_csr(&self, call: &Call, url: &str, csr: &[u8]) -> Result<Seen, Failure> {
        let csr = serde_json::json!({"csr": BASE64_URL_SAFE_NO_PAD.encode(csr)});
        let sent = call.post(url, &self.signer, &csr).await;
        let answer = call.checked(sent)?;
        call.checked(serde_json::from_slice(&answer.body).map_err(Error::from))
    }

    /// The order's own problem, and one for each name whose challenge failed.
    async fn why_invalid(&self, seen: &Seen) -> Failure {
        let whole = seen.error.as_ref().map(problem::document);
        let mut subproblems = Vec::new();
        // What cannot be read is left out.
        for authorization in self.each_authorization(seen).await.into_iter().flatten() {
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
}

/// The DNS-01 challenges of names that are not authorized yet, and the URLs of those that can be accepted.
fn open_challenges(
    authorizations: Vec<AuthorizationState>,
    signer: &Signer,
) -> Result<(Vec<Challenge>, Vec<String>), Error> {
    let (mut challenges, mut open) = (Vec::new(), Vec::new());
    for authorization in authorizations {
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut all = authorization.challenges.iter();
        let challenge = all.find(|one| one.r#type == ChallengeType::Dns01);
        let challenge = challenge.ok_or(NO_DNS_01)?;
        let Identifier::Dns(name) = authorization.identifier().identifier else {
            return Err(Error::Unsupported("identifiers other than DNS names"));
        };
        // RFC 8555 §8.1 and §8.4.
        let key_authorization = format!("{}.{}", challenge.token, signer.thumbprint()?);
        challenges.push(Challenge {
            fqdn: Fqdn::of_challenge(name),
            value: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(key_authorization)),
        });
        if challenge.status == ChallengeStatus::Pending
            && authorization.status == AuthorizationStatus::Pending
        {
            open.push(challenge.url.clone());
        }
    }
    Ok((challenges, open))
}

/// RFC 8555 §7.4.2.
async fn download(call: &Call, signer: &Signer, url: Option<String>) -> Result<String, Error> {
    let url = url.ok_or(Error::Str("no certificate URL found"))?;
    let answer = call.post_as_get(&url, signer).await?;
    String::from_utf8(answer.body.into()).map_err(|_| Error::Str("the certificate is no text"))
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
