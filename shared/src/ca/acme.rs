//! ACME CAs (RFC 8555): each call of the trait.

use async_trait::async_trait;
use instant_acme::{AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, OrderStatus};
use secrecy::SecretString;

use super::{
    AccountKey, Ca, CaAccount, Eab, OrderTerms, OrderView, chains,
    http::observed,
    key_change,
    new_account::{new_account, read_directory},
    orders::{check_profile, open_challenges, progress},
    problem, renewal_info,
    session::der,
};
pub use super::{http::SetupError, session::AcmeCa};
use certmint_core::{
    certificate::RevocationReason,
    renewal::RenewalInfo,
    words::{Cause, Class, Email, Failure, Stage},
};

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
            .call(read_directory(self.http(directory_url), directory_url))
            .await
            .map_err(|failure| problem::no_directory(directory_url, &failure))?;
        let calls = async {
            let key = der(key)?;
            new_account(
                self.http(directory_url),
                &directory,
                key.secret_pkcs8_der(),
                email,
                eab,
            )
            .await
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
                        Cause::ReplacesRefused,
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
        let ask = renewal_info::ask(self.http(directory_url), &directory, certificate_id);
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
                    Cause::OrderNotReady,
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

    async fn find_account(&self, directory_url: &str, key: &AccountKey) -> Result<Option<String>, Failure> {
        let directory = self.directory(directory_url).await?;
        let calls = async {
            let key = der(key)?;
            key_change::find_account(self.http(directory_url), &directory, key.secret_pkcs8_der()).await
        };
        Ok(self.call(calls).await?.0)
    }

    async fn change_key(&self, account: &CaAccount, new_key: &AccountKey) -> Result<(), Failure> {
        let directory = self.directory(&account.directory_url).await?;
        let calls = async {
            let (old, new) = (der(&account.key)?, der(new_key)?);
            let (old, new) = (old.secret_pkcs8_der(), new.secret_pkcs8_der());
            key_change::change_key(
                self.http(&account.directory_url),
                &directory,
                &account.registration_uri,
                old,
                new,
            )
            .await
        };
        self.call(calls).await?;
        Ok(())
    }

    async fn revoke(
        &self,
        account: &CaAccount,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        self.revoke_by_account(account, cert_pem, reason).await
    }

    async fn revoke_with_key(
        &self,
        directory_url: &str,
        key: &SecretString,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        self.revoke_by_key(directory_url, key, cert_pem, reason).await
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
                    Cause::OrderNotFinalized,
                    text,
                ))
            }
        }
    }
}
