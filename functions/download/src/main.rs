//! The calls of the HTTP API that hand out private keys, behind API Gateway: what reads keys answers nothing else.

use certmint_shared::{start, telemetry};
use lambda_http::{Error, Request, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let downloads = &start::downloads().await?;
    run(service_fn(|event: Request| async move {
        Ok::<_, Error>(downloads.handle(event).await)
    }))
    .await
}
