//! The worker with a CA that answers what a test says: as far as orders and their failure, no certificate.

mod world;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{
    account::{AccountStatus, EabBinding, NewAccount},
    certificate::RevocationReason,
    clock::Clock,
    issuance::{NewRequest, OrderProgress, Request},
    provider::{Limits, OrderRules, Provider, Providers},
    renewal::RenewalInfo,
    words::{
        AccountId, Cause, Class, Email, Failure, Fqdn, NameSet, Problem, ProviderId, RequestId, Stage,
        Timestamp,
    },
};
use certmint_shared::{
    acme::{
        AccountKey, AcmeAccounts, AcmeOrders, AcmeRenewalInfo, AcmeRevocation, CaAccount, Eab, OrderTerms,
        OrderView,
    },
    clock::Timer,
    dns::{Delegation, DnsError, DnsView, Freshness, Sight, Visibility},
    store::{AccountKeys, AccountStore, RequestStore, dynamo::DynamoStore},
    vault::{KeyVault, VaultError},
    worker::{Adapters, Worker, WorkerSettings},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{conformance_store::start, dynamo, zones::MemoryZones};

pub use self::world::{World, directory};

/// A problem of the CA.
#[must_use]
pub fn problem(class: Class, cause: impl Into<Cause>, detail: &str) -> Failure {
    Failure {
        class,
        stage: Stage::Request,
        problem: Problem {
            cause: cause.into(),
            detail: detail.into(),
            subproblems: vec![],
        },
    }
}

/// Answers by directory; counts what it is asked.
#[derive(Default)]
pub struct ScriptedCa {
    /// What registration says, by directory; else it succeeds.
    pub register: Mutex<HashMap<String, Failure>>,
    /// A client sends account 2 another binding while its registration is refused, once.
    pub rebinds: Mutex<Option<Arc<DynamoStore>>>,
    /// What newOrder says, by directory; else it succeeds.
    pub new_order: Mutex<HashMap<String, Failure>>,
    /// What reading an order says; else it is pending.
    pub order: Mutex<Option<Failure>>,
    /// What a new address is answered with; else it succeeds.
    pub contact: Mutex<Option<Failure>>,
    /// The addresses that were told.
    pub contacts: Mutex<Vec<String>>,
    /// The key that was put in the place of the account's, if any was.
    pub changed_key: Mutex<Option<String>>,
    /// What keyChange says; else it succeeds.
    pub key_change: Mutex<Option<Failure>>,
    /// What revocation says; else it succeeds.
    pub revoke: Mutex<Option<Failure>>,
    /// The reason of each revocation that was asked for.
    pub revoked: Mutex<Vec<RevocationReason>>,
    /// The directory and the key of each revocation that a certificate's key signed.
    pub revoked_by_key: Mutex<Vec<(String, String)>>,
    /// How often an account was registered, or tried to be.
    pub registrations: Mutex<usize>,
    /// The directories of each newOrder.
    pub asked: Mutex<Vec<String>>,
    /// The names of each.
    pub names: Mutex<Vec<Vec<String>>>,
}

impl ScriptedCa {
    /// How often newOrder was called at a directory.
    #[must_use]
    pub fn orders(&self, directory: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|d| *d == directory).count()
    }
}

#[async_trait]
impl AcmeAccounts for ScriptedCa {
    async fn register(
        &self,
        directory_url: &str,
        _key: &AccountKey,
        email: Option<&Email>,
        _eab: Option<&Eab>,
    ) -> Result<String, Failure> {
        *self.registrations.lock().unwrap() += 1;
        // Others get a turn, as with a real call.
        tokio::task::yield_now().await;
        let rebinds = self.rebinds.lock().unwrap().take();
        if let Some(store) = rebinds {
            let eab = EabBinding {
                kid: "new".into(),
                key_ref: "account-eab/new".into(),
                expires_at: None,
            };
            let bound = store.replace_eab(AccountId::new(2), &eab, start()).await;
            bound.expect("another binding");
            let refusal = self.register.lock().unwrap().remove(directory_url);
            return Err(refusal.expect("a refusal"));
        }
        match self.register.lock().unwrap().get(directory_url) {
            Some(failure) => Err(failure.clone()),
            None => {
                let contact = email.map_or("nobody", Email::as_str);
                Ok(format!("{directory_url}/account/{contact}"))
            }
        }
    }

