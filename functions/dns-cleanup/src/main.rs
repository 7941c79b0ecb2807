//! dns-cleanup: on a schedule, takes TXT values that nobody needs any more out of their zones.

use certmint_shared::{start, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let cleaner = &start::cleaner().await?;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        cleaner.run(event.context.deadline).await.map_err(Error::from)
    }))
    .await
}
