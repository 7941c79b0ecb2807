//! Renewals that a client starts.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::state::{CertificateChoice, Renewals, renewable};
use crate::{
    api::{
        describe::{Conflict, NotFound},
        envelope::{Answer, Data},
        error::ApiError,
        payload::Json,
        permit::Write,
        resource::routes,
        state::Now,
    },
    store::{AccountStore, StoreError},
};
use certmint_core::{
    account::AccountStatus,
    issuance::{MAX_ATTEMPTS, NewRequest},
    renewal,
    words::NameSet,
};

routes!["certificates": trigger];

/// Whether one of the accounts that a request names can be used now.
async fn one_is_usable(accounts: &dyn AccountStore, new: &NewRequest) -> Result<(), ApiError> {
    let mut first = None;
    for id in std::iter::once(&new.account_id).chain(&new.fallback.accounts) {
        let account = accounts.account(*id).await?;
        match account.status {
            AccountStatus::Failed | AccountStatus::Disabled => {
                first = first.or(Some((id, account.status.as_str())));
            }
            AccountStatus::Pending | AccountStatus::Active => return Ok(()),
        }
    }
    let (id, state) = first.map_or((&new.account_id, ""), |found| found);
    Err(ApiError::state(format!("account {id} is {state}; mend it first")))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RenewalStarted)]
struct Started {
    request_id: u64,
}

/// Renews a certificate now, on its terms.
///
/// A revoked one is renewed in spite of that. One with a client's key needs the scope csr or keys beside write.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/renewal/trigger",
    operation_id = "triggerRenewal",
    responses(NotFound, Conflict)
)]
async fn trigger(
    write: Write,
    State(renewals): State<Renewals>,
    Now(now): Now,
    Json(CertificateChoice { certificate_id: id }): Json<CertificateChoice>,
) -> Data<Started> {
    let row = renewable(&renewals, id).await?;
    let busy = |what: String| {
        ApiError::state(format!(
            "certificate {id} is being renewed by {what}; wait for it"
        ))
    };
    if let Some(request) = row.request.as_ref().filter(|r| !r.status.is_final()) {
        return Err(busy(format!("request {}", request.id)));
    }
    let Some(account_id) = row.certificate.account_id else {
        return Err(ApiError::state(format!("certificate {id} has no account")));
    };
    let names = NameSet::try_from(row.certificate.names.clone())
        .map_err(|e| ApiError::state(format!("certificate {id}: {e}")))?;
    let terms = row.renewal.terms;
    let certificate = &row.certificate;
    let new = renewals
        .requests
        .of(certificate, terms, account_id, names)
        .await?;
    write.issues_for(&new.key)?;
    one_is_usable(&*renewals.accounts, &new).await?;
    let wanted = renewal::wanted(&row.renewal, &row.certificate, now);
    let started = match renewals
        .store
        .start_renewal(&wanted, new, MAX_ATTEMPTS, now)
        .await
    {
        Ok(started) => started,
        // The worker or another call was faster, or a look wrote meanwhile.
        Err(StoreError::Conflict { .. }) => return Err(busy("another call".into())),
        Err(error) => return Err(error.into()),
    };
    renewals.kick.kick().await;
    Ok(Answer(Started {
        request_id: started.id.get(),
    }))
}
