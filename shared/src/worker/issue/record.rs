//! The certificate: its check and its record.

use std::sync::Arc;

use super::key_steps::KeySteps;
use crate::{
    acme::CaAccount,
    store::{CertificateStore, RenewalStore, StoreError},
    worker::renew,
};
use certmint_core::{
    certificate::{Certificate, CertificateSource, Lifecycle},
    clock::Clock,
    issuance::{Event, Request},
    provider::Providers,
    words::{Cause, CertificateId, Failure},
};

/// Records what the CA issued.
pub(super) struct Recorder {
    pub(super) certificates: Arc<dyn CertificateStore>,
    pub(super) renewals: Arc<dyn RenewalStore>,
    pub(super) keys: KeySteps,
    pub(super) providers: Providers,
    pub(super) clock: Arc<dyn Clock>,
}

impl Recorder {
    /// Records the chain of a request's certificate, once it was checked against its key and names.
    pub(super) async fn record(
        &self,
        request: &Request,
        account: &CaAccount,
        key_ref: String,
        pem: &str,
    ) -> Result<Event, Failure> {
        let now = self.clock.now();
        let checked = self.keys.check_chain(request, &key_ref, pem, now).await;
        let checked = checked.inspect_err(|f| {
            if matches!(f.problem.cause, Cause::CertificateMismatch | Cause::KeylessOrder) {
                tracing::error!(
                    request_id = request.id.get(),
                    alarm = "certificate",
                    detail = f.problem.detail,
                    "refused certificate"
                );
            }
        })?;
        let certificate = Certificate {
            id: CertificateId::new(0),
            fingerprint: checked.fingerprint,
            serial: checked.serial,
            issuer: checked.issuer,
            names: request.names.as_slice().to_vec(),
            not_before: checked.not_before,
            expires_at: checked.expires_at,
            cert_pem: checked.cert_pem,
            chain_pem: checked.chain_pem,
            key_ref,
            source: CertificateSource::Acme,
            account_id: Some(account.id),
            provider: self.provider_name(account),
            request_id: Some(request.id),
            profile: request.profile.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
            lifecycle: Lifecycle::default(),
        };
        let recorded = renew::keep(&*self.certificates, &*self.renewals, request, certificate).await;
        let recorded = recorded.inspect_err(|error| {
            if let StoreError::TooLarge { .. } = error {
                let request_id = request.id.get();
                tracing::error!(request_id, alarm = "certificate", %error, "certificate not kept");
            }
        })?;
        Ok(Event::CertificateRecorded {
            certificate_id: recorded.id,
        })
    }

    fn provider_name(&self, account: &CaAccount) -> String {
        let named = self
            .providers
            .iter()
            .find(|p| p.directory_url == account.directory_url);
        named.map(|p| p.name.clone()).unwrap_or_default()
    }
}
