//! The CA as the worker reaches it: the adapter's contract over the books, with a CA's bad moods.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{
    certificate::RevocationReason,
    issuance::OrderProgress,
    renewal::RenewalInfo,
    words::{Class, Email, Failure, Timestamp},
};
use certmint_shared::acme::{
    AccountKey, AcmeAccounts, AcmeOrders, AcmeRenewalInfo, AcmeRevocation, CaAccount, Eab, OrderTerms,
    OrderView,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    ca_state::{CaState, problem},
    gate::Gate,
    op::Op,
    vault::Secrets,
    zones::ZoneState,
};

/// One process's way to the CA.
pub struct SimCa {
    state: Arc<Mutex<CaState>>,
    zones: Arc<Mutex<ZoneState>>,
    secrets: Secrets,
    gate: Gate,
    /// A Retry-After in seconds is counted from the caller's own clock.
    skew_millis: i64,
}

impl SimCa {
    /// A CA that looks at zones, and at the vault to see that keys are there first.
    #[must_use]
    pub const fn new(
        state: Arc<Mutex<CaState>>,
        zones: Arc<Mutex<ZoneState>>,
        secrets: Secrets,
        gate: Gate,
        skew_millis: i64,
    ) -> Self {
        Self {
            state,
            zones,
            secrets,
            gate,
            skew_millis,
        }
    }

    fn lock(&self) -> MutexGuard<'_, CaState> {
        self.state.lock().expect("no model panics under the lock")
    }

    fn open(&self, order_url: &str) -> Result<OrderProgress, Failure> {
        let zones = self.zones.lock().expect("no model panics under the lock");
        self.lock().open(order_url, &zones, self.gate.now())
    }

    fn signed(&self, account: &CaAccount) -> Result<(), Failure> {
        let key = account.key.expose_secret();
        self.lock().signed(&account.registration_uri, key)
    }

    fn never(&self, result: Result<(), String>) {
        if let (Err(what), Some(timeline)) = (result, self.gate.timeline()) {
            timeline.violation(what);
        }
    }

    fn later(&self, low: u64, high: u64) -> Timestamp {
        self.gate
            .now()
            .plus(Duration::from_secs(self.gate.draw(low, high)))
    }

    /// The moment as the caller's clock will show it.
    fn retry_after(&self, low: u64, high: u64) -> Timestamp {
        Timestamp::from_millis(self.later(low, high).millis() + self.skew_millis)
    }

    /// True `n` times in a thousand, if it has moods.
    fn mood(&self, n: u64) -> bool {
        self.lock().habits.has_moods && self.gate.draw(0, 1000) < n
    }

    fn limit(&self) -> Result<(), Failure> {
        if self.mood(30) {
            let not_before = (self.gate.draw(0, 3) > 0).then(|| self.retry_after(1, 3 * 3600));
            let class = Class::RateLimited { not_before };
            return Err(problem(class, "rateLimited", "too many orders"));
        }
        if self.mood(30) {
            return Err(problem(Class::Transient, "badNonce", "the nonce was used"));
        }
        Ok(())
    }
}

#[async_trait]
impl AcmeAccounts for SimCa {
    async fn register(
        &self,
        _directory_url: &str,
        key: &AccountKey,
        email: Option<&Email>,
        _eab: Option<&Eab>,
    ) -> Result<String, Failure> {
        self.gate
            .call(Op::Register, || {
                self.limit()?;
                let email = email.map_or("nobody", Email::as_str);
                if email.starts_with("rejected@") {
                    return Err(problem(Class::Permanent, "unauthorized", "the contact is banned"));
                }
                let uri = self.lock().register(key.expose_secret(), email);
                uri.map_err(|what| {
                    self.never(Err(what.clone()));
                    problem(Class::Permanent, "malformed", &what)
                })
            })
            .await
    }

    async fn find_account(&self, _: &str, key: &AccountKey) -> Result<Option<String>, Failure> {
        self.gate
            .call(Op::FindAccount, || {
                Ok(self.lock().account_of(key.expose_secret()))
            })
            .await
    }

    async fn update_contact(&self, _: &CaAccount, _: &Email) -> Result<(), Failure> {
        Ok(())
    }

    async fn change_key(&self, account: &CaAccount, new_key: &AccountKey) -> Result<(), Failure> {
        self.gate
            .call(Op::ChangeKey, || {
                self.signed(account)?;
                if self.mood(100) {
                    return Err(problem(Class::Permanent, "unauthorized", "no new key today"));
                }
                let (uri, key) = (&account.registration_uri, new_key.expose_secret());
                let changed = self.lock().change_key(uri, key, &self.secrets);
                self.never(changed);
                Ok(())
            })
            .await
    }
}

