//! ACME CAs (RFC 8555).

use std::{collections::HashMap, future::Future, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
    RevocationRequest,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::Mutex;

pub use super::http::SetupError;
use super::{
    AccountKey, Ca, CaAccount, Eab, OrderTerms, OrderView, RenewalInfo, chains,
    http::{AcmeHttp, Seen, observed},
    new_account::{new_account, read_directory},
    problem, renewal_info,
};
use crate::{
    dns::Clock,
    domain::{Class, Email, Failure, Fqdn, Problem, RevocationReason, Stage, Subproblem, Timestamp},
    engine::{Challenge, OrderProgress},
};

/// A directory may change: sessions are made anew after this time.
const SESSION_KEPT: Duration = Duration::from_secs(10 * 60);

/// Any CA with an ACME directory.
pub struct AcmeCa {
    http: AcmeHttp,
    clock: Arc<dyn Clock>,
    sessions: Mutex<HashMap<String, (Timestamp, Account)>>,
    directories: Mutex<HashMap<String, (Timestamp, Value)>>,
}

fn der(key: &AccountKey) -> Result<PrivatePkcs8KeyDer<'static>, Error> {
    PrivatePkcs8KeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_| Error::KeyRejected)
}

impl AcmeCa {
    /// Trusts the web's roots, or only the one in the file `root` (a private CA).
    ///
    /// # Errors
    /// If the root cannot be read or TLS cannot be set up.
    pub fn new(root: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        Ok(Self {
            http: AcmeHttp::new(root)?,
            clock,
            sessions: Mutex::default(),
            directories: Mutex::default(),
        })
    }

    /// Runs calls and classifies their error.
    async fn call<T>(&self, calls: impl Future<Output = Result<T, Error>>) -> Result<(T, Seen), Failure> {
        let (result, seen) = observed(calls).await;
        result
            .map(|value| (value, seen))
            .map_err(|e| problem::failure(&e, seen, self.clock.now()))
    }

    /// The account's session; a new one reads the directory.
    async fn session(&self, account: &CaAccount) -> Result<Account, Failure> {
        let now = self.clock.now();
        if let Some((at, session)) = self.sessions.lock().await.get(&account.registration_uri)
            && now.since(*at) < SESSION_KEPT
        {
            return Ok(session.clone());
        }
        // Not under the lock: a CA that does not answer must not keep the others waiting.
        let key = der(&account.key).map_err(|e| problem::failure(&e, Seen::default(), now))?;
        let (uri, url) = (account.registration_uri.clone(), account.directory_url.clone());
        let made = Account::builder_with_http(Box::new(self.http.clone())).from_parts(uri, key, url);
        let (session, _) = self
            .call(made)
            .await
            .map_err(|failure| problem::no_directory(&account.directory_url, &failure))?;
        let kept = (now, session.clone());
        self.sessions
            .lock()
            .await
            .insert(account.registration_uri.clone(), kept);
        Ok(session)
    }

    /// The directory, for what needs no account.
    async fn directory(&self, url: &str) -> Result<Value, Failure> {
        let now = self.clock.now();
        if let Some((at, directory)) = self.directories.lock().await.get(url)
            && now.since(*at) < SESSION_KEPT
        {
            return Ok(directory.clone());
        }
        let (directory, _) = self
            .call(read_directory(&self.http, url))
            .await
            .map_err(|failure| problem::no_directory(url, &failure))?;
        let kept = (now, directory.clone());
        self.directories.lock().await.insert(url.to_owned(), kept);
        Ok(directory)
    }

    /// After a call that got no answer the next one reads the directory first: that tells an outage from a hiccup.
    async fn doubt(&self, account: &CaAccount, failure: &Failure) {
        if failure.problem.kind == problem::UNREACHABLE {
            self.sessions.lock().await.remove(&account.registration_uri);
        }
    }

    /// Opens the order; one that the CA no longer knows is lost, one that is invalid says why.
    async fn open(&self, account: &CaAccount, order_url: &str) -> Result<(Order, Seen), Failure> {
        let lost = |text: String| Failure::new(Class::OrderLost, Stage::Request, "orderGone", text);
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
                kind: p.kind,
                detail: p.detail,
            }));
        }
        let first = subproblems.first().cloned();
        let problem = match (whole, first) {
            (Some(whole), _) if subproblems.is_empty() => whole,
            (Some(whole), _) => Problem { subproblems, ..whole },
            (None, Some(first)) => Problem {
                kind: first.kind,
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
            .map_or(problem.kind.clone(), |s| s.kind.clone());
        let judged = problem::classify(
            Problem {
                kind: deciding.clone(),
                ..problem.clone()
            },
            0,
            None,
        );
        let unseen = deciding == format!("{}unauthorized", problem::NAMESPACE);
        let class = match judged.class {
            Class::Permanent if !unseen && deciding.starts_with(problem::NAMESPACE) => Class::Permanent,
            _ => Class::OrderLost,
        };
        Failure {
            class,
            stage: Stage::Request,
            problem,
        }
    }
}

