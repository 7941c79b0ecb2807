//! What clients decide about renewals: who starts them, what they make, with which key.

use axum::extract::State;
use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use super::state::{CertificateChoice, Renewals, renewable};
use crate::{
    api::{
        body::{Fields, FromBody},
        certificates::{Renewed, planned, renew_as_words, renew_mode_words},
        describe::{Conflict, NotFound, words_or_null},
        envelope::{Answer, Data},
        error::ApiError,
        payload::Json,
        permit::Write,
        resource::routes,
        state::Now,
    },
    store::StoreError,
};
use certmint_core::{
    certificate::{RenewAs, RenewalTerms},
    renewal::{self, RenewMode, Renewal},
    words::{CertificateId, Timestamp},
};

routes!["certificates": disable_auto, enable_auto, set_terms];

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RenewalSettings)]
struct Settings {
    certificate_id: u64,
    #[schema(schema_with = renew_mode_words)]
    renew_mode: &'static str,
    #[schema(format = DateTime)]
    renew_at: Option<String>,
    #[schema(schema_with = renew_as_words)]
    renew_as: &'static str,
    reuse_key: bool,
}

/// The same renewal switched on or off.
fn switched(row: &Renewed, mode: RenewMode, now: Timestamp) -> Renewal {
    let renewal = match mode {
        RenewMode::Auto => renewal::wanted(&row.renewal, &row.certificate, now),
        RenewMode::Manual => row.renewal.clone(),
    };
    match (renewal.mode, renewal.despite) == (mode, row.renewal.despite) {
        true => row.renewal.clone(),
        false => renewal::in_mode(&renewal, mode, now),
    }
}

/// The same renewal on other terms.
fn on_terms(
    row: &Renewed,
    renew_as: Option<RenewAs>,
    reuse_key: Option<bool>,
    now: Timestamp,
) -> Result<Renewal, ApiError> {
    let (id, old) = (row.certificate.id, row.renewal.terms);
    if reuse_key.is_some() && !row.certificate.has_key() {
        return Err(ApiError::state(format!(
            "certificate {id} was made for a CSR: its renewals have that key"
        )));
    }
    let terms = RenewalTerms {
        renew_as: renew_as.unwrap_or(old.renew_as),
        reuse_key: reuse_key.unwrap_or(old.reuse_key),
    };
    Ok(match terms == old {
        true => row.renewal.clone(),
        false => Renewal {
            terms,
            updated_at: now,
            ..row.renewal.clone()
        },
    })
}

async fn change_renewal(
    renewals: &Renewals,
    id: CertificateId,
    change: impl Fn(&Renewed) -> Result<Renewal, ApiError>,
) -> Data<Settings> {
    let mut row = renewable(renewals, id).await?;
    // A look of the worker may write in the same moment: then it is read again.
    for last in [false, false, true] {
        let changed = change(&row)?;
        // One that was never written is written now, so that it is looked at.
        if changed == row.renewal && changed.revision > 0 {
            break;
        }
        match renewals.store.save_renewal(&changed).await {
            Ok(saved) => {
                row.renewal = saved;
                break;
            }
            Err(StoreError::Conflict { .. }) if !last => row = renewable(renewals, id).await?,
            Err(error) => return Err(error.into()),
        }
    }
    let halt = renewal::halt(&row.renewal, &row.certificate);
    let renewal = row.renewal;
    Ok(Answer(Settings {
        certificate_id: id.get(),
        renew_mode: renewal.mode.as_str(),
        renew_at: planned(&renewal, halt),
        renew_as: renewal.terms.renew_as.as_str(),
        reuse_key: renewal.terms.reuse_key,
    }))
}

/// The worker no longer renews it by itself.
///
/// A repeat changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/renewal/disable-auto",
    operation_id = "disableAutoRenewal",
    responses(NotFound, Conflict)
)]
async fn disable_auto(
    _: Write,
    State(renewals): State<Renewals>,
    Now(now): Now,
    Json(CertificateChoice { certificate_id: id }): Json<CertificateChoice>,
) -> Data<Settings> {
    let change = |row: &Renewed| Ok(switched(row, RenewMode::Manual, now));
    change_renewal(&renewals, id, change).await
}

/// The worker renews it when it is due.
///
/// A repeat changes nothing. One with a client's key needs the scope csr or keys beside write.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/renewal/enable-auto",
    operation_id = "enableAutoRenewal",
    responses(NotFound, Conflict)
)]
async fn enable_auto(
    write: Write,
    State(renewals): State<Renewals>,
    Now(now): Now,
    Json(CertificateChoice { certificate_id: id }): Json<CertificateChoice>,
) -> Data<Settings> {
    let change = |row: &Renewed| {
        if !row.certificate.has_key() {
            write.issues_for_client()?;
        }
        Ok(switched(row, RenewMode::Auto, now))
    };
    change_renewal(&renewals, id, change).await
}

/// At least one of renewAs and reuseKey.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RenewalTerms, min_properties = 2)]
struct NewTerms {
    #[schema(value_type = u64, minimum = 1)]
    certificate_id: CertificateId,
    #[schema(schema_with = asked_renew_as)]
    renew_as: Option<RenewAs>,
    reuse_key: Option<bool>,
}

fn asked_renew_as() -> ObjectBuilder {
    words_or_null(RenewAs::WORDS.map(|(word, _)| word))
}

impl FromBody for NewTerms {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            certificate_id: CertificateId::new(fields.id("certificateId")?),
            renew_as: fields.opt_word("renewAs", &RenewAs::WORDS)?,
            reuse_key: fields.opt_flag("reuseKey")?,
        })
    }
}

/// What the next renewals make, and with which key.
///
/// A renewal that is on its way goes on as it was begun.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/renewal/settings",
    operation_id = "setRenewalTerms",
    responses(NotFound, Conflict)
)]
async fn set_terms(
    _: Write,
    State(renewals): State<Renewals>,
    Now(now): Now,
    Json(wanted): Json<NewTerms>,
) -> Data<Settings> {
    if wanted.renew_as.is_none() && wanted.reuse_key.is_none() {
        return Err(ApiError::missing("renewAs or reuseKey"));
    }
    let change = |row: &Renewed| on_terms(row, wanted.renew_as, wanted.reuse_key, now);
    change_renewal(&renewals, wanted.certificate_id, change).await
}
