//! What a renewal asks for: the same names, profile and kind of key as the certificate that it takes the place of.

use super::{Store, StoreError};
use crate::{
    ca::check::key_algorithm,
    domain::{AccountId, Certificate, KeyPlan, NameSet, NewRequest},
};

/// The request that renews `certificate`. One read: the request that made it says whose key it is.
///
/// # Errors
/// If the store cannot be read, or a certificate with a client's key has lost its CSR.
pub async fn renewal_request(
    store: &dyn Store,
    certificate: &Certificate,
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
    let key = match made_by {
        Some(key) => key,
        None if certificate.has_key() => {
            let algorithm = key_algorithm(&certificate.cert_pem).and_then(|word| word.parse().ok());
            algorithm.map_or_else(KeyPlan::default, |algorithm| KeyPlan::Us { algorithm })
        }
        None => {
            return Err(StoreError::WrongState {
                kind: "certificate",
                id: certificate.id.to_string(),
                state: "without its CSR".into(),
                needed: "a new request with the client's CSR",
            });
        }
    };
    Ok(NewRequest {
        profile: certificate.profile.clone(),
        renews: Some(certificate.id),
        key,
        ..NewRequest::new(account_id, names)
    })
}
