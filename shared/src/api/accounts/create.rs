//! New accounts.

use axum::extract::State;
use secrecy::SecretString;
use utoipa::ToSchema;

use super::{
    eab::{EabFields, drop_unused},
    state::Accounts,
    wire::CreatedAccount,
};
use crate::api::{
    body::{Fields, FromBody},
    describe::{Conflict, NotFound},
    envelope::{Answer, Data},
    error::ApiError,
    payload::{Once, Repeatable},
    permit::Write,
    resource::routes,
    state::Now,
};
use crate::store::StoreError;
use certmint_core::{account::NewAccount, words::Email};

routes!["accounts": create];

/// eabKid and eabHmacKey go together; eabExpiresAt needs both.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAccount)]
struct Wanted {
    #[schema(examples("letsencrypt", "google"))]
    provider_name: String,
    /// A provider has one account without it.
    #[schema(value_type = Option<String>, format = Email, max_length = 254)]
    email: Option<Email>,
    #[schema(min_length = 1, max_length = 4096)]
    eab_kid: Option<String>,
    /// base64url or base64, with or without padding. Goes to the key vault and is never returned.
    #[schema(value_type = Option<String>, write_only, min_length = 1, max_length = 4096)]
    eab_hmac_key: Option<SecretString>,
    /// When the CA says that the binding's time is over.
    #[schema(format = DateTime)]
    eab_expires_at: Option<String>,
}

impl FromBody for Wanted {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            provider_name: fields.text("providerName")?,
            email: fields.opt_email("email")?,
            eab_kid: fields.opt_pasted("eabKid")?,
            eab_hmac_key: fields.opt_pasted("eabHmacKey")?.map(SecretString::from),
            eab_expires_at: fields.opt_pasted("eabExpiresAt")?,
        })
    }
}

impl Repeatable for Wanted {
    const CALL: &'static str = "account";
}

/// Opens an account; the worker registers it with its CA on first use.
#[utoipa::path(
    post,
    path = "/api/v1/acme/account/create",
    operation_id = "createAccount",
    responses(NotFound, Conflict)
)]
async fn create(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Once { key, body }: Once<Wanted>,
) -> Data<CreatedAccount> {
    let eab = EabFields::checked(body.eab_kid, body.eab_hmac_key, body.eab_expires_at, now)?;
    let provider = accounts.providers.by_name(&body.provider_name);
    let provider =
        provider.ok_or_else(|| ApiError::not_found("providerName names no configured provider"))?;
    if let Some(why) = &provider.retired {
        return Err(ApiError::state(why.clone()));
    }
    if eab.is_none() && provider.requires_eab {
        return Err(ApiError::missing(
            "eabKid (this provider needs eabKid and eabHmacKey; it)",
        ));
    }
    // Asked first so that a call that is refused, or was done before, leaves nothing in the vault; the transaction decides.
    let before = accounts
        .store
        .opened_before(provider.id, body.email.as_ref(), key.as_ref());
    if let Some(known) = before.await.map_err(taken)? {
        return Ok(Answer(CreatedAccount::from(known)));
    }
    let eab = match eab {
        Some(eab) => Some(eab.keep(&accounts, now).await?),
        None => None,
    };
    let new = NewAccount {
        provider_id: provider.id,
        email: body.email,
        eab_kid: eab.as_ref().map(|e| e.kid.clone()),
        eab_key_ref: eab.as_ref().map(|e| e.key_ref.clone()),
        eab_expires_at: eab.as_ref().and_then(|e| e.expires_at),
    };
    let created = accounts.store.create_account(new, key, now).await;
    if let Some(eab) = eab {
        drop_unused(&*accounts.intents, &eab, &created, now).await;
    }
    Ok(Answer(CreatedAccount::from(created.map_err(taken)?)))
}

/// One that exists is found, and mended, by calls that its refusal names.
fn taken(error: StoreError) -> ApiError {
    match error {
        error @ StoreError::Exists { .. } => ApiError::exists(format!(
            "{error}; GET /acme/accounts?email= finds it, and POST /acme/accounts/enable registers it anew if it failed"
        )),
        error => error.into(),
    }
}
