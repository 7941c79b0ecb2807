//! What a renewal asks for: the same names, profile and kind of key as the certificate that it takes the place of.

use super::{Store, StoreError};
use crate::{
    ca::check::{key_algorithm, key_id_of},
    domain::{AccountId, Certificate, KeyPlan, NameSet, NewRequest, RenewalTerms},
};

/// The request that renews `certificate` on these terms. One read: the request that made it says whose key it is.
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
            Ok(request) => Some(request.key),
            Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        },
    };
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
        key,
        renew_as: terms.renew_as,
        ..NewRequest::new(account_id, names)
    })
}
