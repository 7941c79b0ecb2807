//! The HTTP API behind API Gateway.

use certmint_shared::{start, telemetry};
use lambda_http::{Error, Request, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let api = &start::api().await?;
    run(service_fn(|event: Request| async move {
        Ok::<_, Error>(api.handle(event).await)
    }))
    .await
}
