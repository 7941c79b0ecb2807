//! A CA's books: accounts, orders and authorizations (RFC 8555 §7.1), and what it may never see.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use certmint_core::{
    issuance::{Challenge, OrderProgress},
    words::{Cause, Class, DomainName, Failure, Fqdn, Problem, Stage, Timestamp},
    x509::keys,
};
use certmint_shared::dns::ledger::quoted;

use super::{ca_renewals::Ari, vault::Secrets, zones::ZoneState};

const ACME: &str = "urn:ietf:params:acme:error:";

/// A problem of the CA.
#[must_use]
pub(super) fn problem(class: Class, kind: &str, detail: &str) -> Failure {
    Failure {
        class,
        stage: Stage::Request,
        problem: Problem {
            cause: Cause::of_type(&format!("{ACME}{kind}")),
            detail: detail.to_owned(),
            subproblems: vec![],
        },
    }
}

/// How a CA behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaHabits {
    /// The same names again get the order that is open (as Let's Encrypt does).
    pub reuses_orders: bool,
    /// A name that was validated is not asked for again.
    pub reuses_valid: bool,
    /// An authorization that is open is shared by orders of one account.
    pub reuses_pending: bool,
    /// It limits, fails, loses and delays at times.
    pub has_moods: bool,
    /// How long its certificates live; `None`: for decades.
    pub life: Option<Duration>,
    /// What it says of renewals.
    pub ari: Ari,
    /// It takes no order that replaces a certificate.
    pub refuses_replaces: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AuthorizationState {
    Pending,
    /// It will look at this moment; whether its resolver fails then.
    Looking(Timestamp, bool),
    Valid,
    Invalid(&'static str),
}

struct Authorization {
    account: String,
    name: DomainName,
    value: String,
    state: AuthorizationState,
}

impl Authorization {
    fn fqdn(&self) -> Fqdn {
        self.name.challenge_fqdn()
    }

    fn look(&mut self, zones: &ZoneState, now: Timestamp) {
        let AuthorizationState::Looking(at, blind) = self.state else {
            return;
        };
        if at > now {
            return;
        }
        let seen = zones.public_at(&zones.target(&self.fqdn()), at);
        self.state = match () {
            () if self.name.base().starts_with("caa.") => AuthorizationState::Invalid("caa"),
            () if blind => AuthorizationState::Invalid("dns"),
            () if seen.contains(&quoted(&self.value)) => AuthorizationState::Valid,
            () => AuthorizationState::Invalid("unauthorized"),
        };
    }
}

pub(super) enum OrderState {
    /// It waits for authorizations, or for a CSR.
    Open,
    /// CSR, when the certificate is there, and whether it ever comes.
    Finalized(Vec<u8>, Timestamp, bool),
}

pub(super) struct Order {
    pub(super) account: String,
    pub(super) names: Vec<DomainName>,
    pub(super) made_at: Timestamp,
    authorizations: Vec<usize>,
    expires_at: Timestamp,
    pub(super) state: OrderState,
    /// The number of the certificate whose place it takes.
    pub(super) replaces: Option<usize>,
}

/// A certificate that was made, or is about to be.
pub struct Issued {
    /// The number of its order, and its own.
    pub number: usize,
    /// The secret that held its key then.
    pub key_ref: String,
    csr: Vec<u8>,
}

/// The books.
#[derive(Default)]
pub struct CaState {
    /// How it behaves.
    pub habits: CaHabits,
    accounts: BTreeMap<String, String>,
    /// Keys that were an account's once.
    former: BTreeSet<String>,
    contacts: BTreeSet<String>,
    pub(super) orders: Vec<Order>,
    authorizations: Vec<Authorization>,
    /// The certificates that it made.
    pub issued: Vec<Issued>,
    /// The numbers of those that it revoked.
    pub revoked: BTreeSet<usize>,
}

impl CaState {
    /// The account of a key; a second key for one contact is a key that was lost. A registration that comes after the key
    /// was changed makes an account that nobody asks for.
    pub fn register(&mut self, key: &str, email: &str) -> Result<String, String> {
        if let Some(uri) = self.accounts.get(key) {
            return Ok(uri.clone());
        }
        let uri = format!("https://ca.test/account/{}", self.accounts.len());
        self.accounts.insert(key.to_owned(), uri.clone());
        if self.contacts.insert(email.to_owned()) || self.former.contains(key) {
            Ok(uri)
        } else {
            Err(format!("{email} was registered with a second key"))
        }
    }

    /// The account of a key.
    #[must_use]
    pub fn account_of(&self, key: &str) -> Option<String> {
        self.accounts.get(key).cloned()
    }

    /// The keys of an account: one, or none of a URL that is not in these books.
    #[must_use]
    pub fn keys_of(&self, account: &str) -> Vec<String> {
        let keys = self.accounts.iter().filter(|(_, uri)| *uri == account);
        keys.map(|(key, _)| key.clone()).collect()
    }

    /// Refuses what another key signed than the account's.
    pub fn signed(&self, account: &str, key: &str) -> Result<(), Failure> {
        let keys = self.keys_of(account);
        if keys.is_empty() || keys.iter().any(|k| k == key) {
            return Ok(());
        }
        Err(problem(
            Class::Permanent,
            "malformed",
            "JWS verification error: another key signed it",
        ))
    }

    /// Puts a key in the place of an account's. `Err`: what may never happen.
    pub fn change_key(&mut self, account: &str, key: &str, secrets: &Secrets) -> Result<(), String> {
        let secrets = secrets.lock().expect("no model panics under the lock");
        if !secrets.values().any(|s| s == key) {
            return Err(format!("{account} got a key that is in no vault"));
        }
        let former = self.keys_of(account);
        self.accounts.retain(|_, uri| uri != account);
        self.former.extend(former);
        self.accounts.insert(key.to_owned(), account.to_owned());
        Ok(())
    }

    /// A new order, or one that is open for the same names; it may take a certificate's place.
    pub fn new_order(
        &mut self,
        account: &str,
        names: &[DomainName],
        replaces: Option<usize>,
        now: Timestamp,
        lasts: Timestamp,
    ) -> String {
        if self.habits.reuses_orders {
            let open = self.orders.iter().position(|o| {
                o.account == account
                    && o.names == names
                    && matches!(o.state, OrderState::Open)
                    && o.expires_at > now
                    && self.problem_of(o).is_none()
            });
            if let Some(index) = open {
                return url(index);
            }
        }
        let authorizations = names
            .iter()
            .map(|name| self.authorization(account, name))
            .collect();
        self.orders.push(Order {
            account: account.to_owned(),
            names: names.to_vec(),
            made_at: now,
            authorizations,
            expires_at: lasts,
            state: OrderState::Open,
            replaces,
        });
        url(self.orders.len() - 1)
    }

    fn authorization(&mut self, account: &str, name: &DomainName) -> usize {
        let habits = self.habits;
        let known = self.authorizations.iter().position(|a| {
            a.account == account
                && a.name == *name
                && match a.state {
                    AuthorizationState::Valid => habits.reuses_valid,
                    AuthorizationState::Pending => habits.reuses_pending,
                    _ => false,
                }
        });
        known.unwrap_or_else(|| {
            let index = self.authorizations.len();
            self.authorizations.push(Authorization {
                account: account.to_owned(),
                name: name.clone(),
                // As long as a digest (RFC 8555 §8.4), or it would be taken for another tool's record.
                value: format!("{index:x>43}"),
                state: AuthorizationState::Pending,
            });
            index
        })
    }

    pub(super) fn problem_of(&self, order: &Order) -> Option<&'static str> {
        order
            .authorizations
            .iter()
            .find_map(|a| match self.authorizations[*a].state {
                AuthorizationState::Invalid(kind) => Some(kind),
                _ => None,
            })
    }

    fn order(&self, order_url: &str) -> Option<&Order> {
        self.orders.get(index(order_url)?)
    }

    /// The order as it stands: gone, invalid with its problem, or on its way.
    pub fn open(
        &mut self,
        order_url: &str,
        zones: &ZoneState,
        now: Timestamp,
    ) -> Result<OrderProgress, Failure> {
        for authorization in &mut self.authorizations {
            authorization.look(zones, now);
        }
        let gone = || problem(Class::OrderLost, "malformed", "no such order");
        let order = self.order(order_url).ok_or_else(gone)?;
        if let OrderState::Finalized(_, at, comes) = &order.state {
            return match (now >= *at, comes) {
                (false, _) => Ok(OrderProgress::Processing),
                (true, true) => Ok(OrderProgress::Valid),
                (true, false) => Err(problem(Class::OrderLost, "serverInternal", "issuing failed")),
            };
        }
        match self.problem_of(order) {
            Some("caa") => return Err(problem(Class::Permanent, "caa", "CAA forbids this CA")),
            Some(kind) => return Err(problem(Class::OrderLost, kind, "validation failed")),
            None => {}
        }
        if order.expires_at <= now {
            return Err(gone());
        }
        let valid = |a: &usize| self.authorizations[*a].state == AuthorizationState::Valid;
        Ok(if order.authorizations.iter().all(valid) {
            OrderProgress::Ready
        } else {
            OrderProgress::Pending
        })
    }

    /// What is to be published for an order.
    #[must_use]
    pub fn challenges(&self, order_url: &str) -> Vec<Challenge> {
        let open = self.order(order_url).map(|o| o.authorizations.as_slice());
        open.unwrap_or_default()
            .iter()
            .map(|a| &self.authorizations[*a])
            .filter(|a| a.state != AuthorizationState::Valid)
            .map(|a| Challenge {
                fqdn: a.fqdn(),
                value: a.value.clone(),
            })
            .collect()
    }

    /// Begins to look at what is pending.
    pub fn accept(&mut self, order_url: &str, mut look: impl FnMut() -> (Timestamp, bool)) {
        let ids = self.order(order_url).map(|o| o.authorizations.clone());
        for id in ids.unwrap_or_default() {
            let authorization = &mut self.authorizations[id];
            if authorization.state == AuthorizationState::Pending {
                let (at, blind) = look();
                authorization.state = AuthorizationState::Looking(at, blind);
            }
        }
    }

    /// Takes a CSR for a ready order. `Err`: what may never happen.
    pub fn finalize(
        &mut self,
        order_url: &str,
        csr: &[u8],
        there_at: Timestamp,
        comes: bool,
        secrets: &Secrets,
    ) -> Result<(), String> {
        let number = index(order_url).filter(|i| *i < self.orders.len());
        let number = number.ok_or("an order that never was is finalized")?;
        let order = &mut self.orders[number];
        let key_ref = holder_of(csr, secrets);
        let key_ref = key_ref.ok_or("a CSR came whose key is in no vault")?;
        match &order.state {
            OrderState::Open => {
                order.state = OrderState::Finalized(csr.to_vec(), there_at, comes);
                if comes {
                    self.issued.push(Issued {
                        number,
                        key_ref,
                        csr: csr.to_vec(),
                    });
                }
                Ok(())
            }
            OrderState::Finalized(first, ..) if first == csr => Ok(()),
            OrderState::Finalized(..) => Err(format!("{order_url} was finalized with a second key")),
        }
    }
}

