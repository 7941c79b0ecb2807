//! Adapters that are slow where a test says so.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{
    certificate::RevocationReason,
    renewal::RenewalInfo,
    words::{Cause, Class, Email, Failure, Fqdn, Stage},
};
use certmint_shared::{
    acme::{
        AccountKey, AcmeAccounts, AcmeOrders, AcmeRenewalInfo, AcmeRevocation, CaAccount, Eab, OrderTerms,
        OrderView,
    },
    clock::Timer,
    dns::{
        AtName, Delegation, DnsError, DnsView, DnsZones, Fitting, Freshness, Sight, TxtChange, Visibility,
        Zone,
    },
    vault::{KeyVault, VaultError},
};
use secrecy::SecretString;

use super::time::VirtualTime;
use crate::sim::{MemoryVault, SimCa, SimZones};

/// How long a call takes, and what comes of it.
#[derive(Clone, Copy)]
pub enum Pace {
    /// It is done after this.
    Takes(Duration),
    /// There is no answer, and after this nobody waits for one any more.
    Hangs(Duration),
    /// It is refused at once.
    Denied,
}

type Rule = Box<dyn Fn(&str) -> Option<Pace> + Send + Sync>;

/// What is slow, and what was called how often.
pub struct Slow {
    time: Arc<VirtualTime>,
    rule: Mutex<Rule>,
    calls: Mutex<BTreeMap<String, usize>>,
}

impl Slow {
    pub(super) fn new(time: Arc<VirtualTime>) -> Self {
        Self {
            time,
            rule: Mutex::new(Box::new(|_| None)),
            calls: Mutex::default(),
        }
    }

    /// What is called is shown to the rule as `call of-whom`: `new_order https://…`, `look name`, `change_txt zone`.
    pub fn where_(&self, rule: impl Fn(&str) -> Option<Pace> + Send + Sync + 'static) {
        *self.rule.lock().expect("no test panicked here") = Box::new(rule);
    }

    /// Calls so far that begin so.
    #[must_use]
    pub fn calls(&self, of: &str) -> usize {
        let calls = self.calls.lock().expect("no test panicked here");
        calls
            .iter()
            .filter(|(call, _)| call.starts_with(of))
            .map(|(_, n)| n)
            .sum()
    }

    async fn pass(&self, call: &str, of: &str) -> Result<(), bool> {
        let call = format!("{call} {of}");
        let pace = self.rule.lock().expect("no test panicked here")(&call);
        *self
            .calls
            .lock()
            .expect("no test panicked here")
            .entry(call)
            .or_default() += 1;
        match pace {
            None => Ok(()),
            Some(Pace::Takes(time)) => {
                self.time.sleep(time).await;
                Ok(())
            }
            Some(Pace::Hangs(time)) => {
                self.time.sleep(time).await;
                Err(false)
            }
            Some(Pace::Denied) => Err(true),
        }
    }

    async fn at_ca(&self, call: &str, directory: &str) -> Result<(), Failure> {
        let why = |_| {
            Failure::new(
                Class::Transient,
                Stage::Request,
                Cause::CaUnreachable,
                "no answer",
            )
        };
        self.pass(call, directory).await.map_err(why)
    }

    async fn in_dns(&self, call: &str, of: &Fqdn) -> Result<(), DnsError> {
        self.pass(call, of.as_str()).await.map_err(|denied| match denied {
            true => DnsError::AccessDenied {
                operation: "ChangeResourceRecordSets",
                zone: of.to_string(),
            },
            false => DnsError::Unavailable {
                operation: "call",
                message: "no answer".into(),
            },
        })
    }
}

/// An adapter behind one that is slow.
pub(super) struct Behind<T> {
    pub(super) slow: Arc<Slow>,
    pub(super) behind: T,
}

#[async_trait]
impl AcmeAccounts for Behind<SimCa> {
    async fn register(
        &self,
        directory_url: &str,
        key: &AccountKey,
        email: Option<&Email>,
        eab: Option<&Eab>,
    ) -> Result<String, Failure> {
        self.slow.at_ca("register", directory_url).await?;
        self.behind.register(directory_url, key, email, eab).await
    }

    async fn find_account(&self, directory_url: &str, key: &AccountKey) -> Result<Option<String>, Failure> {
        self.slow.at_ca("find_account", directory_url).await?;
        self.behind.find_account(directory_url, key).await
    }

    async fn update_contact(&self, account: &CaAccount, email: &Email) -> Result<(), Failure> {
        self.slow.at_ca("update_contact", &account.directory_url).await?;
        self.behind.update_contact(account, email).await
    }

