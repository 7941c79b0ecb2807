//! Lists of accounts to go on with: of one request, and the default one.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::state::Accounts;
use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound, ids},
        envelope::{Answer, Data},
        error::ApiError,
        payload::Json,
        permit::{Read, Write},
        resource::routes,
        state::Now,
    },
    store::{AccountStore, DefaultFallback, FallbackPolicy, default_fallback, is_usable},
};
use certmint_core::{issuance::Fallback, words::AccountId};

routes!["accounts": get, choose];

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fallback)]
struct FallbackView {
    /// Accounts to go on with, in this order.
    account_ids: Vec<u64>,
    /// null if it was never chosen.
    #[schema(format = DateTime)]
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

/// The accounts that a request goes on with: its own list if it has one, else the default.
pub(in crate::api) async fn fallback_of(
    accounts: &dyn AccountStore,
    policy: &dyn FallbackPolicy,
    account: AccountId,
    own: Option<Vec<u64>>,
) -> Result<Fallback, ApiError> {
    let field = "fallbackAccountIds";
    let Some(own) = own else {
        return Ok(default_fallback(policy, account).await?);
    };
    let own = checked(field, &own)?;
    if own.contains(&account) {
        return Err(ApiError::value(field, "must not have accountId itself"));
    }
    for id in &own {
        is_usable(&accounts.account(*id).await?)?;
    }
    Ok(Fallback {
        accounts: own,
        own: true,
    })
}

/// The accounts that requests go on with by default.
#[utoipa::path(get, path = "/api/v1/acme/accounts/fallback", operation_id = "getFallback")]
async fn get(_: Read, State(accounts): State<Accounts>) -> Data<FallbackView> {
    Ok(Answer(accounts.fallback.fallback().await?.into()))
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFallback {
    #[schema(schema_with = ids)]
    account_ids: Vec<u64>,
}

impl FromBody for NewFallback {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        let field = "accountIds";
        let ids = fields.opt_ids(field)?;
        Ok(Self {
            account_ids: ids.ok_or_else(|| ApiError::missing(field))?,
        })
    }
}

/// Chooses them, in the order of preference.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/fallback",
    operation_id = "setFallback",
    responses(NotFound, Conflict)
)]
async fn choose(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(wanted): Json<NewFallback>,
) -> Data<FallbackView> {
    let ids = checked("accountIds", &wanted.account_ids)?;
    Ok(Answer(accounts.fallback.set_fallback(&ids, now).await?.into()))
}
