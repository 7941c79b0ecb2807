//! Revocations that clients asked for.

use super::unless_gone;
use crate::worker::Worker;
use certmint_core::{
    certificate::{Certificate, Revocation, RevokedBy},
    words::{Cause, CertificateId, Class, Failure, ProviderId, Stage},
    x509::keys,
};

impl Worker {
    /// Asks for each version whose revocation is open: a renewal may have replaced one since. What the CA refuses for
    /// good is written down for the client; what it cannot answer now is tried again.
    pub(in crate::worker) async fn revoke(&self, id: CertificateId) -> Result<(), Failure> {
        let versions = match self.adapters.store.certificate_versions(id).await {
            Ok(versions) => versions,
            Err(error) => return unless_gone(error),
        };
        for certificate in versions {
            let open = certificate.lifecycle.revocation.as_ref();
            if let Some(revocation) = open.filter(|r| r.is_open()) {
                self.revoke_version(&certificate, revocation).await?;
            }
        }
        Ok(())
    }

    async fn revoke_version(
        &self,
        certificate: &Certificate,
        revocation: &Revocation,
    ) -> Result<(), Failure> {
        let answer = match revocation.by {
            RevokedBy::Account => self.revoke_by_account(certificate, revocation).await,
            RevokedBy::CertificateKey { provider } => {
                self.revoke_by_key(certificate, revocation, provider).await
            }
        };
        let refusal = match answer {
            Ok(()) => None,
            Err(failure) if failure.class == Class::Permanent => Some(failure.problem.detail),
            Err(failure) => return Err(failure),
        };
        let (id, version) = (certificate.id, certificate.version);
        let store = &self.adapters.store;
        let settled = store.settle_revocation(id, version, refusal.as_deref(), self.now());
        settled.await.map(|_| ()).or_else(unless_gone)
    }

    async fn revoke_by_account(
        &self,
        certificate: &Certificate,
        revocation: &Revocation,
    ) -> Result<(), Failure> {
        let Some(account) = certificate.account_id else {
            let why = "no account ordered it";
            return Err(Failure::new(
                Class::Permanent,
                Stage::Request,
                Cause::NoAccount,
                why,
            ));
        };
        let account = self.accounts.get(account).await?;
        let ca = &self.adapters.ca;
        let answer = ca.revoke(&account, &certificate.cert_pem, revocation.reason);
        self.accounts.judge(&account, answer.await).await
    }

    async fn revoke_by_key(
        &self,
        certificate: &Certificate,
        revocation: &Revocation,
        provider: ProviderId,
    ) -> Result<(), Failure> {
        let configured = self.adapters.providers.by_id(provider).ok_or_else(|| {
            let why = format!("provider {provider} is no longer configured");
            Failure::new(Class::Permanent, Stage::Request, Cause::NoProvider, why)
        })?;
        let stored = self.adapters.vault.get(&certificate.key_ref).await;
        let key = keys::parse(&stored?)?.key_pem;
        let (directory, pem) = (&configured.directory_url, &certificate.cert_pem);
        let ca = &self.adapters.ca;
        ca.revoke_with_key(directory, &key, pem, revocation.reason).await
    }
}