#[async_trait]
impl AcmeOrders for SimCa {
    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure> {
        let names = terms.names;
        let op = if terms.replaces.is_some() {
            Op::ReplacingOrder
        } else {
            Op::NewOrder
        };
        self.gate
            .call(op, || {
                self.signed(account)?;
                self.limit()?;
                if names.strings().iter().any(|n| n.starts_with("rejected.")) {
                    return Err(problem(Class::Permanent, "rejectedIdentifier", "not this name"));
                }
                let expires_at = if self.mood(20) {
                    self.later(10, 3600)
                } else {
                    self.later(7 * 86_400, 7 * 86_401)
                };
                let now = self.gate.now();
                let uri = &account.registration_uri;
                let mut state = self.lock();
                let replaces = terms.replaces.map(|id| state.may_replace(id, uri)).transpose()?;
                Ok(state.new_order(uri, names.as_slice(), replaces, now, expires_at))
            })
            .await
    }

    async fn order(
        &self,
        account: &CaAccount,
        order_url: &str,
        with_challenges: bool,
    ) -> Result<OrderView, Failure> {
        let op = if with_challenges {
            Op::LoadChallenges
        } else {
            Op::PollOrder
        };
        self.gate
            .call(op, || {
                self.signed(account)?;
                let progress = self.open(order_url)?;
                let not_before = self.mood(100).then(|| self.retry_after(1, 900));
                let challenges = if with_challenges {
                    self.lock().challenges(order_url)
                } else {
                    vec![]
                };
                Ok(OrderView {
                    progress,
                    challenges,
                    not_before,
                })
            })
            .await
    }

    async fn accept_challenges(&self, account: &CaAccount, order_url: &str) -> Result<(), Failure> {
        self.gate
            .call(Op::AcceptChallenges, || {
                self.signed(account)?;
                self.open(order_url)?;
                let looks: Vec<(Timestamp, bool)> = (0..4)
                    .map(|_| {
                        (
                            self.later(0, if self.mood(100) { 1200 } else { 5 }),
                            self.mood(30),
                        )
                    })
                    .collect();
                let mut looks = looks.into_iter().cycle();
                self.lock()
                    .accept(order_url, || looks.next().expect("a cycle has no end"));
                Ok(())
            })
            .await
    }

    /// Two calls, as the real one: it reads the order, then sends the CSR if the order is ready.
    async fn finalize(&self, account: &CaAccount, order_url: &str, csr: &[u8]) -> Result<(), Failure> {
        let progress = self
            .gate
            .call(Op::OpenToFinalize, || {
                self.signed(account)?;
                self.open(order_url)
            })
            .await?;
        match progress {
            OrderProgress::Processing | OrderProgress::Valid => return Ok(()),
            OrderProgress::Pending => {
                return Err(problem(Class::OrderLost, "orderNotReady", "no longer ready"));
            }
            OrderProgress::Ready => {}
        }
        self.gate
            .call(Op::Finalize, || {
                self.signed(account)?;
                let progress = self.open(order_url)?;
                let (there_at, comes) = match self.mood(50) {
                    true => (self.later(60, 5400), self.gate.draw(0, 3) > 0),
                    false => (self.later(0, 4), true),
                };
                let result = self
                    .lock()
                    .finalize(order_url, csr, there_at, comes, &self.secrets);
                self.never(result);
                match progress {
                    OrderProgress::Ready => Ok(()),
                    _ => Err(problem(Class::Transient, "orderNotReady", "finalized already")),
                }
            })
            .await
    }

    async fn certificate(&self, account: &CaAccount, order_url: &str) -> Result<Option<String>, Failure> {
        self.gate
            .call(Op::Download, || {
                self.signed(account)?;
                match self.open(order_url)? {
                    OrderProgress::Valid => Ok(self.lock().certificate(order_url)),
                    OrderProgress::Processing => Ok(None),
                    _ => Err(problem(Class::OrderLost, "malformed", "the order has no CSR")),
                }
            })
            .await
    }
}

#[async_trait]
impl AcmeRevocation for SimCa {
    async fn revoke(&self, _: &CaAccount, cert_pem: &str, _: RevocationReason) -> Result<(), Failure> {
        self.gate
            .call(Op::Revoke, || {
                self.limit()?;
                let done = self.lock().revoke(cert_pem);
                self.never(done);
                Ok(())
            })
            .await
    }

    async fn revoke_with_key(
        &self,
        _: &str,
        _: &SecretString,
        _: &str,
        _: RevocationReason,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

#[async_trait]
impl AcmeRenewalInfo for SimCa {
    async fn renewal_info(
        &self,
        _directory_url: &str,
        certificate_id: &str,
    ) -> Result<Option<RenewalInfo>, Failure> {
        self.gate
            .call(Op::RenewalInfo, || {
                if self.mood(50) {
                    return Err(problem(Class::Transient, "serverInternal", "no windows now"));
                }
                let said = self.lock().window(certificate_id, self.gate.now());
                let info = said.unwrap_or_else(|what| {
                    self.never(Err(what));
                    None
                });
                // Half a day is the longest that anybody keeps to: fewer looks for a run to go through.
                let hours = self.gate.draw(6, 30);
                let retry_after = (hours < 24).then(|| Duration::from_secs(hours * 3600));
                Ok(info.map(|info| RenewalInfo { retry_after, ..info }))
            })
            .await
    }
}
