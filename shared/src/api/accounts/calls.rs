//! Accounts: looked at, switched on and off, given a contact or a key, deleted.

use axum::extract::State;
use utoipa::{IntoParams, ToSchema};

use super::{
    state::Accounts,
    wire::{AccountView, STATUSES, status_words},
};
use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound},
        envelope::{Answer, Data},
        error::ApiError,
        paging::{List, Paged},
        payload::Json,
        permit::{Read, Write},
        query::{FromQuery, Id, Params},
        resource::routes,
        state::Now,
    },
    store::{AccountFilter, ContactFilter},
};
use certmint_core::{
    account::AccountStatus,
    words::{AccountId, Email, ProviderId},
};

routes!["accounts": list, get, enable, disable, contact, rollover, delete];

/// A body that is nothing but an account.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct IdAlone {
    #[schema(value_type = u64, minimum = 1)]
    id: AccountId,
}

impl FromBody for IdAlone {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            id: AccountId::new(fields.id("id")?),
        })
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Asked {
    #[param(value_type = Option<u64>, minimum = 1)]
    provider_id: Option<ProviderId>,
    #[param(schema_with = status_words)]
    status: Option<AccountStatus>,
    /// An address, or none: those without.
    #[param(rename = "email", value_type = Option<String>)]
    contact: Option<ContactFilter>,
}

/// No address is this word: it has no `@`.
const WITHOUT: &str = "none";

fn contact_asked(params: &Params) -> Result<Option<ContactFilter>, ApiError> {
    if params.get("email")? == Some(WITHOUT) {
        return Ok(Some(ContactFilter::Without));
    }
    Ok(params.parsed("email")?.map(ContactFilter::Email))
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let provider_id = params.id("providerId")?.map(ProviderId::new);
        Ok(Self {
            provider_id,
            status: params.word("status", &STATUSES)?,
            contact: contact_asked(params)?,
        })
    }
}

/// Accounts, oldest first.
#[utoipa::path(get, path = "/api/v1/acme/accounts", operation_id = "listAccounts")]
async fn list(
    _: Read,
    State(accounts): State<Accounts>,
    Now(now): Now,
    paged: Paged<Asked>,
) -> Data<List<AccountView>> {
    let asked = &paged.asked;
    let filter = AccountFilter {
        provider_id: asked.provider_id,
        status: asked.status,
        contact: asked.contact.clone(),
    };
    let found = accounts.store.accounts(&filter, &paged.page).await?;
    let defaults = accounts.lifecycle.default_accounts().await?;
    let row = |account| AccountView::of(account, &accounts.providers, &defaults, now);
    Ok(Answer(paged.answer(found, row)))
}

/// One account.
#[utoipa::path(
    get,
    path = "/api/v1/acme/accounts/{id}",
    operation_id = "getAccount",
    responses(NotFound)
)]
async fn get(_: Read, State(accounts): State<Accounts>, Now(now): Now, Id(id): Id) -> Data<AccountView> {
    let account = accounts.store.account(AccountId::new(id)).await?;
    accounts.shown(account, now).await
}

/// Switches a disabled or failed account on; a failed one is registered anew.
///
/// The worker registers it with its key when it is used next, or with another one if its CA closed the account or the
/// key is gone.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/enable",
    operation_id = "enableAccount",
    responses(NotFound, Conflict)
)]
async fn enable(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(IdAlone { id }): Json<IdAlone>,
) -> Data<AccountView> {
    let account = accounts.lifecycle.switch_account(id, true, now).await?;
    accounts.shown(account, now).await
}

/// Switches an account off; its requests end and new ones are refused.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/disable",
    operation_id = "disableAccount",
    responses(NotFound, Conflict)
)]
async fn disable(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(IdAlone { id }): Json<IdAlone>,
) -> Data<AccountView> {
    let account = accounts.lifecycle.switch_account(id, false, now).await?;
    accounts.shown(account, now).await
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewContact {
    #[schema(value_type = u64, minimum = 1)]
    id: AccountId,
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: Email,
}

impl FromBody for NewContact {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            id: AccountId::new(fields.id("id")?),
            email: fields.email("email")?,
        })
    }
}

/// Changes the address; the worker tells the CA.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/contact",
    operation_id = "changeContact",
    responses(NotFound, Conflict)
)]
async fn contact(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(NewContact { id, email }): Json<NewContact>,
) -> Data<AccountView> {
    let account = accounts.lifecycle.change_contact(id, &email, now).await?;
    accounts.kick.kick().await;
    accounts.shown(account, now).await
}

/// Gives the account a new key; the worker makes it and tells the CA.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/rollover",
    operation_id = "rollAccountKey",
    responses(NotFound, Conflict)
)]
async fn rollover(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(IdAlone { id }): Json<IdAlone>,
) -> Data<AccountView> {
    let account = accounts.keys.begin_rollover(id, now).await?;
    accounts.kick.kick().await;
    accounts.shown(account, now).await
}

/// Deletes an account that nothing needs; the worker deletes its secrets.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/delete",
    operation_id = "deleteAccount",
    responses(NotFound, Conflict)
)]
async fn delete(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(IdAlone { id }): Json<IdAlone>,
) -> Data<AccountView> {
    let account = accounts.lifecycle.delete_account(id, now).await?;
    accounts.kick.kick().await;
    accounts.shown(account, now).await
}