    /// Knows the account of the key that was changed to.
    async fn find_account(&self, directory_url: &str, key: &AccountKey) -> Result<Option<String>, Failure> {
        let changed = self.changed_key.lock().unwrap();
        let found = changed.as_deref() == Some(key.expose_secret());
        Ok(found.then(|| format!("{directory_url}/account/ops@example.com")))
    }

    async fn update_contact(&self, _: &CaAccount, email: &Email) -> Result<(), Failure> {
        self.contacts.lock().unwrap().push(email.to_string());
        match &*self.contact.lock().unwrap() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    async fn change_key(&self, _: &CaAccount, new_key: &AccountKey) -> Result<(), Failure> {
        if let Some(failure) = &*self.key_change.lock().unwrap() {
            return Err(failure.clone());
        }
        *self.changed_key.lock().unwrap() = Some(new_key.expose_secret().to_owned());
        Ok(())
    }
}

#[async_trait]
impl AcmeOrders for ScriptedCa {
    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure> {
        let directory = account.directory_url.clone();
        let names = terms.names.strings().into_iter().map(str::to_owned);
        self.names.lock().unwrap().push(names.collect());
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(directory.clone());
            asked.len()
        };
        match self.new_order.lock().unwrap().get(&directory) {
            Some(failure) => Err(failure.clone()),
            None => Ok(format!("{directory}/order/{number}")),
        }
    }

    async fn order(&self, _: &CaAccount, _: &str, _: bool) -> Result<OrderView, Failure> {
        match &*self.order.lock().unwrap() {
            Some(failure) => Err(failure.clone()),
            None => Ok(OrderView {
                progress: OrderProgress::Pending,
                challenges: vec![],
                not_before: None,
            }),
        }
    }

    async fn accept_challenges(&self, _: &CaAccount, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn finalize(&self, _: &CaAccount, _: &str, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    async fn certificate(&self, _: &CaAccount, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

#[async_trait]
impl AcmeRevocation for ScriptedCa {
    async fn revoke(&self, _: &CaAccount, _: &str, reason: RevocationReason) -> Result<(), Failure> {
        self.revoked.lock().unwrap().push(reason);
        match &*self.revoke.lock().unwrap() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    async fn revoke_with_key(
        &self,
        directory_url: &str,
        key: &SecretString,
        _: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let signed = (directory_url.to_owned(), key.expose_secret().to_owned());
        self.revoked_by_key.lock().unwrap().push(signed);
        self.revoked.lock().unwrap().push(reason);
        match &*self.revoke.lock().unwrap() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl AcmeRenewalInfo for ScriptedCa {
    async fn renewal_info(&self, _: &str, _: &str) -> Result<Option<RenewalInfo>, Failure> {
        Ok(None)
    }
}

#[derive(Default)]
struct Vault {
    secrets: Mutex<HashMap<String, String>>,
    /// What its role may not do.
    denied: Mutex<Vec<&'static str>>,
}

impl Vault {
    fn check(&self, operation: &'static str, name: &str) -> Result<(), VaultError> {
        match self.denied.lock().unwrap().contains(&operation) {
            true => Err(VaultError::AccessDenied {
                operation,
                name: name.into(),
            }),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl KeyVault for Vault {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        self.check("CreateSecret", name)?;
        let mut all = self.secrets.lock().unwrap();
        let kept = all
            .entry(name.into())
            .or_insert_with(|| value.expose_secret().into());
        Ok(kept.clone().into())
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        self.check("GetSecretValue", name)?;
        let all = self.secrets.lock().unwrap();
        let found = all.get(name).cloned().map(Into::into);
        found.ok_or_else(|| VaultError::NotFound(name.into()))
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.check("DeleteSecret", name)?;
        self.secrets.lock().unwrap().remove(name);
        Ok(())
    }
}

struct NoView;

#[async_trait]
impl DnsView for NoView {
    async fn look(&self, _: &Fqdn, _: Option<&Fqdn>, _: Freshness) -> Result<Sight, DnsError> {
        Ok(Sight::default())
    }

    async fn delegation(&self, _: &Fqdn, _: &[Vec<Fqdn>]) -> Result<Delegation, DnsError> {
        Ok(Delegation::default())
    }

    async fn visibility(&self, _: &Fqdn, _: &Fqdn, _: &[String]) -> Visibility {
        Visibility::Everywhere
    }

    async fn domain_exists(&self, _: &Fqdn) -> Option<bool> {
        None
    }
}

/// A wall clock that a test sets, and the runtime's time.
struct Watch(Mutex<Timestamp>, tokio::time::Instant);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[async_trait]
impl Timer for Watch {
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        tokio::time::Instant::now().duration_since(self.1)
    }
}
