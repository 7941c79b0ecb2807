//! Effects around the certificate itself: its key and CSR, its check, its record.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use super::{effects::Fault, job::Job, key_reuse::Reuse};
use crate::acme::CaAccount;
use crate::worker::issuer::Issuer as Worker;
use certmint_core::{
    certificate::{Certificate, CertificateSource, KeyAlgorithm, KeyPlan, Lifecycle},
    issuance::{Event, Request, key_name},
    words::{Cause, CertificateId, Class, Failure, NameSet, Stage},
    x509::{
        chain::{self, CheckedCertificate},
        csr::Csr,
        keys,
    },
};

impl Worker {
    /// Key and CSR are stored under a name that request and order decide: a repeat finds the first pair, a new order
    /// has a new one. Where the client has the key, nothing is stored: its CSR is part of the request.
    pub(in crate::worker) async fn store_key(&self, job: &Job) -> Result<Event, Fault> {
        let request = &job.request;
        let KeyPlan::Us { algorithm, .. } = request.key else {
            let key_ref = String::new();
            return Ok(Event::KeyStored { key_ref, about: None });
        };
        let key_ref = key_name(request.id, request.issuance.order_number());
        let owner = format!("request {} of {}", request.id, request.created_at.millis());
        let (fresh, about) = match self.reuse(request).await? {
            Reuse::Key(key) => {
                let about = "the key of the certificate that is renewed".to_owned();
                (keys::again(&key, &request.names, &owner)?, Some(about))
            }
            Reuse::New(why) => {
                let fresh = make_key(request.names.clone(), algorithm, owner.clone()).await?;
                (fresh, why)
            }
        };
        let made = keys::parse(&fresh)?.key_pem;
        let stored = self.adapters.vault.put_if_absent(&key_ref, fresh).await;
        let stored = stored?;
        keys::check(&key_ref, &stored, &request.names, algorithm, &owner)?;
        let stored = keys::parse(&stored)?;
        self.check_not_given_away(request, &stored.csr).await?;
        // A repeat found the first pair, whatever it would make now.
        let is_first = stored.key_pem.expose_secret() == made.expose_secret();
        let about = about.map(|about| match is_first {
            true => about,
            false => "the one that was stored first".to_owned(),
        });
        Ok(Event::KeyStored { key_ref, about })
    }

    /// What is sent to finalize.
    pub(in crate::worker) async fn csr(&self, request: &Request, key_ref: &str) -> Result<Vec<u8>, Failure> {
        match &request.key {
            KeyPlan::Us { .. } => {
                let stored = self.adapters.vault.get(key_ref).await?;
                let csr = keys::parse(&stored)?.csr;
                self.check_not_given_away(request, &csr).await?;
                Ok(csr)
            }
            KeyPlan::Client { csr, .. } => Ok(client_csr(csr)?.der().to_vec()),
        }
    }

    async fn check(
        &self,
        request: &Request,
        key_ref: &str,
        pem: &str,
    ) -> Result<CheckedCertificate, Failure> {
        let now = self.now();
        match &request.key {
            KeyPlan::Us { .. } => {
                let stored = self.adapters.vault.get(key_ref).await?;
                let material = keys::parse(&stored)?;
                chain::check_chain(pem, &material.key_pem, &request.names, now)
            }
            KeyPlan::Client { csr, .. } => {
                chain::check_chain_of(pem, client_csr(csr)?.public_key(), &request.names, now)
            }
        }
    }

    pub(in crate::worker) async fn record(
        &self,
        job: &Job,
        account: &CaAccount,
        order_url: &str,
        key_ref: String,
    ) -> Result<Event, Fault> {
        let Some(pem) = self.adapters.ca.certificate(account, order_url).await? else {
            return Ok(Event::NotYet {
                not_before: None,
                reason: "the CA is issuing".into(),
            });
        };
        let now = self.now();
        let checked = self.check(&job.request, &key_ref, &pem).await;
        let checked = checked.inspect_err(|f| {
            if f.problem.cause == Cause::CertificateMismatch {
                tracing::error!(
                    request_id = job.request.id.get(),
                    alarm = "certificate",
                    detail = f.problem.detail,
                    "refused certificate"
                );
            }
        })?;
        let provider = self.provider_name(account);
        let certificate = Certificate {
            id: CertificateId::new(0),
            fingerprint: checked.fingerprint,
            serial: checked.serial,
            issuer: checked.issuer,
            names: job.request.names.as_slice().to_vec(),
            not_before: checked.not_before,
            expires_at: checked.expires_at,
            cert_pem: checked.cert_pem,
            chain_pem: checked.chain_pem,
            key_ref,
            source: CertificateSource::Acme,
            account_id: Some(account.id),
            provider,
            request_id: Some(job.request.id),
            profile: job.request.profile.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
            lifecycle: Lifecycle::default(),
        };
        let recorded = self.keep(&job.request, certificate).await?;
        Ok(Event::CertificateRecorded {
            certificate_id: recorded.id,
        })
    }

    fn provider_name(&self, account: &CaAccount) -> String {
        let named = self
            .adapters
            .providers
            .iter()
            .find(|p| p.directory_url == account.directory_url);
        named.map(|p| p.name.clone()).unwrap_or_default()
    }
}

/// A new key; one that takes long is made beside the other work.
async fn make_key(names: NameSet, algorithm: KeyAlgorithm, owner: String) -> Result<SecretString, Failure> {
    if !algorithm.is_slow() {
        return keys::generate(&names, algorithm, &owner);
    }
    let made = tokio::task::spawn_blocking(move || keys::generate(&names, algorithm, &owner)).await;
    made.unwrap_or_else(|e| {
        let text = format!("making the key was interrupted: {e}");
        Err(Failure::new(
            Class::Transient,
            Stage::Request,
            Cause::Crypto,
            text,
        ))
    })
}

/// The CSR that the client sent, as the API checked and stored it.
fn client_csr(text: &str) -> Result<Csr, Failure> {
    let der = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    Csr::read(&der)
        .map_err(|e| Failure::new(Class::Permanent, Stage::Request, Cause::Csr, format!("csr {e}")))
}
