//! Revocations that clients asked for.

use std::sync::Arc;

use super::gone::unless_gone;
use crate::{
    acme::Ca,
    store::{CertificateLifecycle, CertificateStore, RenewalStore},
    vault::KeyVault,
    worker::accounts::Accounts,
};
use certmint_core::{
    certificate::{Certificate, Revocation, RevokedBy},
    clock::Clock,
    provider::Providers,
    words::{Cause, CertificateId, Class, Failure, ProviderId, Stage},
    x509::keys,
};

/// The chore of a revocation.
pub(in crate::worker) struct Revocations {
    pub(in crate::worker) certificates: Arc<dyn CertificateStore>,
    pub(in crate::worker) versions: Arc<dyn RenewalStore>,
    pub(in crate::worker) lifecycle: Arc<dyn CertificateLifecycle>,
    pub(in crate::worker) vault: Arc<dyn KeyVault>,
    pub(in crate::worker) ca: Arc<dyn Ca>,
    pub(in crate::worker) accounts: Arc<Accounts>,
    pub(in crate::worker) providers: Providers,
    pub(in crate::worker) clock: Arc<dyn Clock>,
}

impl Revocations {
    /// The CA that is asked to revoke it.
    pub(super) async fn ca_of(&self, id: CertificateId) -> Option<ProviderId> {
        let certificate = self.certificates.certificate(id).await.ok()?;
        match certificate.lifecycle.revocation.map(|revocation| revocation.by) {
            Some(RevokedBy::CertificateKey { provider }) => Some(provider),
            _ => Some(self.accounts.provider(certificate.account_id?).await.ok()?.id),
        }
    }

    /// Asks for each version whose revocation is open: a renewal may have replaced one since. What the CA refuses for
    /// good is written down for the client; what it cannot answer now is tried again.
    pub(super) async fn revoke(&self, id: CertificateId) -> Result<(), Failure> {
        let versions = match self.versions.certificate_versions(id).await {
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
        let (refusal, now) = (refusal.as_deref(), self.clock.now());
        let settled = self.lifecycle.settle_revocation(id, version, refusal, now);
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
        let answer = self.ca.revoke(&account, &certificate.cert_pem, revocation.reason);
        self.accounts.unless_forgotten(&account, answer.await).await
    }

    async fn revoke_by_key(
        &self,
        certificate: &Certificate,
        revocation: &Revocation,
        provider: ProviderId,
    ) -> Result<(), Failure> {
        let configured = self.providers.by_id(provider).ok_or_else(|| {
            let why = format!("provider {provider} is no longer configured");
            Failure::new(Class::Permanent, Stage::Request, Cause::NoProvider, why)
        })?;
        let stored = self.vault.get(&certificate.key_ref).await?;
        let key = keys::parse(&stored)?.key_pem;
        let (directory, pem) = (&configured.directory_url, &certificate.cert_pem);
        let revoked = self.ca.revoke_with_key(directory, &key, pem, revocation.reason);
        revoked.await
    }
}
