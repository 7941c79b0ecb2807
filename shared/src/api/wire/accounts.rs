//! CAs and accounts as JSON.

use serde::Serialize;

use crate::store::ProviderTrouble;
use certmint_core::{
    account::{Account, DefaultAccount, KeyRollover},
    provider::{Limits, Provider, Providers},
    words::{Email, Timestamp},
};

/// `account/create`.
#[derive(Serialize)]
pub(in crate::api) struct CreatedAccount {
    id: u64,
    provider_id: u64,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    eab_kid: Option<String>,
    status: &'static str,
}

impl From<Account> for CreatedAccount {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.get(),
            provider_id: account.provider_id.get(),
            email: account.email.into(),
            eab_kid: account.eab_kid,
            // An account is always new when it is created, also when the call is repeated.
            status: "pending",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ProviderView {
    id: u64,
    name: String,
    directory_url: String,
    requires_eab: bool,
    limits: Limits,
    preferred_chain: Option<String>,
    own_roots: bool,
    status: &'static str,
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    created_at: String,
    updated_at: String,
}

impl ProviderView {
    pub(in crate::api) fn of(provider: &Provider, trouble: Option<&ProviderTrouble>) -> Self {
        Self {
            id: provider.id.get(),
            name: provider.name.clone(),
            directory_url: provider.directory_url.clone(),
            requires_eab: provider.requires_eab,
            limits: provider.limits,
            preferred_chain: provider.preferred_chain.clone(),
            own_roots: provider.roots.is_some(),
            status: match (&provider.retired, trouble) {
                (None, None) => "active",
                _ => "inactive",
            },
            last_error: trouble
                .map(|t| t.last_error.clone())
                .or_else(|| provider.retired.clone()),
            unreachable_since: trouble.map(|t| t.since.to_string()),
            not_before: trouble.map(|t| t.retry_at.to_string()),
            // Providers come with the deployment's settings, which have no date of their own.
            created_at: Timestamp::ZERO.to_string(),
            updated_at: trouble.map_or(Timestamp::ZERO, |t| t.updated_at).to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct AccountView {
    id: u64,
    provider_id: u64,
    provider_name: String,
    email: String,
    status: &'static str,
    registration_uri: Option<String>,
    eab_kid: Option<String>,
    eab_expires_at: Option<String>,
    eab_status: &'static str,
    last_error: Option<String>,
    is_default: bool,
    key_version: u32,
    key_changed_at: Option<String>,
    key_rollover: Option<RolloverView>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RolloverView {
    status: &'static str,
    asked_at: String,
    last_error: Option<String>,
}

impl From<KeyRollover> for RolloverView {
    fn from(rollover: KeyRollover) -> Self {
        Self {
            status: rollover.status.as_str(),
            asked_at: rollover.asked_at.to_string(),
            last_error: rollover.last_error,
        }
    }
}

/// The first four characters, and nothing of a short one.
fn masked(kid: &str) -> String {
    let shown: String = if kid.chars().count() > 8 {
        kid.chars().take(4).collect()
    } else {
        String::new()
    };
    format!("{shown}****")
}

impl AccountView {
    pub(in crate::api) fn of(
        account: Account,
        providers: &Providers,
        defaults: &[DefaultAccount],
        now: Timestamp,
    ) -> Self {
        Self {
            eab_status: account.eab_status(now).as_str(),
            id: account.id.get(),
            provider_id: account.provider_id.get(),
            provider_name: providers
                .by_id(account.provider_id)
                .map(|p| p.name.clone())
                .unwrap_or_default(),
            email: account.email.into(),
            status: account.status.as_str(),
            registration_uri: account.registration_uri,
            eab_kid: account.eab_kid.as_deref().map(masked),
            eab_expires_at: account.eab_expires_at.map(|at| at.to_string()),
            last_error: account.last_error,
            is_default: defaults.iter().any(|d| d.account_id == account.id),
            key_version: account.key_version.get(),
            key_changed_at: account.key_changed_at.map(|at| at.to_string()),
            key_rollover: account.rollover.map(RolloverView::from),
            created_at: account.created_at.to_string(),
            updated_at: account.updated_at.to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct DefaultView {
    provider_id: u64,
    provider_name: String,
    account_id: u64,
    account_email: Option<String>,
    updated_at: String,
}

impl DefaultView {
    pub(in crate::api) fn of(chosen: &DefaultAccount, email: Option<Email>, providers: &Providers) -> Self {
        let name = providers.by_id(chosen.provider_id).map(|p| p.name.clone());
        Self {
            provider_id: chosen.provider_id.get(),
            provider_name: name.unwrap_or_default(),
            account_id: chosen.account_id.get(),
            account_email: email.map(String::from),
            updated_at: chosen.updated_at.to_string(),
        }
    }
}
