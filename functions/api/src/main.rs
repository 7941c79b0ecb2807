//! The HTTP API behind API Gateway.

use certmint_shared::{
    api::{ApiRequest, AuthorizationHeader},
    start, telemetry,
};
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};

/// API Gateway's event as the API reads it.
fn read(event: &Request) -> ApiRequest {
    let header = |name: &str| {
        event
            .headers()
            .get(name)
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned)
    };
    ApiRequest {
        method: event.method().to_string(),
        path: event.raw_http_path().to_owned(),
        query: event
            .query_string_parameters()
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect(),
        authorization: header("authorization").map(AuthorizationHeader),
        idempotency_key: header("idempotency-key"),
        body: event.body().to_vec(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let api = &start::api().await?;
    run(service_fn(|event: Request| async move {
        let answer = api.handle(&read(&event)).await;
        let response = Response::builder()
            .status(answer.status)
            .header("content-type", "application/json")
            .header("cache-control", "no-store");
        Ok::<_, Error>(response.body(Body::from(answer.body))?)
    }))
    .await
}
