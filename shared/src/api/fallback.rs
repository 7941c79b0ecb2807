//! Lists of accounts to go on with: of one request, and the default one.

use serde::Serialize;

use super::{Api, ApiRequest, Data, data, error::ApiError, input::Body};
use crate::store::{DefaultFallback, default_fallback, is_usable};
use certmint_core::{issuance::Fallback, words::AccountId};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FallbackView {
    account_ids: Vec<u64>,
    updated_at: Option<String>,
}

impl From<DefaultFallback> for FallbackView {
    fn from(list: DefaultFallback) -> Self {
        Self {
            account_ids: list.accounts.iter().map(|id| id.get()).collect(),
            updated_at: list.updated_at.map(|at| at.to_string()),
        }
    }
}

/// A list without repeats, not too long.
fn checked(field: &str, ids: &[u64]) -> Result<Vec<AccountId>, ApiError> {
    if ids.len() > Fallback::MOST {
        let most = Fallback::MOST;
        return Err(ApiError::value(
            field,
            format!("must have at most {most} accounts"),
        ));
    }
    for (index, id) in ids.iter().enumerate() {
        if ids.iter().take(index).any(|other| other == id) {
            return Err(ApiError::value(field, format!("names account {id} twice")));
        }
    }
    Ok(ids.iter().copied().map(AccountId::new).collect())
}

impl Api {
    /// The accounts that a request goes on with: its own list if it has one, else the default.
    pub(super) async fn fallback_of(
        &self,
        account: AccountId,
        own: Option<Vec<u64>>,
    ) -> Result<Fallback, ApiError> {
        let field = "fallbackAccountIds";
        let Some(own) = own else {
            return Ok(default_fallback(&*self.store, account).await?);
        };
        let accounts = checked(field, &own)?;
        if accounts.contains(&account) {
            return Err(ApiError::value(field, "must not have accountId itself"));
        }
        for id in &accounts {
            is_usable(&self.store.account(*id).await?)?;
        }
        Ok(Fallback { accounts, own: true })
    }

    /// GET `/acme/accounts/fallback`.
    pub(super) async fn default_fallback(&self) -> Data {
        data(&FallbackView::from(self.store.fallback().await?))
    }

    /// POST `/acme/accounts/fallback`.
    pub(super) async fn set_default_fallback(&self, request: &ApiRequest) -> Data {
        let mut body = Body::parse(&request.body)?;
        let field = "accountIds";
        let ids = body.opt_ids(field)?.ok_or_else(|| ApiError::missing(field))?;
        body.end()?;
        let accounts = checked(field, &ids)?;
        let chosen = self.store.set_fallback(&accounts, self.clock.now()).await?;
        data(&FallbackView::from(chosen))
    }
}
