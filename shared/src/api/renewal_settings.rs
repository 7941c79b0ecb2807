//! What clients decide about renewals: who starts them, what they make, with which key.

use serde::Serialize;

use super::{
    Api, ApiRequest, Data, data,
    error::ApiError,
    input::Body,
    renewals::{Renewed, certificate_id},
    wire::planned,
};
use crate::store::StoreError;
use certmint_core::{
    certificate::{RenewAs, RenewalTerms},
    renewal::{self, RenewMode, Renewal},
    words::{CertificateId, Timestamp},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    certificate_id: u64,
    renew_mode: &'static str,
    renew_at: Option<String>,
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

impl Api {
    /// POST `/certificates/renewal/disable-auto` and `/enable-auto`. A repeat changes nothing.
    pub(super) async fn set_renew_mode(&self, request: &ApiRequest, mode: RenewMode) -> Data {
        let id = certificate_id(request)?;
        self.change_renewal(id, |row, now| Ok(switched(row, mode, now)))
            .await
    }

    /// POST `/certificates/renewal/settings`. A renewal that is on its way goes on as it was begun.
    pub(super) async fn set_renewal_terms(&self, request: &ApiRequest) -> Data {
        let mut body = Body::parse(&request.body)?;
        let id = CertificateId::new(body.id("certificateId")?);
        let renew_as = body.opt_word("renewAs", &RenewAs::WORDS)?;
        let reuse_key = body.opt_flag("reuseKey")?;
        body.end()?;
        if renew_as.is_none() && reuse_key.is_none() {
            return Err(ApiError::missing("renewAs or reuseKey"));
        }
        self.change_renewal(id, |row, now| on_terms(row, renew_as, reuse_key, now))
            .await
    }

    async fn change_renewal(
        &self,
        id: CertificateId,
        change: impl Fn(&Renewed, Timestamp) -> Result<Renewal, ApiError>,
    ) -> Data {
        let mut row = self.renewable(id).await?;
        // A look of the worker may write in the same moment: then it is read again.
        for last in [false, false, true] {
            let changed = change(&row, self.clock.now())?;
            // One that was never written is written now, so that it is looked at.
            if changed == row.renewal && changed.revision > 0 {
                break;
            }
            match self.store.save_renewal(&changed).await {
                Ok(saved) => {
                    row.renewal = saved;
                    break;
                }
                Err(StoreError::Conflict { .. }) if !last => row = self.renewable(id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        let halt = renewal::halt(&row.renewal, &row.certificate);
        let renewal = row.renewal;
        data(&Settings {
            certificate_id: id.get(),
            renew_mode: renewal.mode.as_str(),
            renew_at: planned(&renewal, halt),
            renew_as: renewal.terms.renew_as.as_str(),
            reuse_key: renewal.terms.reuse_key,
        })
    }
}
