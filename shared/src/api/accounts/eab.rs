//! External account bindings: checked, kept, replaced.

use axum::extract::State;
use secrecy::SecretString;
use utoipa::ToSchema;

use super::{state::Accounts, wire::AccountView};
use crate::{
    acme::decode_eab_key,
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound},
        envelope::Data,
        error::ApiError,
        payload::Json,
        permit::Write,
        resource::routes,
        state::Now,
    },
    store::{SecretIntents, StoreError, account_keys::may_be_bound},
};
use certmint_core::{
    account::{Account, EabBinding},
    words::{AccountId, NoTimestamp, Timestamp},
};

routes!["accounts": replace];

/// A binding as a client sends it.
pub(super) struct EabFields {
    kid: String,
    hmac_key: SecretString,
    expires_at: Option<Timestamp>,
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let at: Timestamp = text
        .parse()
        .map_err(|e: NoTimestamp| ApiError::format("eabExpiresAt", &e.to_string()))?;
    if at <= now {
        let why = "is over: get a new eabKid and eabHmacKey from the CA";
        return Err(ApiError::value("eabExpiresAt", why));
    }
    Ok(at)
}

impl EabFields {
    /// The fields of a body; `None` if there is none of them.
    pub(super) fn checked(
        kid: Option<String>,
        hmac_key: Option<SecretString>,
        expires_at: Option<String>,
        now: Timestamp,
    ) -> Result<Option<Self>, ApiError> {
        let (kid, hmac_key) = match (kid, hmac_key) {
            (Some(kid), Some(hmac_key)) => (kid, hmac_key),
            (None, None) if expires_at.is_none() => return Ok(None),
            (None, _) => return Err(ApiError::missing("eabKid")),
            (Some(_), None) => return Err(ApiError::missing("eabHmacKey")),
        };
        decode_eab_key(&hmac_key).map_err(|e| ApiError::format("eabHmacKey", &e.to_string()))?;
        let expires_at = expires_at.map(|text| expiry(&text, now)).transpose()?;
        Ok(Some(Self {
            kid,
            hmac_key,
            expires_at,
        }))
    }

    /// Puts the HMAC key into the vault before the store hears of it: the store never sees more than its name. The
    /// intent is there before, and ends with the account that names the key.
    pub(super) async fn keep(self, accounts: &Accounts, now: Timestamp) -> Result<EabBinding, ApiError> {
        let key_ref = format!("account-eab/{}", uuid::Uuid::new_v4());
        accounts.intents.intend_secret(&key_ref, now).await?;
        accounts.deposit.ensure(&key_ref, self.hmac_key).await?;
        Ok(EabBinding {
            kid: self.kid,
            key_ref,
            expires_at: self.expires_at,
        })
    }
}

/// Drops a key that went into the vault for a call that was refused, or was done before: one that another call forestalled
/// at the last moment. After an answer that was lost the account may have it: whether it does, the intent says.
pub(super) async fn drop_unused(
    intents: &dyn SecretIntents,
    eab: &EabBinding,
    stored: &Result<Account, StoreError>,
    now: Timestamp,
) {
    if stored
        .as_ref()
        .is_ok_and(|account| account.eab_key_ref.as_ref() == Some(&eab.key_ref))
    {
        return;
    }
    if let Err(error) = intents.drop_secret(&eab.key_ref, now).await {
        tracing::warn!(%error, "a key that no account uses is deleted in an hour");
    }
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewBinding {
    #[schema(value_type = u64, minimum = 1)]
    id: AccountId,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 4096)]
    eab_kid: Option<String>,
    /// base64url or base64, with or without padding. Goes to the key vault and is never returned.
    #[schema(value_type = String, write_only, min_length = 1, max_length = 4096)]
    eab_hmac_key: Option<SecretString>,
    #[schema(format = DateTime)]
    eab_expires_at: Option<String>,
}

impl FromBody for NewBinding {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            id: AccountId::new(fields.id("id")?),
            eab_kid: fields.opt_pasted("eabKid")?,
            eab_hmac_key: fields.opt_pasted("eabHmacKey")?.map(SecretString::from),
            eab_expires_at: fields.opt_pasted("eabExpiresAt")?,
        })
    }
}

/// Gives an account that its CA does not know another external account binding.
#[utoipa::path(
    post,
    path = "/api/v1/acme/accounts/eab",
    operation_id = "replaceBinding",
    responses(NotFound, Conflict)
)]
async fn replace(
    _: Write,
    State(accounts): State<Accounts>,
    Now(now): Now,
    Json(wanted): Json<NewBinding>,
) -> Data<AccountView> {
    let id = wanted.id;
    let (kid, hmac_key, expires_at) = (wanted.eab_kid, wanted.eab_hmac_key, wanted.eab_expires_at);
    let eab = EabFields::checked(kid, hmac_key, expires_at, now)?;
    let eab = eab.ok_or_else(|| ApiError::missing("eabKid"))?;
    // Asked first so that a call that cannot succeed leaves nothing in the vault; the transaction decides.
    may_be_bound(&accounts.store.account(id).await?)?;
    let eab = eab.keep(&accounts, now).await?;
    let replaced = accounts.keys.replace_eab(id, &eab, now).await;
    drop_unused(&*accounts.intents, &eab, &replaced, now).await;
    let account = replaced?;
    accounts.kick.kick().await;
    accounts.shown(account, now).await
}
