//! newAccount with a key that exists already (RFC 8555 §7.3), and what changes an account.
//!
//! The ACME library binds an external account only to a key that it makes itself and shows after the CA has seen it, and
//! changes an account's key only to such a one. Ours must be in the vault before: a crash in between would spend the
//! binding or lose the key.

use async_trait::async_trait;
use instant_acme::Error;
use serde::Serialize;

use super::{
    ca::{AccountKey, AcmeAccounts, CaAccount, Eab},
    call::Call,
    client::AcmeCa,
    eab::bind,
    jws::{Jwk, Jws, Signer},
    problem,
};
use certmint_core::words::{AcmeError, Email, Failure};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    terms_of_service_agreed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_binding: Option<Jws>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KnownAccount {
    only_return_existing: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyChange<'a> {
    account: &'a str,
    old_key: Jwk,
}

#[async_trait]
impl AcmeAccounts for AcmeCa {
    async fn register(
        &self,
        directory_url: &str,
        key: &AccountKey,
        email: Option<&Email>,
        eab: Option<&Eab>,
    ) -> Result<String, Failure> {
        let call = self.call(directory_url).await?;
        call.checked(register(&call, key, email, eab).await)
    }

    async fn find_account(&self, directory_url: &str, key: &AccountKey) -> Result<Option<String>, Failure> {
        let call = self.call(directory_url).await?;
        call.checked(find(&call, key).await)
    }

    async fn update_contact(&self, account: &CaAccount, email: &Email) -> Result<(), Failure> {
        let call = self.call(&account.directory_url).await?;
        let session = call.account(account).await?;
        let contact = email.mailto();
        call.checked(session.update_contacts(&[contact.as_str()]).await)
    }

    async fn change_key(&self, account: &CaAccount, new_key: &AccountKey) -> Result<(), Failure> {
        let call = self.call(&account.directory_url).await?;
        call.checked(change_key(&call, account, new_key).await)
    }
}

/// A key that the CA knows returns its account.
async fn register(
    call: &Call,
    key: &AccountKey,
    email: Option<&Email>,
    eab: Option<&Eab>,
) -> Result<String, Error> {
    let signer = Signer::of_key(key)?;
    let url = &call.directory().new_account;
    let binding = match eab {
        Some(eab) => Some(bind(eab, &signer.jwk()?, url)?),
        None => None,
    };
    let account = NewAccount {
        terms_of_service_agreed: true,
        contact: email.iter().map(|email| email.mailto()).collect(),
        external_account_binding: binding,
    };
    let answer = call.post(url, &signer, &account).await?;
    answer.head.location.ok_or(NO_ACCOUNT)
}

const NO_ACCOUNT: Error = Error::Str("no account URL");

async fn find(call: &Call, key: &AccountKey) -> Result<Option<String>, Error> {
    let signer = Signer::of_key(key)?;
    let known = KnownAccount {
        only_return_existing: true,
    };
    match call.post(&call.directory().new_account, &signer, &known).await {
        Ok(answer) => answer.head.location.map(Some).ok_or(NO_ACCOUNT),
        Err(Error::Api(problem))
            if problem::cause(&problem).acme() == Some(&AcmeError::AccountDoesNotExist) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The new key signs what it takes over, the old one signs all of it.
async fn change_key(call: &Call, account: &CaAccount, new_key: &AccountKey) -> Result<(), Error> {
    let (old, new) = (Signer::of_account(account)?, Signer::of_key(new_key)?);
    let url = call.directory().key_change.as_deref();
    let url = url.ok_or(Error::Unsupported(
        "a change of the account's key (its directory has no keyChange)",
    ))?;
    let takes_over = KeyChange {
        account: &account.registration_uri,
        old_key: old.jwk()?,
    };
    let inner = new.sign(None, url, &serde_json::to_vec(&takes_over)?)?;
    call.post(url, &old, &inner).await?;
    Ok(())
}
