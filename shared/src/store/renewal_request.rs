//! What a renewal asks for: the same names, profile and kind of key as the certificate that it takes the place of.

use super::{FallbackPolicy, Store, StoreError};
use certmint_core::{
    certificate::{Certificate, KeyPlan, RenewalTerms},
    issuance::{Fallback, NewRequest, Request},
    words::{AccountId, NameSet},
    x509::chain::{key_algorithm, key_id_of},
};

/// The request that renews `certificate` on these terms. One read: the request that made it says whose key it is, and
/// which accounts to ask in which order. That the first ones could not be used then says nothing of now.
///
/// # Errors
/// If the store cannot be read; [`StoreError::WrongState`] if a certificate with a client's key has lost its CSR, or the
/// client said that somebody else may have that key.
pub async fn renewal_request(
    store: &dyn Store,
    certificate: &Certificate,
    terms: RenewalTerms,
    account_id: AccountId,
    names: NameSet,
) -> Result<NewRequest, StoreError> {
    let made_by = match certificate.request_id {
        None => None,
        Some(id) => match store.request(id).await {
            Ok(request) => Some(request),
            Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    let (account_id, fallback) = accounts(store, account_id, made_by.as_ref()).await?;
    let made_by = made_by.map(|request| request.key);
    let refused = |state: &str| StoreError::WrongState {
        kind: "certificate",
        id: certificate.id.to_string(),
        state: state.into(),
        needed: "a new request with the client's CSR",
    };
    let given_away = match (&made_by, key_id_of(&certificate.cert_pem)) {
        (Some(KeyPlan::Client { .. }), Some(key)) => store.is_compromised(&key).await?,
        _ => false,
    };
    let reuse = terms.reuse_key;
    let key = match made_by {
        Some(KeyPlan::Client { .. }) if given_away || certificate.is_compromised() => {
            return Err(refused("made for a CSR whose key was revoked for keyCompromise"));
        }
        Some(KeyPlan::Us { algorithm, .. }) => KeyPlan::Us { algorithm, reuse },
        Some(client) => client,
        None if certificate.has_key() => {
            let algorithm = key_algorithm(&certificate.cert_pem).and_then(|word| word.parse().ok());
            let algorithm = algorithm.unwrap_or_default();
            KeyPlan::Us { algorithm, reuse }
        }
        None => return Err(refused("without its CSR")),
    };
    Ok(NewRequest {
        profile: certificate.profile.clone(),
        renews: Some(certificate.id),
        fallback,
        key,
        renew_as: terms.renew_as,
        ..NewRequest::new(account_id, names)
    })
}

/// The accounts to ask: those of the request that made the certificate, or the default ones by now if it had no list
/// of its own. One that was deleted since is left out; the certificate's own cannot have been.
async fn accounts(
    store: &dyn Store,
    of_certificate: AccountId,
    made_by: Option<&Request>,
) -> Result<(AccountId, Fallback), StoreError> {
    let first = made_by.map_or(of_certificate, |request| request.account_id);
    let own = made_by.map(|r| &r.fallback).filter(|f| f.own).cloned();
    let fallback = match own {
        Some(own) => own,
        None => default_fallback(store, first).await?,
    };
    let mut kept = Vec::new();
    for id in std::iter::once(first).chain(fallback.accounts.iter().copied()) {
        let known = id == of_certificate
            || match store.account(id).await {
                Ok(_) => true,
                Err(StoreError::NotFound { .. }) => false,
                Err(error) => return Err(error),
            };
        if known {
            kept.push(id);
        }
    }
    let mut kept = kept.into_iter();
    let first = kept.next().unwrap_or(of_certificate);
    let accounts = kept.collect();
    Ok((first, Fallback { accounts, ..fallback }))
}

/// The default list as a request of `account` takes it. One read.
///
/// # Errors
/// If it cannot be read.
pub async fn default_fallback(
    store: &dyn FallbackPolicy,
    account: AccountId,
) -> Result<Fallback, StoreError> {
    let accounts = store.fallback().await?.accounts;
    Ok(Fallback {
        accounts: accounts.into_iter().filter(|id| *id != account).collect(),
        own: false,
    })
}
