//! Accounts as JSON.

use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use crate::api::describe::words;
use certmint_core::{
    account::{Account, AccountStatus, DefaultAccount, EabStatus, KeyRollover, RolloverStatus},
    provider::Providers,
    words::{Email, Timestamp},
};

/// The words of an account's status.
pub(super) const STATUSES: [(&str, AccountStatus); 4] = [
    ("pending", AccountStatus::Pending),
    ("active", AccountStatus::Active),
    ("failed", AccountStatus::Failed),
    ("disabled", AccountStatus::Disabled),
];

pub(super) fn status_words() -> ObjectBuilder {
    words(STATUSES.map(|(word, _)| word))
}

fn pending() -> ObjectBuilder {
    words([AccountStatus::Pending.as_str()])
}

fn eab_words() -> ObjectBuilder {
    use EabStatus::{Expired, None, Rejected, Unused, Used};
    words([None, Unused, Used, Expired, Rejected].map(EabStatus::as_str))
}

fn rollover_words() -> ObjectBuilder {
    use RolloverStatus::{Done, Failed, Pending};
    words([Pending, Done, Failed].map(RolloverStatus::as_str))
}

/// A new account.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedAccount {
    id: u64,
    provider_id: u64,
    /// null if it has none.
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    eab_kid: Option<String>,
    #[schema(schema_with = pending)]
    status: &'static str,
}

impl From<Account> for CreatedAccount {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.get(),
            provider_id: account.provider_id.get(),
            email: account.email.map(String::from),
            eab_kid: account.eab_kid,
            // An account is always new when it is created, also when the call is repeated.
            status: "pending",
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Account)]
pub(super) struct AccountView {
    id: u64,
    provider_id: u64,
    provider_name: String,
    /// null if it has none.
    email: Option<String>,
    #[schema(schema_with = status_words)]
    status: &'static str,
    registration_uri: Option<String>,
    /// Masked.
    eab_kid: Option<String>,
    /// As the client said.
    #[schema(format = DateTime)]
    eab_expires_at: Option<String>,
    #[schema(schema_with = eab_words)]
    eab_status: &'static str,
    last_error: Option<String>,
    /// Of one that cannot be used: enable_account, replace_eab or change_contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_action: Option<&'static str>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    advice: Option<String>,
    is_default: bool,
    /// Which of its keys the CA knows.
    key_version: u32,
    /// When that key took the place of the one before.
    #[schema(format = DateTime)]
    key_changed_at: Option<String>,
    /// The newest change of its key.
    key_rollover: Option<RolloverView>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeyRollover)]
struct RolloverView {
    #[schema(schema_with = rollover_words)]
    status: &'static str,
    #[schema(format = DateTime)]
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
    pub(super) fn of(
        account: Account,
        providers: &Providers,
        defaults: &[DefaultAccount],
        now: Timestamp,
    ) -> Self {
        let advice = account.advice();
        Self {
            eab_status: account.eab_status(now).as_str(),
            id: account.id.get(),
            provider_id: account.provider_id.get(),
            provider_name: providers
                .by_id(account.provider_id)
                .map(|p| p.name.clone())
                .unwrap_or_default(),
            email: account.email.map(String::from),
            status: account.status.as_str(),
            registration_uri: account.registration_uri,
            eab_kid: account.eab_kid.as_deref().map(masked),
            eab_expires_at: account.eab_expires_at.map(|at| at.to_string()),
            next_action: advice.map(|advice| advice.way.as_str()),
            advice: advice.map(|advice| advice.for_account()),
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

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DefaultAccount)]
pub(super) struct DefaultView {
    provider_id: u64,
    provider_name: String,
    account_id: u64,
    /// null if it has none, or is being deleted.
    account_email: Option<String>,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl DefaultView {
    pub(super) fn of(chosen: &DefaultAccount, email: Option<Email>, providers: &Providers) -> Self {
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
