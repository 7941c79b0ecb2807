//! What a CA's limits leave, for a person who plans.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    describe::NotFound,
    envelope::{Answer, Data},
    error::ApiError,
    permit::Read,
    query::{FromQuery, Params, Query},
    resource::routes,
    state::{Capabilities, Now},
};
use crate::store::{AccountStore, RateLedger};
use certmint_core::{
    provider::{Bucket, Providers, of_name},
    words::{AccountId, DomainName},
};

routes!["accounts": limits];

#[derive(Clone)]
struct Books {
    accounts: Arc<dyn AccountStore>,
    rates: Arc<dyn RateLedger>,
    providers: Arc<Providers>,
}

impl FromRef<Capabilities> for Books {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            accounts: all.store.accounts.clone(),
            rates: all.store.rates.clone(),
            providers: all.providers.clone(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Limit)]
struct LimitView {
    kind: &'static str,
    /// The account, the registered domain or the name.
    subject: String,
    /// None that is known if null.
    limit: Option<u32>,
    window_seconds: Option<u64>,
    used: Option<u32>,
    #[schema(format = DateTime)]
    earliest_at: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Limits)]
struct LimitsView {
    account_id: u64,
    provider_id: u64,
    provider_name: String,
    /// One for each bucket.
    limits: Vec<LimitView>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Asked {
    #[param(value_type = u64, minimum = 1)]
    account_id: AccountId,
    /// With it, also the limits of its registered domain, of a certificate for just this name, and of failed
    /// authorizations.
    #[param(value_type = Option<String>)]
    domain: Option<DomainName>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let account_id = params.id("accountId")?.map(AccountId::new);
        Ok(Self {
            account_id: account_id.ok_or_else(|| ApiError::missing("accountId"))?,
            domain: params.parsed("domain")?,
        })
    }
}

/// What a CA's rate limits leave for an account and a name.
///
/// Two reads.
#[utoipa::path(
    get,
    path = "/api/v1/acme/limits",
    operation_id = "showLimits",
    responses(NotFound)
)]
async fn limits(
    _: Read,
    State(books): State<Books>,
    Now(now): Now,
    Query(asked): Query<Asked>,
) -> Data<LimitsView> {
    let account = books.accounts.account(asked.account_id).await?;
    let provider = books.providers.by_id(account.provider_id);
    let provider =
        provider.ok_or_else(|| ApiError::not_found("the account's provider is no longer configured"))?;
    let buckets = of_name(provider, asked.account_id, asked.domain.as_ref());
    let keys: Vec<_> = buckets.iter().map(|b| b.key.clone()).collect();
    let arrivals = books.rates.arrivals(&keys).await?;
    let view = |bucket: Bucket| {
        let arrival = arrivals.get(&bucket.key).copied();
        LimitView {
            kind: bucket.kind.as_str(),
            limit: bucket.limit.map(|l| l.count()),
            window_seconds: bucket.limit.map(|l| l.window().as_secs()),
            used: bucket.limit.map(|l| l.used(arrival, now)),
            earliest_at: bucket.earliest(arrival, now).to_string(),
            subject: bucket.subject,
        }
    };
    Ok(Answer(LimitsView {
        account_id: asked.account_id.get(),
        provider_id: provider.id.get(),
        provider_name: provider.name.clone(),
        limits: buckets.into_iter().map(view).collect(),
    }))
}
