//! Whether the function starts.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    describe::words,
    envelope::{Answer, Data},
    permit::Anyone,
    resource::routes,
};

routes!["service": health];

#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(schema_with = ok)]
    status: &'static str,
}

const OK: &str = "ok";

fn ok() -> utoipa::openapi::ObjectBuilder {
    words([OK])
}

/// Whether the function starts. Needs no token and reads nothing.
#[utoipa::path(get, path = "/api/v1/health", operation_id = "health")]
async fn health(_: Anyone) -> Data<Health> {
    Ok(Answer(Health { status: OK }))
}
