//! What calls about accounts work with.

use std::sync::Arc;

use axum::extract::FromRef;

use super::wire::AccountView;
use crate::{
    api::{
        envelope::{Answer, Data},
        state::Capabilities,
    },
    kick::Kick,
    store::{AccountKeys, AccountLifecycle, AccountStore, FallbackPolicy, SecretIntents},
    vault::Deposit,
};
use certmint_core::{account::Account, provider::Providers, words::Timestamp};

#[derive(Clone)]
pub(super) struct Accounts {
    pub(super) store: Arc<dyn AccountStore>,
    pub(super) lifecycle: Arc<dyn AccountLifecycle>,
    pub(super) keys: Arc<dyn AccountKeys>,
    pub(super) fallback: Arc<dyn FallbackPolicy>,
    pub(super) intents: Arc<dyn SecretIntents>,
    pub(super) deposit: Arc<dyn Deposit>,
    pub(super) providers: Arc<Providers>,
    pub(super) kick: Arc<dyn Kick>,
}

impl FromRef<Capabilities> for Accounts {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            store: all.store.accounts.clone(),
            lifecycle: all.store.account_lifecycle.clone(),
            keys: all.store.account_keys.clone(),
            fallback: all.store.fallback.clone(),
            intents: all.store.secret_intents.clone(),
            deposit: all.deposit.clone(),
            providers: all.providers.clone(),
            kick: all.kick.clone(),
        }
    }
}

impl Accounts {
    pub(super) async fn shown(&self, account: Account, now: Timestamp) -> Data<AccountView> {
        let defaults = self.lifecycle.default_accounts().await?;
        Ok(Answer(AccountView::of(account, &self.providers, &defaults, now)))
    }
}
