//! A request's key and CSR, and what is checked against them.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use super::key_reuse::{KeyReuse, Reuse};
use crate::vault::KeyVault;
use certmint_core::{
    certificate::{KeyAlgorithm, KeyPlan},
    issuance::{Event, Request, key_name},
    words::{Cause, Class, Failure, NameSet, Stage, Timestamp},
    x509::{
        chain::{self, CheckedCertificate},
        csr::Csr,
        keys,
    },
};

/// Makes keys and keeps them in the vault.
#[derive(Clone)]
pub(super) struct KeySteps {
    pub(super) vault: Arc<dyn KeyVault>,
    pub(super) reuse: KeyReuse,
}

impl KeySteps {
    /// Key and CSR are stored under a name that request and order decide: a repeat finds the first pair, a new order
    /// has a new one. Where the client has the key, nothing is stored: its CSR is part of the request.
    pub(super) async fn store(&self, request: &Request) -> Result<Event, Failure> {
        let KeyPlan::Us { algorithm, .. } = request.key else {
            let key_ref = String::new();
            return Ok(Event::KeyStored { key_ref, about: None });
        };
        let key_ref = key_name(request.id, request.issuance.order_number());
        let owner = format!("request {} of {}", request.id, request.created_at.millis());
        let (fresh, about) = match self.reuse.decide(request).await? {
            Reuse::Key(key) => {
                let about = "the key of the certificate that is renewed".to_owned();
                (keys::with_key(&key, &request.names, &owner)?, Some(about))
            }
            Reuse::New(why) => {
                let fresh = make_key(request.names.clone(), algorithm, owner.clone()).await?;
                (fresh, why)
            }
        };
        let made = keys::parse(&fresh)?.key_pem;
        let stored = self.vault.put_if_absent(&key_ref, fresh).await?;
        keys::check(&key_ref, &stored, &request.names, algorithm, &owner)?;
        let stored = keys::parse(&stored)?;
        self.reuse.check_not_given_away(request, &stored.csr).await?;
        // A repeat found the first pair, whatever it would make now.
        let is_first = stored.key_pem.expose_secret() == made.expose_secret();
        let about = about.map(|about| match is_first {
            true => about,
            false => "the one that was stored first".to_owned(),
        });
        Ok(Event::KeyStored { key_ref, about })
    }

    /// What is sent to finalize.
    pub(super) async fn csr(&self, request: &Request, key_ref: &str) -> Result<Vec<u8>, Failure> {
        match &request.key {
            KeyPlan::Us { .. } => {
                let stored = self.vault.get(key_ref).await?;
                let csr = keys::parse(&stored)?.csr;
                self.reuse.check_not_given_away(request, &csr).await?;
                Ok(csr)
            }
            KeyPlan::Client { csr, .. } => Ok(client_csr(csr)?.der().to_vec()),
        }
    }

    /// Whether a chain fits the request's key and names.
    pub(super) async fn check_chain(
        &self,
        request: &Request,
        key_ref: &str,
        pem: &str,
        now: Timestamp,
    ) -> Result<CheckedCertificate, Failure> {
        match &request.key {
            KeyPlan::Us { .. } => {
                let stored = self.vault.get(key_ref).await?;
                let material = keys::parse(&stored)?;
                chain::check_chain(pem, &material.key_pem, &request.names, now)
            }
            KeyPlan::Client { csr, .. } => {
                chain::check_chain_of(pem, client_csr(csr)?.public_key(), &request.names, now)
            }
        }
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
