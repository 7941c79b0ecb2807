//! External account bindings: read from a body, kept, replaced.

use secrecy::SecretString;

use super::{Api, ApiRequest, Data, error::ApiError, input::Body};
use crate::{
    acme::decode_eab_key,
    store::{StoreError, account_keys::may_be_bound},
};
use certmint_core::{
    account::{Account, EabBinding},
    words::{AccountId, NoTimestamp, Timestamp},
};

/// A binding as a client sends it.
pub(super) struct EabFields {
    kid: String,
    hmac_key: SecretString,
    expires_at: Option<Timestamp>,
}

impl EabFields {
    /// Takes `eabKid`, `eabHmacKey` and `eabExpiresAt`; `None` if there is none of them.
    pub(super) fn read(body: &mut Body, now: Timestamp) -> Result<Option<Self>, ApiError> {
        let kid = body.opt_text("eabKid")?;
        let hmac_key = body.opt_text("eabHmacKey")?.map(SecretString::from);
        let expires_at = body.opt_text("eabExpiresAt")?;
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

impl Api {
    /// Puts the HMAC key into the vault before the store hears of it: the store never sees more than its name.
    pub(super) async fn keep_eab(&self, eab: EabFields) -> Result<EabBinding, ApiError> {
        let key_ref = format!("account-eab/{}", uuid::Uuid::new_v4());
        self.vault.put_if_absent(&key_ref, eab.hmac_key).await?;
        Ok(EabBinding {
            kid: eab.kid,
            key_ref,
            expires_at: eab.expires_at,
        })
    }

    /// Deletes a key that went into the vault for a call that was refused, or was done before. After an answer that was
    /// lost the account may have it: then it stays.
    pub(super) async fn drop_unused(&self, eab: &EabBinding, stored: &Result<Account, StoreError>) {
        let is_unused = match stored {
            Ok(account) => account.eab_key_ref.as_ref() != Some(&eab.key_ref),
            Err(error) => !matches!(error, StoreError::Unavailable { .. }),
        };
        if !is_unused {
            return;
        }
        if let Err(error) = self.vault.delete(&eab.key_ref).await {
            tracing::warn!(%error, "a key that no account uses was left in the vault");
        }
    }

    /// POST `/acme/accounts/eab`: another binding for an account that its CA does not know.
    pub(super) async fn replace_eab(&self, request: &ApiRequest) -> Data {
        let now = self.clock.now();
        let mut body = Body::parse(&request.body)?;
        let id = AccountId::new(body.id("id")?);
        let eab = EabFields::read(&mut body, now)?;
        body.end()?;
        let eab = eab.ok_or_else(|| ApiError::missing("eabKid"))?;
        // Asked first so that a call that cannot succeed leaves nothing in the vault; the transaction decides.
        may_be_bound(&self.store.account(id).await?)?;
        let eab = self.keep_eab(eab).await?;
        let replaced = self.store.replace_eab(id, &eab, now).await;
        self.drop_unused(&eab, &replaced).await;
        let account = replaced?;
        self.kick.kick().await;
        self.shown(account).await
    }
}
