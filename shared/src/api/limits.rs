//! What a CA's limits leave, for a person who plans.

use serde::Serialize;

use super::{Api, Data, data, error::ApiError, input::Params};
use certmint_core::{
    provider::{Bucket, of_name},
    words::{AccountId, DomainName},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LimitView {
    kind: &'static str,
    subject: String,
    limit: Option<u32>,
    window_seconds: Option<u64>,
    used: Option<u32>,
    earliest_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LimitsView {
    account_id: u64,
    provider_id: u64,
    provider_name: String,
    limits: Vec<LimitView>,
}

impl Api {
    /// GET `/acme/limits?accountId=&domain=`: two reads.
    pub(super) async fn limits(&self, params: &Params<'_>) -> Data {
        let id = params.number("accountId")?.map(AccountId::new);
        let id = id.ok_or_else(|| ApiError::missing("accountId"))?;
        let name: Option<DomainName> = params
            .get("domain")
            .map(|text| text.parse().map_err(|e| ApiError::value("domain", e)))
            .transpose()?;
        let account = self.store.account(id).await?;
        let provider = self
            .providers
            .by_id(account.provider_id)
            .ok_or_else(|| ApiError::not_found("the account's provider is no longer configured"))?;
        let buckets = of_name(provider, id, name.as_ref());
        let keys: Vec<_> = buckets.iter().map(|b| b.key.clone()).collect();
        let arrivals = self.store.arrivals(&keys).await?;
        let now = self.clock.now();
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
        data(&LimitsView {
            account_id: id.get(),
            provider_id: provider.id.get(),
            provider_name: provider.name.clone(),
            limits: buckets.into_iter().map(view).collect(),
        })
    }
}
