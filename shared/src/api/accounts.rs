//! Accounts: looked at, switched on and off, chosen, deleted.

use super::{
    Api, ApiRequest, Data, data,
    error::ApiError,
    input::{Body, Params, id_in_path},
    wire::{AccountView, DefaultView, List},
};
use crate::store::{AccountFilter, StoreError};
use certmint_core::{
    account::{Account, AccountStatus, DefaultAccount},
    words::{AccountId, Email, Page, ProviderId},
};

const STATUSES: [(&str, AccountStatus); 4] = [
    ("pending", AccountStatus::Pending),
    ("active", AccountStatus::Active),
    ("failed", AccountStatus::Failed),
    ("disabled", AccountStatus::Disabled),
];

/// A body that is nothing but `{id}`.
fn id_alone(request: &ApiRequest) -> Result<AccountId, ApiError> {
    let mut body = Body::parse(&request.body)?;
    let id = AccountId::new(body.id("id")?);
    body.end()?;
    Ok(id)
}

impl Api {
    /// GET `/acme/accounts`.
    pub(super) async fn list_accounts(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let email = params
            .get("email")
            .map(|text| text.parse().map_err(|e| ApiError::value("email", e)));
        let filter = AccountFilter {
            provider_id: params.number("providerId")?.map(ProviderId::new),
            status: params.word("status", &STATUSES)?,
            email: email.transpose()?,
        };
        let found = self.store.accounts(&filter, &page).await?;
        let defaults = self.store.default_accounts().await?;
        let now = self.clock.now();
        let row = |a| AccountView::of(a, &self.providers, &defaults, now);
        data(&List::of(found, &page, row))
    }

    /// GET `/acme/accounts/{id}`.
    pub(super) async fn one_account(&self, id: &str) -> Data {
        let account = self.store.account(AccountId::new(id_in_path(id)?)).await?;
        self.shown(account).await
    }

    pub(super) async fn shown(&self, account: Account) -> Data {
        let defaults = self.store.default_accounts().await?;
        let now = self.clock.now();
        data(&AccountView::of(account, &self.providers, &defaults, now))
    }

    /// POST `/acme/accounts/enable` and `/disable`. A worker that runs sees it in its next pass.
    pub(super) async fn switch_account(&self, request: &ApiRequest, on: bool) -> Data {
        let id = id_alone(request)?;
        let account = self.store.switch_account(id, on, self.clock.now()).await?;
        self.shown(account).await
    }

    /// POST `/acme/accounts/contact`: the worker tells the CA.
    pub(super) async fn change_contact(&self, request: &ApiRequest) -> Data {
        let mut body = Body::parse(&request.body)?;
        let id = AccountId::new(body.id("id")?);
        let email: Email = body
            .text("email")?
            .parse()
            .map_err(|e| ApiError::value("email", e))?;
        body.end()?;
        let account = self.store.change_contact(id, &email, self.clock.now()).await?;
        self.kick.kick().await;
        self.shown(account).await
    }

    /// POST `/acme/accounts/rollover`: the worker makes the new key and tells the CA.
    pub(super) async fn roll_key(&self, request: &ApiRequest) -> Data {
        let id = id_alone(request)?;
        let account = self.store.begin_rollover(id, self.clock.now()).await?;
        self.kick.kick().await;
        self.shown(account).await
    }

    /// POST `/acme/accounts/delete`: the worker deletes its secrets then.
    pub(super) async fn delete_account(&self, request: &ApiRequest) -> Data {
        let id = id_alone(request)?;
        let account = self.store.delete_account(id, self.clock.now()).await?;
        self.kick.kick().await;
        self.shown(account).await
    }

    /// GET `/acme/accounts/defaults`.
    pub(super) async fn default_accounts(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let chosen = Page::of_all(self.store.default_accounts().await?, &page);
        let mut list = Vec::new();
        for one in chosen.list {
            list.push(self.with_address(one).await?);
        }
        let found = Page {
            list,
            total: chosen.total,
            next_cursor: None,
        };
        data(&List::of(found, &page, |row| row))
    }

    /// POST `/acme/accounts/set-default`.
    pub(super) async fn set_default_account(&self, request: &ApiRequest) -> Data {
        let mut body = Body::parse(&request.body)?;
        let provider = ProviderId::new(body.id("providerId")?);
        let account = AccountId::new(body.id("accountId")?);
        body.end()?;
        if self.providers.by_id(provider).is_none() {
            return Err(ApiError::not_found("providerId names no configured provider"));
        }
        let now = self.clock.now();
        let chosen = self.store.set_default_account(provider, account, now).await?;
        data(&self.with_address(chosen).await?)
    }

    async fn with_address(&self, chosen: DefaultAccount) -> Result<DefaultView, ApiError> {
        let email = match self.store.account(chosen.account_id).await {
            Ok(account) => Some(account.email),
            // Deleted in this moment.
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(DefaultView::of(&chosen, email, &self.providers))
    }
}
