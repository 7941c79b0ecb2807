//! The configured CAs.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema, openapi::ObjectBuilder};

use super::{
    describe::words,
    envelope::{Answer, Data},
    error::ApiError,
    paging::{List, Paged},
    permit::Read,
    query::{FromQuery, Params},
    resource::routes,
    state::Capabilities,
};
use crate::store::{ProviderHealth, ProviderTrouble};
use certmint_core::{
    provider::{Limits, OrderRules, Provider, Providers},
    words::{Page, Timestamp},
};

routes!["accounts": list];

#[derive(Clone)]
struct Known {
    providers: Arc<Providers>,
    health: Arc<dyn ProviderHealth>,
}

impl FromRef<Capabilities> for Known {
    fn from_ref(all: &Capabilities) -> Self {
        Self {
            providers: all.providers.clone(),
            health: all.store.health.clone(),
        }
    }
}

fn status_words() -> ObjectBuilder {
    words(["active", "inactive"])
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Provider)]
struct ProviderView {
    id: u64,
    name: String,
    #[schema(format = "uri")]
    directory_url: String,
    requires_eab: bool,
    /// What is counted; see docs/providers.md.
    #[schema(value_type = Object)]
    limits: Limits,
    /// What it takes in one order; see docs/providers.md.
    #[schema(value_type = Object)]
    orders: OrderRules,
    preferred_chain: Option<String>,
    /// Whether its HTTPS is trusted by roots of its own.
    own_roots: bool,
    #[schema(schema_with = status_words)]
    status: &'static str,
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    unreachable_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    not_before: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl ProviderView {
    fn of(provider: &Provider, trouble: Option<&ProviderTrouble>) -> Self {
        Self {
            id: provider.id.get(),
            name: provider.name.clone(),
            directory_url: provider.directory_url.clone(),
            requires_eab: provider.requires_eab,
            limits: provider.limits,
            orders: provider.orders.clone(),
            preferred_chain: provider.preferred_chain.clone(),
            own_roots: provider.roots.is_some(),
            status: match (&provider.retired, trouble) {
                (None, None) => "active",
                _ => "inactive",
            },
            last_error: trouble
                .map(|t| t.last_error.clone())
                .or_else(|| provider.retired.clone()),
            unreachable_since: trouble.map(|t| t.since.to_string()),
            not_before: trouble.map(|t| t.retry_at.to_string()),
            // Providers come with the deployment's settings, which have no date of their own.
            created_at: Timestamp::ZERO.to_string(),
            updated_at: trouble.map_or(Timestamp::ZERO, |t| t.updated_at).to_string(),
        }
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Asked {
    requires_eab: Option<bool>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            requires_eab: params.flag("requiresEab")?,
        })
    }
}

/// The configured CAs.
#[utoipa::path(get, path = "/api/v1/acme/providers", operation_id = "listProviders")]
async fn list(_: Read, State(known): State<Known>, paged: Paged<Asked>) -> Data<List<ProviderView>> {
    let troubles = known.health.provider_troubles().await?;
    let fits = |p: &&Provider| {
        let asked = paged.asked.requires_eab;
        asked.is_none_or(|wanted| wanted == p.requires_eab)
    };
    let fitting: Vec<_> = known.providers.iter().filter(fits).collect();
    let row = |p: &Provider| ProviderView::of(p, troubles.iter().find(|t| t.provider_id == p.id));
    Ok(Answer(paged.answer(Page::of_all(fitting, &paged.page), row)))
}
