//! Emulated AWS behind one address, as `AWS_ENDPOINT_URL` wants it: DynamoDB, Route53, Secrets Manager, KMS,
//! EventBridge, SQS.

mod conflicts;
mod events;
mod kms;
mod queue;
mod refusal;
mod secrets;
mod table;

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    response::Response,
};
use bytes::Bytes;
use http_body_util::BodyExt;

pub use self::{
    events::Bus,
    kms::{ALIAS as KMS_ALIAS, Kms},
    queue::{NAME as WAKE_QUEUE, Queue},
    secrets::Secrets,
    table::Tables,
};
use self::{refusal::refusal, table::MAX_BODY};
use crate::route53::Route53;

/// The services.
#[derive(Clone)]
pub struct Aws {
    /// DynamoDB.
    pub tables: Tables,
    /// Route53.
    pub route53: Route53,
    /// Secrets Manager.
    pub secrets: Secrets,
    /// KMS.
    pub kms: Kms,
    /// EventBridge.
    pub bus: Bus,
    /// SQS: the queue of wakes.
    pub wakes: Queue,
}

impl Aws {
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .fallback(dispatch)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self)
    }
}

async fn dispatch(State(aws): State<Aws>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return refusal(400, "SerializationException", "the body did not arrive whole");
    };
    let request = http::Request::from_parts(parts, body.to_bytes());
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    match target.split('.').next() {
        Some("DynamoDB_20120810" | "DynamoDBStreams_20120810") => aws.tables.handle(request).await,
        Some("secretsmanager") => aws.secrets.handle(request).await,
        Some("TrentService") => aws.kms.handle(&request),
        Some("AWSEvents") => aws.bus.handle(&request),
        Some("AmazonSQS") => aws.wakes.handle(&request),
        _ if request.uri().path().starts_with("/2013-04-01/") => whole(aws.route53.handle(request).await),
        _ => refusal(
            400,
            "UnknownOperationException",
            "only DynamoDB, Route53, Secrets Manager, KMS, EventBridge and SQS are emulated here",
        ),
    }
}

fn whole(response: http::Response<Bytes>) -> Response {
    response.map(Body::from)
}
