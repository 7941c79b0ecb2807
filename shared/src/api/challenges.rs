//! TXT values of DNS-01 challenges.

use std::sync::Arc;

use axum::extract::State;
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
};
use crate::store::ChallengeStore;
use certmint_core::challenge::{DesiredState, TXT_TTL, TxtRecord, TxtStatus};

routes!["challenges": list];

const DESIRED: [(&str, DesiredState); 2] = [
    ("present", DesiredState::Present),
    ("absent", DesiredState::Absent),
];

const TXT: &str = "TXT";
const OWNER_TYPE: &str = "acme_challenge";

fn type_words() -> ObjectBuilder {
    words([TXT])
}

fn owner_words() -> ObjectBuilder {
    words([OWNER_TYPE])
}

fn desired_words() -> ObjectBuilder {
    words(DESIRED.map(|(word, _)| word))
}

fn asked_words() -> ObjectBuilder {
    desired_words().description(Some("Also read as desiredState"))
}

fn status_words() -> ObjectBuilder {
    words([TxtStatus::Pending, TxtStatus::Active, TxtStatus::Removed].map(TxtStatus::as_str))
}

/// A value in a TXT record.
#[derive(Serialize, ToSchema)]
#[schema(as = Challenge)]
struct TxtView {
    #[schema(schema_with = type_words)]
    r#type: &'static str,
    /// Relative to the zone.
    #[schema(example = "_acme-challenge.www")]
    name: String,
    value: String,
    ttl: u32,
    zone: String,
    #[schema(schema_with = status_words)]
    status: &'static str,
    #[schema(schema_with = desired_words)]
    desired_state: &'static str,
    #[schema(schema_with = owner_words)]
    owner_type: &'static str,
    /// The request's id.
    owner_id: u64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<TxtRecord> for TxtView {
    fn from(record: TxtRecord) -> Self {
        Self {
            r#type: TXT,
            name: record.fqdn.relative_to(&record.zone).to_owned(),
            value: record.value,
            ttl: TXT_TTL,
            zone: record.zone.to_string(),
            status: record.status.as_str(),
            desired_state: record.desired_state.as_str(),
            owner_type: OWNER_TYPE,
            owner_id: record.owner_id.get(),
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
        }
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    #[param(schema_with = asked_words)]
    desired_state: Option<DesiredState>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let asked = ["desired_state", "desiredState"].map(|name| params.word(name, &DESIRED));
        let [snake, camel] = asked;
        match (snake?, camel?) {
            (Some(_), Some(_)) => Err(ApiError::value(
                "desiredState",
                "is there twice, once as desired_state; send one of them",
            )),
            (snake, camel) => Ok(Self {
                desired_state: snake.or(camel),
            }),
        }
    }
}

/// TXT values that were put into zones, newest first.
#[utoipa::path(get, path = "/api/v1/acme/challenges", operation_id = "listChallenges")]
async fn list(
    _: Read,
    State(store): State<Arc<dyn ChallengeStore>>,
    paged: Paged<Asked>,
) -> Data<List<TxtView>> {
    let found = store.txt_records(paged.asked.desired_state, &paged.page).await?;
    Ok(Answer(paged.answer(found, TxtView::from)))
}
