//! Certificates: listed together with the requests that have none yet, deleted, restored, revoked, bound.

use super::{
    Api, ApiRequest, Data, data,
    error::ApiError,
    input::{Body, id_in_path},
    wire::{BindingView, CertificateView},
};
use certmint_core::{
    certificate::{Binding, Certificate, CertificateStatus, RevocationReason, RevokedBy},
    words::CertificateId,
};

fn certificate_id(text: &str) -> Result<CertificateId, ApiError> {
    id_in_path(text).map(CertificateId::new)
}

/// A reason by name or number (RFC 5280 §5.3.1); without one it is `unspecified`.
fn reason(body: &mut Body) -> Result<RevocationReason, ApiError> {
    let Some(asked) = body.opt_word_or_number("reason")? else {
        return Ok(RevocationReason::default());
    };
    let fits = |r: &&RevocationReason| asked == r.as_str() || asked == r.code().to_string();
    RevocationReason::ALL.iter().find(fits).copied().ok_or_else(|| {
        let words: Vec<&str> = RevocationReason::ALL.iter().map(|r| r.as_str()).collect();
        ApiError::value(
            "reason",
            format!("must be one of {}, or its number", words.join(", ")),
        )
    })
}

impl Api {
    async fn view_of(&self, certificate: Certificate) -> Result<Option<CertificateView>, ApiError> {
        let mut rows = self.with_renewals(vec![certificate]).await?;
        Ok(rows.pop().map(|row| row.view(self.clock.now())))
    }

    /// GET `/certificates/{id}`.
    pub(super) async fn one_certificate(&self, id: &str) -> Data {
        let certificate = self.store.certificate(certificate_id(id)?).await?;
        let same = self.store.same_names(&certificate).await?;
        let view = self.view_of(certificate).await?;
        data(&view.map(|view| view.with_same_names(&same)))
    }

    /// POST `/certificate/{id}/delete`.
    pub(super) async fn delete_certificate(&self, id: &str) -> Data {
        let now = self.clock.now();
        let certificate = self.store.delete_certificate(certificate_id(id)?, now).await?;
        data(&self.view_of(certificate).await?)
    }

    /// POST `/certificate/{id}/restore`.
    pub(super) async fn restore_certificate(&self, id: &str) -> Data {
        let now = self.clock.now();
        let certificate = self.store.restore_certificate(certificate_id(id)?, now).await?;
        data(&self.view_of(certificate).await?)
    }

    /// The CA that is told of a certificate's key: its account's, or of an uploaded one the one that the client names.
    async fn ca_of(&self, id: CertificateId, provider: Option<&str>) -> Result<RevokedBy, ApiError> {
        let certificate = self.store.certificate(id).await?;
        let provider = match (certificate.account_id, provider) {
            (Some(account), None) => self.store.account(account).await?.provider_id,
            (Some(_), Some(_)) => {
                let why = "is for uploaded certificates; the CA of this one is known, so leave it out";
                return Err(ApiError::value("provider", why));
            }
            (None, None) => {
                let what = "provider (the name of the CA that issued an uploaded certificate)";
                return Err(ApiError::missing(what));
            }
            (None, Some(name)) => {
                let known = self.providers.by_name(name).map(|p| p.id);
                known.ok_or_else(|| ApiError::not_found("provider names no configured provider"))?
            }
        };
        Ok(RevokedBy::CertificateKey { provider })
    }

    /// POST `/certificate/{id}/revoke`: written down here, done by the worker.
    pub(super) async fn revoke_certificate(&self, id: &str, request: &ApiRequest) -> Data {
        let id = certificate_id(id)?;
        let mut body = Body::parse_optional(&request.body)?;
        let reason = reason(&mut body)?;
        let words = [("account", false), ("certificateKey", true)];
        let by_key = body.opt_word("by", &words)?.unwrap_or(false);
        let provider = body.opt_text("provider")?;
        body.end()?;
        let by = match (by_key, provider) {
            (true, provider) => self.ca_of(id, provider.as_deref()).await?,
            (false, None) => RevokedBy::Account,
            (false, Some(_)) => {
                let why = "is for by=certificateKey; an account knows its CA, so leave it out";
                return Err(ApiError::value("provider", why));
            }
        };
        let now = self.clock.now();
        let certificate = self.store.revoke_certificate(id, reason, by, now).await?;
        self.kick.kick().await;
        data(&self.view_of(certificate).await?)
    }

    /// POST `/certificates/{id}/bind` and `/unbind`.
    pub(super) async fn bind(&self, id: &str, request: &ApiRequest, active: bool) -> Data {
        let certificate_id = certificate_id(id)?;
        let mut body = Body::parse(&request.body)?;
        let website_id = body.id("websiteId")?;
        body.end()?;
        let now = self.clock.now();
        let certificate = self.store.certificate(certificate_id).await?;
        let status = certificate.status(now);
        if active && status != CertificateStatus::Issued {
            let state = status.as_str();
            return Err(ApiError::state(format!(
                "certificate {certificate_id} is {state}; a website needs an issued one"
            )));
        }
        let binding = Binding {
            certificate_id,
            website_id,
            active,
        };
        self.store.put_binding(&binding, now).await?;
        data(&BindingView::from(binding))
    }
}
