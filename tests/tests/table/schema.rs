//! The form of the table has a version, and a function of another version does nothing.

use certmint_shared::store::{FallbackPolicy, RequestStore, dynamo::SchemaUse};
use certmint_tests::journey::{Journey, eventually, options};

use super::*;

#[tokio::test]
async fn whoever_writes_first_says_the_version() {
    let world = Emulated::new().await;
    let (reader, writer) = (
        world.of_our_version(SchemaUse::Look),
        world.of_our_version(SchemaUse::Claim),
    );
    let (fresh, cost) = world.cost_of(reader.fallback()).await;
    fresh.expect("nobody wrote yet");
    assert_eq!(
        cost.calls, 2,
        "the version and the list; who only reads writes none"
    );
    let another = world.of_our_version(SchemaUse::Claim);
    let both = futures::join!(writer.fallback(), another.request_counts());
    assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
    let (again, cost) = world.cost_of(writer.fallback()).await;
    again.expect("it is ours");
    assert_eq!(cost.calls, 1, "it looks once");

    world.spoil(("SCHEMA", "META"), "schema_version", n(7)).await;
    for schema in [SchemaUse::Claim, SchemaUse::Look] {
        let other = world.of_our_version(schema);
        for refused in [
            other.fallback().await.err(),
            other.due_requests(start(), 1).await.err(),
        ] {
            let said = refused.map(|error| {
                (
                    matches!(error, StoreError::SchemaVersion { found: 7, .. }),
                    error.to_string(),
                )
            });
            assert!(
                matches!(&said, Some((true, text)) if text.contains("schema version 7")),
                "{said:?}"
            );
        }
    }
}

#[tokio::test]
async fn functions_of_another_version_do_nothing() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    journey.spoil_schema().await;
    for function in [&journey.stack.api, &journey.stack.worker, &journey.stack.cleanup] {
        function.kill();
    }
    let body = format!(r#"{{"accountId":{account},"domains":["example.com"]}}"#);
    // A call that met an instance in its last moment gets no answer of the API.
    let answer = eventually("the API answers", || async {
        let answer = journey.client.post("/acme/certificate/request", &body).await;
        answer.text.contains("\"code\"").then_some(answer)
    })
    .await;
    answer.refused(500, 5002, "see the function's log");
    eventually("each log says why", || async {
        for function in [&journey.stack.worker, &journey.stack.cleanup] {
            let refused = function.invoke(bytes::Bytes::from_static(b"{}")).await;
            assert!(refused.is_err(), "{refused:?}");
        }
        let said = journey.stack.logs.all();
        let said = said
            .iter()
            .filter(|line| line.contains("the table has schema version 7"));
        (said.count() >= 3).then_some(())
    })
    .await;
    assert!(!journey.items().await.iter().any(|item| item.contains("REQUEST#")));
}