/// RFC 8555 §7.6: the certificate was revoked before.
const ALREADY_REVOKED: &str = "urn:ietf:params:acme:error:alreadyRevoked";

const fn reason_of(reason: RevocationReason) -> instant_acme::RevocationReason {
    use instant_acme::RevocationReason as Theirs;
    match reason {
        RevocationReason::Unspecified => Theirs::Unspecified,
        RevocationReason::KeyCompromise => Theirs::KeyCompromise,
        RevocationReason::CaCompromise => Theirs::CaCompromise,
        RevocationReason::AffiliationChanged => Theirs::AffiliationChanged,
        RevocationReason::Superseded => Theirs::Superseded,
        RevocationReason::CessationOfOperation => Theirs::CessationOfOperation,
        RevocationReason::CertificateHold => Theirs::CertificateHold,
        RevocationReason::RemoveFromCrl => Theirs::RemoveFromCrl,
        RevocationReason::PrivilegeWithdrawn => Theirs::PrivilegeWithdrawn,
        RevocationReason::AaCompromise => Theirs::AaCompromise,
    }
}

impl AcmeCa {
    /// The chain that leads to the wanted root, if the CA has it; a chain that cannot be had is passed over.
    async fn alternate(&self, account: &CaAccount, urls: &[String], wanted: &str) -> Option<String> {
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

const fn progress(status: OrderStatus) -> OrderProgress {
    match status {
        OrderStatus::Pending | OrderStatus::Invalid => OrderProgress::Pending,
        OrderStatus::Ready => OrderProgress::Ready,
        OrderStatus::Processing => OrderProgress::Processing,
        OrderStatus::Valid => OrderProgress::Valid,
    }
}

#[async_trait]
impl Ca for AcmeCa {
    async fn register(
        &self,
        directory_url: &str,
        key: &AccountKey,
        email: &Email,
        eab: Option<&Eab>,
    ) -> Result<String, Failure> {
        let (directory, _) = self
            .call(read_directory(&self.http, directory_url))
            .await
            .map_err(|failure| problem::no_directory(directory_url, &failure))?;
        let calls = async {
            let key = der(key)?;
            new_account(&self.http, &directory, key.secret_pkcs8_der(), email, eab).await
        };
        Ok(self.call(calls).await?.0)
    }

    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure> {
        let identifiers: Vec<Identifier> = terms
            .names
            .strings()
            .into_iter()
            .map(|n| Identifier::Dns(n.to_owned()))
            .collect();
        let session = self.session(account).await?;
        let mut order = NewOrder::new(&identifiers);
        if let Some(profile) = terms.profile {
            check_profile(profile, session.profiles().map(|p| p.name))?;
            order = order.profile(profile);
        }
        let replaces = terms.replaces.and_then(renewal_info::identifier);
        let replacing = replaces.is_some();
        if let Some(replaces) = replaces {
            order = order.replaces(replaces);
        }
        let (result, seen) = observed(session.new_order(&order)).await;
        match result {
            Ok(order) => Ok(order.url().to_owned()),
            Err(error) => {
                let failure = problem::failure(&error, seen, self.clock.now());
                if replacing && problem::refuses_replacement(&error, seen) {
                    let text = failure.problem.detail;
                    return Err(Failure::new(
                        Class::Permanent,
                        Stage::Request,
                        "replacesRefused",
                        text,
                    ));
                }
                self.doubt(account, &failure).await;
                Err(failure)
            }
        }
    }

    async fn renewal_info(
        &self,
        directory_url: &str,
        certificate_id: &str,
    ) -> Result<Option<RenewalInfo>, Failure> {
        let directory = self.directory(directory_url).await?;
        let ask = renewal_info::ask(&self.http, &directory, certificate_id);
        let (answer, seen) = self.call(ask).await?;
        let now = self.clock.now();
        Ok(answer.map(|(window, explanation_url)| RenewalInfo {
            window,
            explanation_url,
            retry_after: seen.retry_after.map(|r| r.moment(now).since(now)),
        }))
    }

    async fn order(
        &self,
        account: &CaAccount,
        order_url: &str,
        with_challenges: bool,
    ) -> Result<OrderView, Failure> {
        let (mut order, seen) = self.open(account, order_url).await?;
        let not_before = seen.retry_after.map(|r| r.moment(self.clock.now()));
        let progress = progress(order.state().status);
        let mut challenges = Vec::new();
        if with_challenges {
            challenges = self.call(open_challenges(&mut order)).await?.0;
        }
        Ok(OrderView {
            progress,
            challenges,
            not_before,
        })
    }

    async fn accept_challenges(&self, account: &CaAccount, order_url: &str) -> Result<(), Failure> {
        let (mut order, _) = self.open(account, order_url).await?;
        let calls = async {
            let mut authorizations = order.authorizations();
            while let Some(authorization) = authorizations.next().await {
                let mut authorization = authorization?;
                if authorization.status != AuthorizationStatus::Pending {
                    continue;
                }
                let challenge = authorization.challenge(ChallengeType::Dns01);
                let mut challenge = challenge.ok_or(Error::Unsupported("dns-01 for this name"))?;
                if challenge.status == instant_acme::ChallengeStatus::Pending {
                    challenge.set_ready().await?;
                }
            }
            Ok(())
        };
        self.call(calls).await?;
        Ok(())
    }

    async fn finalize(&self, account: &CaAccount, order_url: &str, csr: &[u8]) -> Result<(), Failure> {
        let (mut order, _) = self.open(account, order_url).await?;
        match order.state().status {
            OrderStatus::Ready => {
                self.call(order.finalize_csr(csr)).await?;
                Ok(())
            }
            OrderStatus::Processing | OrderStatus::Valid => Ok(()),
            OrderStatus::Pending | OrderStatus::Invalid => {
                let text = format!("order {order_url} is no longer ready");
                Err(Failure::new(
                    Class::OrderLost,
                    Stage::Request,
                    "orderNotReady",
                    text,
                ))
            }
        }
    }

    async fn update_contact(&self, account: &CaAccount, email: &Email) -> Result<(), Failure> {
        let session = self.session(account).await?;
        let contact = format!("mailto:{email}");
        match self.call(session.update_contacts(&[contact.as_str()])).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                self.doubt(account, &failure).await;
                Err(failure)
            }
        }
    }

