//! The default account of each provider.

use axum::extract::State;
use utoipa::ToSchema;

use super::{state::Accounts, wire::DefaultView};
use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound},
        envelope::{Answer, Data},
        error::ApiError,
        paging::{List, Paged},
        payload::Json,
        permit::{Read, Write},
        resource::routes,
        state::Now,
    },
    store::StoreError,
};
use certmint_core::{
    account::DefaultAccount,
    words::{AccountId, Page, ProviderId},
};

routes!["accounts": list, choose];

async fn with_address(accounts: &Accounts, chosen: DefaultAccount) -> Result<DefaultView, ApiError> {
    let email = match accounts.store.account(chosen.account_id).await {
        Ok(account) => account.email,
        // Deleted in this moment.
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(DefaultView::of(&chosen, email, &accounts.providers))
}

/// The default account of each provider that has one.
#[utoipa::path(
    get,
    path = "/api/v1/acme/accounts/defaults",
    operation_id = "listDefaultAccounts"
)]
async fn list(_: Read, State(accounts): State<Accounts>, paged: Paged) -> Data<List<DefaultView>> {
    let chosen = Page::of_all(accounts.lifecycle.default_accounts().await?, &paged.page);
    let mut list = Vec::new();
    for one in chosen.list {
        list.push(with_address(&accounts, one).await?);
    }
    let found = Page {
        list,
        total: chosen.total,
        next_cursor: None,
    };
    Ok(Answer(paged.answer(found, |row| row)))
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewDefaultAccount {
    #[schema(value_type = u64, minimum = 1)]
    provider_id: ProviderId,
    #[schema(value_type = u64, minimum = 1)]
    account_id: AccountId,
}

impl FromBody for NewDefaultAccount {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            provider_id: ProviderId::new(fields.id("providerId")?),
            account_id: AccountId::new(fields.id("accountId")?),
        })
    }
}

/// Chooses the default account of a provider.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/set-default",
    operation_id = "setDefaultAccount",
    responses(NotFound, Conflict)
)]
async fn choose(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(wanted): Json<NewDefaultAccount>,
) -> Data<DefaultView> {
    let NewDefaultAccount {
        provider_id,
        account_id,
    } = wanted;
    if accounts.providers.by_id(provider_id).is_none() {
        return Err(ApiError::not_found("providerId names no configured provider"));
    }
    let lifecycle = &accounts.lifecycle;
    let chosen = lifecycle
        .set_default_account(provider_id, account_id, now)
        .await?;
    Ok(Answer(with_address(&accounts, chosen).await?))
}