    async fn change_key(&self, account: &CaAccount, new_key: &AccountKey) -> Result<(), Failure> {
        self.slow.at_ca("change_key", &account.directory_url).await?;
        self.behind.change_key(account, new_key).await
    }
}

#[async_trait]
impl AcmeOrders for Behind<SimCa> {
    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure> {
        self.slow.at_ca("new_order", &account.directory_url).await?;
        self.behind.new_order(account, terms).await
    }

    async fn order(&self, account: &CaAccount, url: &str, challenges: bool) -> Result<OrderView, Failure> {
        self.slow.at_ca("order", &account.directory_url).await?;
        self.behind.order(account, url, challenges).await
    }

    async fn accept_challenges(&self, account: &CaAccount, url: &str) -> Result<(), Failure> {
        self.slow
            .at_ca("accept_challenges", &account.directory_url)
            .await?;
        self.behind.accept_challenges(account, url).await
    }

    async fn finalize(&self, account: &CaAccount, url: &str, csr: &[u8]) -> Result<(), Failure> {
        self.slow.at_ca("finalize", &account.directory_url).await?;
        self.behind.finalize(account, url, csr).await
    }

    async fn certificate(&self, account: &CaAccount, url: &str) -> Result<Option<String>, Failure> {
        self.slow.at_ca("certificate", &account.directory_url).await?;
        self.behind.certificate(account, url).await
    }
}

#[async_trait]
impl AcmeRevocation for Behind<SimCa> {
    async fn revoke(&self, account: &CaAccount, pem: &str, reason: RevocationReason) -> Result<(), Failure> {
        self.slow.at_ca("revoke", &account.directory_url).await?;
        self.behind.revoke(account, pem, reason).await
    }

    async fn revoke_with_key(
        &self,
        directory: &str,
        key: &SecretString,
        pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        self.slow.at_ca("revoke_with_key", directory).await?;
        self.behind.revoke_with_key(directory, key, pem, reason).await
    }
}

#[async_trait]
impl AcmeRenewalInfo for Behind<SimCa> {
    async fn renewal_info(&self, directory: &str, id: &str) -> Result<Option<RenewalInfo>, Failure> {
        self.slow.at_ca("renewal_info", directory).await?;
        self.behind.renewal_info(directory, id).await
    }
}

#[async_trait]
impl DnsView for Behind<SimZones> {
    async fn look(&self, fqdn: &Fqdn, near: Option<&Fqdn>, freshness: Freshness) -> Result<Sight, DnsError> {
        self.slow.in_dns("look", fqdn).await?;
        self.behind.look(fqdn, near, freshness).await
    }

    async fn delegation(&self, zone: &Fqdn, candidates: &[Vec<Fqdn>]) -> Result<Delegation, DnsError> {
        self.slow.in_dns("delegation", zone).await?;
        self.behind.delegation(zone, candidates).await
    }

    async fn visibility(&self, zone: &Fqdn, fqdn: &Fqdn, values: &[String]) -> Visibility {
        match self.slow.in_dns("visibility", fqdn).await {
            Ok(()) => self.behind.visibility(zone, fqdn, values).await,
            Err(error) => Visibility::Lagging(error.to_string()),
        }
    }

    async fn domain_exists(&self, fqdn: &Fqdn) -> Option<bool> {
        self.slow.in_dns("domain_exists", fqdn).await.ok()?;
        self.behind.domain_exists(fqdn).await
    }
}

#[async_trait]
impl DnsZones for Behind<SimZones> {
    async fn zones_of(&self, fqdn: &Fqdn, freshness: Freshness) -> Result<Fitting, DnsError> {
        self.behind.zones_of(fqdn, freshness).await
    }

    async fn name_servers(&self, zone: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        self.slow.in_dns("name_servers", &zone.name).await?;
        self.behind.name_servers(zone).await
    }

    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        self.slow.in_dns("change_txt", &zone.name).await?;
        self.behind.change_txt(zone, changes).await
    }

    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError> {
        self.behind.in_sync(change_id).await
    }

    async fn at_name(&self, zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError> {
        self.slow.in_dns("at_name", &zone.name).await?;
        self.behind.at_name(zone, fqdn).await
    }
}

#[async_trait]
impl KeyVault for Behind<MemoryVault> {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        self.ready("put", name).await?;
        self.behind.put_if_absent(name, value).await
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        self.ready("get", name).await?;
        self.behind.get(name).await
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.ready("delete", name).await?;
        self.behind.delete(name).await
    }
}

impl Behind<MemoryVault> {
    async fn ready(&self, call: &str, name: &str) -> Result<(), VaultError> {
        let why = |_| VaultError::Unavailable {
            operation: "call",
            name: name.to_owned(),
            message: "no answer".into(),
        };
        self.slow.pass(call, name).await.map_err(why)
    }
}
