//! keyChange (RFC 8555 §7.3.5), and which account a key belongs to (§7.3.1).

use instant_acme::Error;
use serde_json::{Value, json};

use super::{
    http::AcmeHttp,
    jws::{Identity, SigningKey, post, sign, url_of},
};
use certmint_core::words::AcmeError;

/// The URL of the account that has this key; `None` if the CA says that none has.
pub(super) async fn find_account(
    http: &AcmeHttp,
    directory: &Value,
    key_pkcs8: &[u8],
) -> Result<Option<String>, Error> {
    let key = SigningKey::from_pkcs8(key_pkcs8)?;
    let url = url_of(directory, "newAccount")?;
    let payload = json!({"onlyReturnExisting": true});
    match post(http, directory, &url, &key, Identity::Jwk, &payload).await {
        Ok(answer) => answer.location.map(Some).ok_or(Error::Str("no account URL")),
        Err(Error::Api(problem))
            if AcmeError::of_type(problem.r#type.as_deref().unwrap_or_default())
                == Some(AcmeError::AccountDoesNotExist) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The new key signs what it takes over, the old one signs all of it.
pub(super) async fn change_key(
    http: &AcmeHttp,
    directory: &Value,
    account_url: &str,
    old_pkcs8: &[u8],
    new_pkcs8: &[u8],
) -> Result<(), Error> {
    let (old, new) = (
        SigningKey::from_pkcs8(old_pkcs8)?,
        SigningKey::from_pkcs8(new_pkcs8)?,
    );
    let url = url_of(directory, "keyChange")
        .map_err(|_| Error::Unsupported("a change of the account's key (its directory has no keyChange)"))?;
    let takes_over = json!({"account": account_url, "oldKey": old.jwk()?});
    let inner = sign(&new, Identity::Jwk, None, &url, &takes_over)?;
    post(http, directory, &url, &old, Identity::Kid(account_url), &inner).await?;
    Ok(())
}