impl CaState {
    /// Certificates whose private key nobody has any more, apart from those that are not to be had.
    #[must_use]
    pub fn keyless(&self, secrets: &Secrets, deleted: &BTreeSet<String>) -> Vec<String> {
        let lost = |i: &&Issued| {
            !deleted.contains(&i.key_ref) && holder_of(&i.csr, secrets).as_ref() != Some(&i.key_ref)
        };
        self.issued
            .iter()
            .filter(lost)
            .map(|i| format!("the key {} of a certificate was replaced", i.key_ref))
            .collect()
    }
}

/// The secret that holds a CSR.
fn holder_of(csr: &[u8], secrets: &Secrets) -> Option<String> {
    let secrets = secrets.lock().expect("no model panics under the lock");
    // Most are told apart without reading them.
    let text = BASE64_URL_SAFE_NO_PAD.encode(csr);
    let mut keys = secrets
        .iter()
        .filter(|(name, secret)| name.starts_with("certificate-key/") && secret.contains(&text));
    let found = keys.find(|(_, secret)| keys::parse(&secret.as_str().into()).is_ok_and(|k| k.csr == csr));
    found.map(|(name, _)| name.clone())
}

fn url(index: usize) -> String {
    format!("https://ca.test/order/{index}")
}

pub(super) fn index(order_url: &str) -> Option<usize> {
    order_url.rsplit('/').next()?.parse().ok()
}
