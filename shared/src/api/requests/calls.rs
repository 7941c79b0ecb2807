//! Requests: listed, counted, tried again, ended or removed by a client.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    state::Requests,
    wire::{RequestView, STATUSES, status_words},
};
use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound, Nothing},
        envelope::{Answer, Data},
        error::ApiError,
        paging::{List, Paged},
        payload::{Json, NoBody},
        permit::{Read, Write},
        query::{FromQuery, Id, Params},
        resource::routes,
        state::Now,
    },
    store::RequestFilter,
};
use certmint_core::{
    issuance::RequestStatus,
    words::{AccountId, NumberRange, RequestId},
};

routes!["requests": list, get, summary, retry, cancel, delete];

/// More than any request has, whatever it is retried.
const ATTEMPTS: NumberRange = NumberRange::new(0, 1_000_000);

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Asked {
    #[param(schema_with = status_words)]
    status: Option<RequestStatus>,
    #[param(value_type = Option<u64>, minimum = 1)]
    account_id: Option<AccountId>,
    /// With at least so many tries that reached the CA.
    #[param(maximum = 1_000_000)]
    min_attempts: Option<u32>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            status: params.word("status", &STATUSES)?,
            account_id: params.id("accountId")?.map(AccountId::new),
            min_attempts: params
                .number("minAttempts", ATTEMPTS)?
                .and_then(|n| u32::try_from(n).ok()),
        })
    }
}

/// Requests, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/acme/certificate/requests",
    operation_id = "listRequests"
)]
async fn list(_: Read, State(requests): State<Requests>, paged: Paged<Asked>) -> Data<List<RequestView>> {
    let asked = &paged.asked;
    let filter = RequestFilter {
        status: asked.status,
        account_id: asked.account_id,
        min_attempts: asked.min_attempts,
        uncounted: false,
    };
    let found = requests.store.requests(&filter, &paged.page).await?;
    Ok(Answer(paged.answer(found, RequestView::from)))
}

/// One request.
#[utoipa::path(
    get,
    path = "/api/v1/acme/certificate/requests/{id}",
    operation_id = "getRequest",
    responses(NotFound)
)]
async fn get(_: Read, State(requests): State<Requests>, Id(id): Id) -> Data<RequestView> {
    let request = requests.store.request(RequestId::new(id)).await?;
    requests.shown(request).await
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// A number for each status, also for one that no request has.
    by_status: BTreeMap<&'static str, u64>,
    total: u64,
}

/// How many requests have each status.
#[utoipa::path(
    get,
    path = "/api/v1/acme/requests/summary",
    operation_id = "summarizeRequests"
)]
async fn summary(_: Read, State(requests): State<Requests>) -> Data<Summary> {
    let counts = requests.store.request_counts().await?;
    Ok(Answer(Summary {
        by_status: counts.iter().map(|(status, n)| (status.as_str(), *n)).collect(),
        total: counts.iter().map(|(_, n)| n).sum(),
    }))
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct RequestChoice {
    #[schema(value_type = u64, minimum = 1)]
    id: RequestId,
}

impl FromBody for RequestChoice {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            id: RequestId::new(fields.id("id")?),
        })
    }
}

/// Makes a failed request pending again, attempts 0, error cleared.
///
/// One with a csr needs the scope csr or keys beside write.
#[utoipa::path(
    post,
    path = "/api/v1/acme/certificate/retry",
    operation_id = "retryRequest",
    responses(NotFound, Conflict)
)]
async fn retry(
    write: Write,
    State(requests): State<Requests>,
    Now(now): Now,
    Json(RequestChoice { id }): Json<RequestChoice>,
) -> Data<Nothing> {
    write.issues_for(&requests.store.request(id).await?.key)?;
    requests.store.retry_request(id, now).await?;
    requests.kick.kick().await;
    Ok(Answer(Nothing))
}

/// Ends a request whose CSR was not sent; its TXT values are removed.
///
/// The worker takes them out of the zone.
#[utoipa::path(
    post,
    path = "/api/v1/acme/certificate/requests/{id}/cancel",
    operation_id = "cancelRequest",
    responses(NotFound, Conflict)
)]
async fn cancel(
    _: Write,
    State(requests): State<Requests>,
    Now(now): Now,
    Id(id): Id,
    _: NoBody,
) -> Data<RequestView> {
    let request = requests.lifecycle.cancel_request(RequestId::new(id), now).await?;
    requests.kick.kick().await;
    requests.shown(request).await
}

/// Removes a failed request that has no TXT value left in a zone.
///
/// The worker deletes its keys.
#[utoipa::path(
    post,
    path = "/api/v1/acme/certificate/requests/{id}/delete",
    operation_id = "deleteRequest",
    responses(NotFound, Conflict)
)]
async fn delete(
    _: Write,
    State(requests): State<Requests>,
    Now(now): Now,
    Id(id): Id,
    _: NoBody,
) -> Data<Nothing> {
    requests.lifecycle.delete_request(RequestId::new(id), now).await?;
    requests.kick.kick().await;
    Ok(Answer(Nothing))
}
