//! Calls that change something.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{
    Api, ApiRequest, Data, data,
    eab::EabFields,
    error::ApiError,
    input::Body,
    wire::{CreatedAccount, RequestView},
};
use crate::store::Idempotency;
use certmint_core::{
    account::{AccountStatus, NewAccount},
    certificate::{KeyAlgorithm, KeyPlan, RenewAs},
    issuance::{MAX_ATTEMPTS, NewRequest},
    words::{AccountId, Email, NameSet, NameSetError, RequestId},
    x509::csr::{Csr, CsrError},
};

fn idempotency(request: &ApiRequest, call: &str) -> Result<Option<Idempotency>, ApiError> {
    let Some(key) = &request.idempotency_key else {
        return Ok(None);
    };
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ApiError::value(
            "Idempotency-Key",
            "must be 1 to 255 visible ASCII characters",
        ));
    }
    let body_hash = Sha256::digest(&request.body)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    Ok(Some(Idempotency {
        key: format!("{call}#{key}"),
        body_hash,
    }))
}

/// A profile's name. Which ones there are is the CA's to say: it is asked when the order is made.
fn profile(text: Option<String>) -> Result<Option<String>, ApiError> {
    let fits = |t: &String| {
        t.len() <= 64
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match text {
        Some(text) if !fits(&text) => Err(ApiError::value(
            "profile",
            "must be 1 to 64 letters, digits, dots, dashes or underscores",
        )),
        text => Ok(text),
    }
}

/// Whose key the certificate gets: ours of the kind asked for, or the client's.
fn key_plan(
    algorithm: Option<&str>,
    reuse: Option<bool>,
    csr: Option<&str>,
    names: &NameSet,
) -> Result<KeyPlan, ApiError> {
    let algorithm: Option<KeyAlgorithm> = algorithm
        .map(|text| text.parse().map_err(|e| ApiError::value("keyAlgorithm", e)))
        .transpose()?;
    let Some(pem) = csr else {
        let algorithm = algorithm.unwrap_or_default();
        let reuse = reuse.unwrap_or(false);
        return Ok(KeyPlan::Us { algorithm, reuse });
    };
    if reuse.is_some() {
        let why = "is for keys of ours; renewals of a csr have its key anyway, so leave it out";
        return Err(ApiError::value("reuseKey", why));
    }
    let csr = Csr::check(pem, names).map_err(|e| ApiError::value("csr", e))?;
    let found = csr
        .algorithm()
        .ok_or_else(|| ApiError::value("csr", CsrError::Key))?;
    if algorithm.is_some_and(|wanted| wanted != found) {
        let why = format!(
            "is not that of the csr, which is {}; leave it out",
            found.as_str()
        );
        return Err(ApiError::value("keyAlgorithm", why));
    }
    Ok(KeyPlan::Client {
        csr: BASE64_URL_SAFE_NO_PAD.encode(csr.der()),
        algorithm: found,
    })
}

impl Api {
    /// POST `/acme/account/create`.
    pub(super) async fn create_account(&self, request: &ApiRequest) -> Data {
        let key = idempotency(request, "account")?;
        let mut body = Body::parse(&request.body)?;
        let provider_name = body.text("providerName")?;
        let email: Email = body
            .text("email")?
            .parse()
            .map_err(|e| ApiError::value("email", e))?;
        let eab = EabFields::read(&mut body, self.clock.now())?;
        body.end()?;
        let provider = self
            .providers
            .by_name(&provider_name)
            .ok_or_else(|| ApiError::not_found("providerName names no configured provider"))?;
        if let Some(why) = &provider.retired {
            return Err(ApiError::state(why.clone()));
        }
        if eab.is_none() && provider.requires_eab {
            return Err(ApiError::missing(
                "eabKid (this provider needs eabKid and eabHmacKey; it)",
            ));
        }
        let eab = match eab {
            Some(eab) => Some(self.keep_eab(eab).await?),
            None => None,
        };
        let new = NewAccount {
            provider_id: provider.id,
            email,
            eab_kid: eab.as_ref().map(|e| e.kid.clone()),
            eab_key_ref: eab.as_ref().map(|e| e.key_ref.clone()),
            eab_expires_at: eab.as_ref().and_then(|e| e.expires_at),
        };
        let created = self.store.create_account(new, key, self.clock.now()).await;
        if let Some(eab) = eab {
            self.drop_unused(&eab, &created).await;
        }
        data(&CreatedAccount::from(created?))
    }

    /// POST `/acme/certificate/request`.
    pub(super) async fn create_request(&self, request: &ApiRequest) -> Data {
        let idempotency = idempotency(request, "request")?;
        let mut body = Body::parse(&request.body)?;
        let account_id = AccountId::new(body.id("accountId")?);
        let domains = body.texts("domains")?;
        let profile = profile(body.opt_text("profile")?)?;
        let force = body.flag("force")?;
        let algorithm = body.opt_text("keyAlgorithm")?;
        let csr = body.opt_pem("csr")?;
        let fallback = body.opt_ids("fallbackAccountIds")?;
        let reuse = body.opt_flag("reuseKey")?;
        let renew_as = body.opt_word("renewAs", &RenewAs::WORDS)?.unwrap_or_default();
        body.end()?;
        let names = NameSet::parse(&domains).map_err(|e| match e {
            NameSetError::Name { index, source } => ApiError::value(&format!("domains[{index}]"), source),
            other => ApiError::value("domains", other),
        })?;
        let key = key_plan(algorithm.as_deref(), reuse, csr.as_deref(), &names)?;
        let account = self.store.account(account_id).await?;
        if matches!(account.status, AccountStatus::Failed | AccountStatus::Disabled) {
            let state = account.status.as_str();
            return Err(ApiError::state(format!(
                "account {account_id} is {state}; use another or mend it first"
            )));
        }
        let fallback = self.fallback_of(account_id, fallback).await?;
        let new = NewRequest {
            profile,
            key,
            fallback,
            renew_as,
            ..NewRequest::new(account_id, names)
        };
        let now = self.clock.now();
        let answer = if force {
            RequestView::from(
                self.store
                    .create_request(new, MAX_ATTEMPTS, idempotency, now)
                    .await?,
            )
        } else {
            let flight = self
                .store
                .request_once(new, MAX_ATTEMPTS, idempotency, now)
                .await?;
            let view = RequestView::from(flight.request);
            if flight.joined { view.deduplicated() } else { view }
        };
        self.kick.kick().await;
        data(&answer)
    }

    /// POST `/acme/certificate/retry`.
    pub(super) async fn retry(&self, request: &ApiRequest) -> Data {
        let mut body = Body::parse(&request.body)?;
        let id = RequestId::new(body.id("id")?);
        body.end()?;
        self.store.retry_request(id, self.clock.now()).await?;
        self.kick.kick().await;
        data(&())
    }
}
