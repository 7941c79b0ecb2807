//! Certificates that end soon.

use std::time::Duration;

use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::state::Renewals;
use crate::{
    api::{
        certificates::{
            ERROR, Renewed, planned, renew_as_words, renew_mode_words, source_words, status_words,
            with_renewals,
        },
        envelope::{Answer, Data},
        error::ApiError,
        paging::{List, Paged},
        permit::Read,
        query::{FromQuery, Params},
        resource::routes,
        state::Now,
    },
    store::EndingFilter,
};
use certmint_core::{
    certificate::CertificateStatus,
    renewal::Halt,
    words::{NumberRange, Page, Timestamp, clip},
};

routes!["certificates": list];

const DAY: u64 = 24 * 60 * 60;
/// Longer than any certificate lives.
const DAYS: NumberRange = NumberRange::new(0, 3650);

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RenewalCandidate)]
struct Candidate {
    id: u64,
    /// The first of its names.
    name: String,
    #[schema(schema_with = status_words)]
    status: &'static str,
    domains: Vec<String>,
    #[schema(format = DateTime)]
    expire_at: String,
    #[schema(format = DateTime)]
    issue_at: String,
    #[schema(schema_with = source_words)]
    source: &'static str,
    #[schema(schema_with = renew_mode_words)]
    renew_mode: &'static str,
    #[schema(format = DateTime)]
    renew_at: Option<String>,
    #[schema(schema_with = renew_as_words)]
    renew_as: &'static str,
    reuse_key: bool,
    renewed_by: Option<u64>,
    renewal_reason: Option<String>,
    acme_account_id: Option<u64>,
    renewing: bool,
    last_error: Option<String>,
}

impl Candidate {
    fn of(row: Renewed, now: Timestamp) -> Self {
        let (halt, renewing, last_error) = (row.halt(), row.renewing(), row.last_error());
        let (certificate, renewal) = (row.certificate, row.renewal);
        let domains: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
        Self {
            id: certificate.id.get(),
            name: domains.first().cloned().unwrap_or_default(),
            status: certificate.status(now).as_str(),
            domains,
            expire_at: certificate.expires_at.to_string(),
            issue_at: certificate.not_before.to_string(),
            source: certificate.source.as_str(),
            renew_mode: renewal.mode.as_str(),
            renew_at: planned(&renewal, halt),
            renew_as: renewal.terms.renew_as.as_str(),
            reuse_key: renewal.terms.reuse_key,
            renewed_by: renewal.succeeded_by.map(|id| id.get()),
            renewal_reason: halt.map(Halt::reason),
            acme_account_id: certificate.account_id.map(|id| id.get()),
            renewing,
            last_error: last_error.map(|error| clip(&error, ERROR)),
        }
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Asked {
    /// Those that end in this many days, or have ended.
    #[param(required = false, minimum = 0, maximum = 3650, default = 30)]
    renew_before_days: u64,
    #[param(schema_with = status_words)]
    status: Option<CertificateStatus>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            renew_before_days: params.number("renewBeforeDays", DAYS)?.unwrap_or(30),
            status: params.word("status", &CertificateStatus::ALL.map(|s| (s.as_str(), s)))?,
        })
    }
}

/// Certificates that end soon, the earliest first.
#[utoipa::path(
    get,
    path = "/api/v1/certificates/renewal/candidates",
    operation_id = "listRenewalCandidates"
)]
async fn list(
    _: Read,
    State(renewals): State<Renewals>,
    Now(now): Now,
    paged: Paged<Asked>,
) -> Data<List<Candidate>> {
    let (asked, store) = (&paged.asked, &*renewals.store);
    let filter = EndingFilter {
        until: now.plus(Duration::from_secs(asked.renew_before_days * DAY)),
        status: asked.status,
        now,
    };
    let Page {
        list,
        total,
        next_cursor,
    } = store.ending(&filter, &paged.page).await?;
    let page = Page {
        list: with_renewals(store, list).await?,
        total,
        next_cursor,
    };
    Ok(Answer(paged.answer(page, |row| Candidate::of(row, now))))
}
