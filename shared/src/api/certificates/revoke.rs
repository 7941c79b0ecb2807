//! Revocations: written down here, done by the worker.

use axum::extract::State;
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{
        ObjectBuilder,
        schema::{SchemaType, Type},
    },
};

use super::{
    state::Certificates,
    wire::{CertificateView, REVOKERS, revoker_words},
};
use crate::api::{
    body::{Fields, FromBody},
    describe::{Conflict, NotFound},
    envelope::{Answer, Data},
    error::ApiError,
    payload::Json,
    permit::Write,
    query::Id,
    resource::routes,
    state::Now,
};
use certmint_core::{
    certificate::{RevocationReason, RevokedBy},
    words::CertificateId,
};

routes!["certificates": revoke];

/// Without a body: unspecified, signed by the account.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevocationWish)]
struct Wanted {
    #[schema(required = false, schema_with = reasons)]
    reason: RevocationReason,
    /// Whether the certificate's key signs.
    #[schema(required = false, rename = "by", schema_with = revoker_words)]
    by_key: bool,
    /// With certificateKey of an uploaded certificate, the configured provider that issued it.
    provider: Option<String>,
}

fn reasons() -> ObjectBuilder {
    let all = RevocationReason::ALL.iter();
    let values = all
        .clone()
        .map(|r| json!(r.as_str()))
        .chain(all.map(|r| json!(r.code())));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Integer, Type::Null]))
        .enum_values(Some(values.chain([json!(null)])))
        .description(Some("A name, or its number in RFC 5280 section 5.3.1"))
}

/// A reason by name or number (RFC 5280 §5.3.1); without one it is `unspecified`.
fn revocation_reason(fields: &mut Fields) -> Result<RevocationReason, ApiError> {
    let Some(asked) = fields.opt_word_or_number("reason")? else {
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

impl FromBody for Wanted {
    const OPTIONAL: bool = true;

    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            reason: revocation_reason(fields)?,
            by_key: fields.opt_word("by", &REVOKERS)?.unwrap_or(false),
            provider: fields.opt_text("provider")?,
        })
    }
}

/// The CA that is told of a certificate's key: its account's, or of an uploaded one the one that the client names.
async fn ca_of(
    certificates: &Certificates,
    id: CertificateId,
    provider: Option<&str>,
) -> Result<RevokedBy, ApiError> {
    let certificate = certificates.store.certificate(id).await?;
    let provider = match (certificate.account_id, provider) {
        (Some(account), None) => certificates.accounts.account(account).await?.provider_id,
        (Some(_), Some(_)) => {
            let why = "is for uploaded certificates; the CA of this one is known, so leave it out";
            return Err(ApiError::value("provider", why));
        }
        (None, None) => {
            let what = "provider (the name of the CA that issued an uploaded certificate)";
            return Err(ApiError::missing(what));
        }
        (None, Some(name)) => {
            let known = certificates.providers.by_name(name).map(|p| p.id);
            known.ok_or_else(|| ApiError::not_found("provider names no configured provider"))?
        }
    };
    Ok(RevokedBy::CertificateKey { provider })
}

/// Has the CA revoke a certificate; the worker does it.
#[utoipa::path(
    post,
    path = "/api/v1/certificate/{id}/revoke",
    operation_id = "revokeCertificate",
    responses(NotFound, Conflict)
)]
async fn revoke(
    _: Write,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Id(id): Id,
    Json(wanted): Json<Wanted>,
) -> Data<CertificateView> {
    let id = CertificateId::new(id);
    let by = match (wanted.by_key, wanted.provider) {
        (true, provider) => ca_of(&certificates, id, provider.as_deref()).await?,
        (false, None) => RevokedBy::Account,
        (false, Some(_)) => {
            let why = "is for by=certificateKey; an account knows its CA, so leave it out";
            return Err(ApiError::value("provider", why));
        }
    };
    let lifecycle = &certificates.lifecycle;
    let certificate = lifecycle.revoke_certificate(id, wanted.reason, by, now).await?;
    certificates.kick.kick().await;
    Ok(Answer(certificates.view(certificate, now).await?))
}
