//! Which key a renewal has.

use std::sync::Arc;

use secrecy::SecretString;

use crate::{
    store::{CertificateRelations, CertificateStore, StoreError},
    vault::{KeyVault, VaultError},
};
use certmint_core::{
    certificate::{Certificate, KeyPlan},
    issuance::Request,
    words::{Cause, Class, Failure, Stage},
    x509::{PrivateKey, certificate::key_id, csr::Csr, keys},
};

/// The key of a certificate that is renewed, or why the renewal has another.
pub(super) enum Reuse {
    /// This one again, PKCS#8 PEM.
    Key(SecretString),
    /// A new one, for this reason; without one it was never to be another.
    New(Option<String>),
}

/// Looks up keys of certificates that are renewed.
#[derive(Clone)]
pub(super) struct KeyReuse {
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) relations: Arc<dyn CertificateRelations>,
    pub(super) vault: Arc<dyn KeyVault>,
}

impl KeyReuse {
    /// The key that a request is to have. What cannot be known now is an error, never a new key.
    pub(super) async fn decide(&self, request: &Request) -> Result<Reuse, Failure> {
        let (KeyPlan::Us { reuse: true, .. }, Some(id)) = (&request.key, request.renews) else {
            return Ok(Reuse::New(None));
        };
        let new = |why: String| {
            tracing::warn!(
                request_id = request.id.get(),
                certificate_id = id.get(),
                why,
                "a new key"
            );
            Ok(Reuse::New(Some(format!("a new key, since {why}"))))
        };
        let certificate = match self.certificates.certificate(id).await {
            Ok(certificate) => certificate,
            Err(StoreError::NotFound { .. }) => return new(format!("certificate {id} is gone")),
            Err(error) => return Err(error.into()),
        };
        let name = &certificate.key_ref;
        if !certificate.has_key() {
            return new(format!("certificate {id} has none here"));
        }
        let stored = match self.vault.get(name).await {
            Ok(stored) => stored,
            Err(VaultError::NotFound(_)) => return new(format!("{name} is gone from the vault")),
            Err(error) => return Err(error.into()),
        };
        let key = keys::parse(&stored).map(|material| material.key_pem);
        let readable = key
            .ok()
            .and_then(|key| Some((PrivateKey::read(&key, None).ok()?, key)));
        // Trying again would not make it readable.
        let Some((read, key)) = readable else {
            return new(format!("{name} cannot be read"));
        };
        if self.is_given_away(&certificate, &read).await? {
            return new(format!("that of certificate {id} was revoked for keyCompromise"));
        }
        Ok(Reuse::Key(key))
    }

    async fn is_given_away(&self, certificate: &Certificate, key: &PrivateKey) -> Result<bool, Failure> {
        if certificate.is_compromised() {
            return Ok(true);
        }
        let known = self.relations.is_compromised(&key_id(key.public_key())).await;
        known.map_err(Into::into)
    }

    /// Refuses a CSR whose key was given away since it was stored for this order: the next order has another.
    pub(super) async fn check_not_given_away(&self, request: &Request, csr: &[u8]) -> Result<(), Failure> {
        if !matches!(request.key, KeyPlan::Us { reuse: true, .. }) || request.renews.is_none() {
            return Ok(());
        }
        let Ok(csr) = Csr::read(csr) else { return Ok(()) };
        let known = self.relations.is_compromised(&key_id(csr.public_key())).await;
        match known? {
            false => Ok(()),
            true => Err(Failure::new(
                Class::OrderLost,
                Stage::Request,
                Cause::KeyCompromise,
                "the key that was to be reused was revoked for keyCompromise; ordered anew with another",
            )),
        }
    }
}
