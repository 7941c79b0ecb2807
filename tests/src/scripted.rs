//! The worker with a CA that answers what a test says: as far as orders and their failure, no certificate.

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
struct Vault(Mutex<HashMap<String, String>>);

#[async_trait]
impl KeyVault for Vault {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        let mut all = self.0.lock().unwrap();
        let kept = all
            .entry(name.into())
            .or_insert_with(|| value.expose_secret().into());
        Ok(kept.clone().into())
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        let all = self.0.lock().unwrap();
        let found = all.get(name).cloned().map(Into::into);
        found.ok_or_else(|| VaultError::NotFound(name.into()))
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.0.lock().unwrap().remove(name);
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

struct Watch(Mutex<Timestamp>);

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
}

/// Two CAs, `one` and `two`, each with one account of that number, and a worker.
pub struct World {
    /// The store.
    pub store: Arc<DynamoStore>,
    /// The vault.
    pub vault: Arc<dyn KeyVault>,
    /// The CAs.
    pub ca: Arc<ScriptedCa>,
    /// Their settings.
    pub providers: Providers,
    watch: Arc<Watch>,
    worker: Worker,
}

/// The directory of a CA.
#[must_use]
pub fn directory(name: &str) -> String {
    format!("https://{name}.test/dir")
}

impl World {
    /// A world whose CAs have these limits; the worker does one thing after the other.
    pub async fn new(limits: Limits) -> Self {
        Self::busy(limits, 1).await
    }

    /// The same with so many calls at once.
    pub async fn busy(limits: Limits, parallelism: usize) -> Self {
        let any = OrderRules::default();
        Self::taking(limits, [any.clone(), any], parallelism).await
    }

    /// The same of CAs that take such orders.
    pub async fn taking(limits: Limits, orders: [OrderRules; 2], parallelism: usize) -> Self {
        let [one, two] = orders;
        let provider = |id, name: &str, orders| Provider {
            limits,
            orders,
            ..Provider::new(ProviderId::new(id), name, &directory(name))
        };
        let store = Arc::new(dynamo::store().await);
        let vault = Arc::new(Vault::default());
        let eab = SecretString::from("your_eab_hmac_key_here");
        for name in ["account-eab/2", "account-eab/new"] {
            vault.put_if_absent(name, eab.clone()).await.expect("stored");
        }
        for (id, kid) in [(1, None), (2, Some("kid"))] {
            let new = NewAccount {
                provider_id: ProviderId::new(id),
                email: Some("ops@example.com".parse().expect("an address")),
                eab_kid: kid.map(str::to_owned),
                eab_key_ref: kid.map(|_| "account-eab/2".to_owned()),
                eab_expires_at: None,
            };
            store
                .create_account(new, None, start())
                .await
                .expect("an account");
        }
        let (ca, watch) = (
            Arc::new(ScriptedCa::default()),
            Arc::new(Watch(Mutex::new(start()))),
        );
        let providers =
            Providers::new(vec![provider(1, "one", one), provider(2, "two", two)]).expect("providers");
        let adapters = Adapters {
            store: store.clone().into(),
            vault: vault.clone(),
            ca: ca.clone(),
            zones: Arc::new(MemoryZones::default()),
            view: Arc::new(NoView),
            clock: watch.clone(),
            providers: providers.clone(),
        };
        // No waiting within a pass: a test tells the time.
        let settings = WorkerSettings {
            parallelism,
            patience: Duration::ZERO,
            ..WorkerSettings::default()
        };
        let worker = Worker::new(&adapters, settings, "w".into());
        Self {
            store,
            vault,
            ca,
            providers,
            watch,
            worker,
        }
    }

    /// A new request of an account.
    pub async fn request(&self, account: u64, names: &[&str]) -> RequestId {
        let new = NewRequest::new(AccountId::new(account), NameSet::parse(names).expect("names"));
        let made = self.store.create_request(new, 10, None, self.watch.now()).await;
        made.expect("a request").id
    }

    /// One pass of the worker.
    pub async fn run(&self) {
        let deadline = self.watch.now().plus(Duration::from_secs(600));
        let report = self.worker.run(deadline).await;
        assert!(report.errors.is_empty(), "{}", report.errors);
    }

    /// Time goes by.
    pub fn pass(&self, time: Duration) {
        let mut now = self.watch.0.lock().unwrap();
        *now = now.plus(time);
    }

    /// A request as it is stored.
    pub async fn get(&self, id: RequestId) -> Request {
        self.store.request(id).await.expect("a request")
    }

    /// An account's status and last error.
    pub async fn account(&self, id: u64) -> (AccountStatus, Option<String>) {
        let account = self.store.account(AccountId::new(id)).await.expect("an account");
        (account.status, account.last_error)
    }
}
