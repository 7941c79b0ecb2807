//! Whether a certificate still stands for its names, so that who asks for them again gets it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    store::{CertificateRelations, CertificateStore, RenewalStore, Standing, StoreError},
    vault::{Deposit, VaultError},
};
use certmint_core::{
    certificate::Certificate, issuance::Request, renewal, words::Timestamp, x509::certificate::key_id_of,
};

/// Asks the certificate, its renewal and its key.
#[derive(Clone)]
pub(super) struct Certificates {
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) relations: Arc<dyn CertificateRelations>,
    pub(super) renewals: Arc<dyn RenewalStore>,
    pub(super) deposit: Arc<dyn Deposit>,
}

#[async_trait]
impl Standing for Certificates {
    /// Reads: the certificate, its renewal, whether its key was given away; and its key in the vault.
    async fn stands(&self, request: &Request, now: Timestamp) -> Result<bool, StoreError> {
        let Some(id) = request.result_certificate_id else {
            return Ok(false);
        };
        let certificate = match self.certificates.certificate(id).await {
            Ok(certificate) => certificate,
            Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let renewals = self.renewals.renewals(std::slice::from_ref(&certificate)).await?;
        let serves = renewals
            .first()
            .is_some_and(|renewal| renewal::serves(renewal, &certificate, now));
        Ok(serves && !self.is_given_away(&certificate).await? && self.has_its_key(&certificate).await)
    }
}

impl Certificates {
    /// Another certificate with the same key may have been revoked for it.
    async fn is_given_away(&self, certificate: &Certificate) -> Result<bool, StoreError> {
        match key_id_of(&certificate.cert_pem) {
            Some(key) => self.relations.is_compromised(&key).await,
            None => Ok(false),
        }
    }

    /// A vault that does not answer, or may not, does not say that the key is gone.
    async fn has_its_key(&self, certificate: &Certificate) -> bool {
        if !certificate.has_key() {
            return true;
        }
        match self.deposit.look(&certificate.key_ref).await {
            Ok(()) => true,
            Err(VaultError::NotFound(_) | VaultError::PendingDeletion(_)) => false,
            Err(error) => {
                tracing::warn!(certificate_id = certificate.id.get(), %error, "key not looked up");
                true
            }
        }
    }
}
