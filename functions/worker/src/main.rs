//! The worker: on a schedule and on kick events, takes due requests towards their certificates. Events are hints:
//! what is due stands in the store.

use certmint_shared::{start, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let worker = &start::worker().await?;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        worker.run(event.context.deadline).await.map_err(Error::from)
    }))
    .await
}