    async fn revoke(
        &self,
        account: &CaAccount,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let certificate = CertificateDer::from_pem_slice(cert_pem.as_bytes()).map_err(|e| {
            let text = format!("the stored certificate is no PEM: {e}");
            Failure::new(Class::Permanent, Stage::Request, "certificate", text)
        })?;
        let request = RevocationRequest {
            certificate: &certificate,
            reason: Some(reason_of(reason)),
        };
        let session = self.session(account).await?;
        match self.call(session.revoke(&request)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.problem.kind == ALREADY_REVOKED => Ok(()),
            Err(failure) => {
                self.doubt(account, &failure).await;
                Err(failure)
            }
        }
    }

    async fn certificate(&self, account: &CaAccount, order_url: &str) -> Result<Option<String>, Failure> {
        let (mut order, _) = self.open(account, order_url).await?;
        match order.state().status {
            OrderStatus::Valid => {
                let (chain, offered) = chains::noted(self.call(order.certificate())).await;
                match (chain?.0, &account.preferred_chain) {
                    (Some(chain), Some(wanted)) if chains::root(&chain).as_ref() != Some(wanted) => {
                        let other = self.alternate(account, &offered.alternates, wanted).await;
                        Ok(Some(other.unwrap_or(chain)))
                    }
                    (chain, _) => Ok(chain),
                }
            }
            OrderStatus::Processing => Ok(None),
            _ => {
                let text = format!("order {order_url} lost its CSR");
                Err(Failure::new(
                    Class::OrderLost,
                    Stage::Request,
                    "orderNotFinalized",
                    text,
                ))
            }
        }
    }
}

/// Whether the directory advertises the profile (draft-ietf-acme-profiles §3).
fn check_profile<'a>(wanted: &str, offered: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut offered: Vec<&str> = offered.collect();
    if offered.contains(&wanted) {
        return Ok(());
    }
    offered.sort_unstable();
    let text = match offered.as_slice() {
        [] => format!("the CA has no profiles, so no {wanted}; request it without a profile"),
        some => format!("the CA has no profile {wanted}; it has {}", some.join(", ")),
    };
    Err(Failure::new(Class::Permanent, Stage::Request, "noProfile", text))
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
