//! By the AWS SDK, over a socket.

mod beside;
mod changes;
mod lists;

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_route53::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        Change, ChangeAction, ChangeBatch, ChangeInfo, ChangeStatus, HostedZoneConfig, ResourceRecord,
        ResourceRecordSet, RrType,
    },
};
use bytes::Bytes;
use certmint_stack::route53::{Route53, Settings};
use http::Request;

use crate::Served;

fn set(name: &str, rtype: RrType, ttl: i64, values: &[&str]) -> ResourceRecordSet {
    let record = |value: &&str| ResourceRecord::builder().value(*value).build().unwrap();
    ResourceRecordSet::builder()
        .name(name)
        .r#type(rtype)
        .ttl(ttl)
        .set_resource_records(Some(values.iter().map(record).collect()))
        .build()
        .unwrap()
}

fn txt(name: &str, values: &[&str]) -> ResourceRecordSet {
    set(name, RrType::Txt, 60, values)
}

type Step = (ChangeAction, ResourceRecordSet);

/// The change, or the error's status, code and text.
async fn change(client: &Client, zone: &str, steps: Vec<Step>) -> Result<ChangeInfo, (u16, String, String)> {
    let changes = steps.into_iter().map(|(action, set)| {
        Change::builder()
            .action(action)
            .resource_record_set(set)
            .build()
            .unwrap()
    });
    let batch = ChangeBatch::builder()
        .comment("<test> & \"more\"")
        .set_changes(Some(changes.collect()));
    let request = client
        .change_resource_record_sets()
        .hosted_zone_id(zone)
        .change_batch(batch.build().unwrap());
    let answer = request.send().await.map_err(told)?;
    Ok(answer.change_info.unwrap())
}

fn told<E: ProvideErrorMetadata>(
    error: SdkError<E, aws_sdk_route53::config::http::HttpResponse>,
) -> (u16, String, String) {
    let status = error.raw_response().expect("an answer").status().as_u16();
    let service = error.as_service_error().expect("a service error");
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (status, text(service.code()), text(service.message()))
}

async fn names(client: &Client, zone: &str) -> Vec<String> {
    let sets = client.list_resource_record_sets().hosted_zone_id(zone);
    let sets = sets.send().await.unwrap().resource_record_sets;
    sets.iter()
        .map(|set| format!("{} {}", set.name, set.r#type.as_str()))
        .collect()
}

async fn one_zone() -> (Served, Client, String) {
    let served = Served::new(Route53::new(Settings::default())).await;
    let client = served.client();
    let zone = served.route53.create_zone("Example.test").unwrap();
    (served, client, zone)
}

#[tokio::test]
async fn a_zone_is_created_read_and_deleted_when_empty() {
    let served = Served::new(Route53::new(Settings::default())).await;
    let client = served.client();
    let config = HostedZoneConfig::builder().comment("a & b").build();
    let create = || {
        client
            .create_hosted_zone()
            .name("Example.test")
            .caller_reference("once")
            .hosted_zone_config(config.clone())
    };
    let created = create().send().await.unwrap();
    let zone = created.hosted_zone.unwrap();
    assert_eq!(zone.name, "example.test.");
    assert_eq!(zone.resource_record_set_count, Some(2));
    assert_eq!(zone.config.unwrap().comment.as_deref(), Some("a & b"));
    assert!(created.location.ends_with(&zone.id));
    assert_eq!(created.delegation_set.unwrap().name_servers.len(), 4);
    assert_eq!(created.change_info.unwrap().status, ChangeStatus::Pending);
    let (status, code, _) = told(create().send().await.unwrap_err());
    assert_eq!((status, code.as_str()), (409, "HostedZoneAlreadyExists"));
    assert_eq!(
        names(&client, &zone.id).await,
        ["example.test. NS", "example.test. SOA"]
    );

    let value = txt("a.example.test", &["\"1\""]);
    change(&client, &zone.id, vec![(ChangeAction::Create, value.clone())])
        .await
        .unwrap();
    let delete = || client.delete_hosted_zone().id(&zone.id);
    let (status, code, _) = told(delete().send().await.unwrap_err());
    assert_eq!((status, code.as_str()), (400, "HostedZoneNotEmpty"));
    change(&client, &zone.id, vec![(ChangeAction::Delete, value)])
        .await
        .unwrap();
    delete().send().await.unwrap();
    let gone = client.get_hosted_zone().id(&zone.id).send().await.unwrap_err();
    assert_eq!(told(gone).1, "NoSuchHostedZone");
    assert!(served.route53.records().is_empty());
}

#[tokio::test]
async fn what_is_exported_is_imported_whole() {
    let (served, client, zone) = one_zone().await;
    let steps = vec![(
        ChangeAction::Create,
        txt("*.example.test", &["\"1\"", "\"\\\"\""]),
    )];
    let submitted = change(&client, &zone, steps).await.unwrap();
    let saved = served.route53.export().unwrap();

    let other = Served::new(Route53::new(Settings::default())).await;
    let mut revision = other.route53.subscribe();
    other.route53.import(saved.clone()).unwrap();
    assert!(revision.has_changed().unwrap());
    revision.mark_unchanged();
    assert_eq!(other.route53.records(), served.route53.records());
    assert_eq!(other.route53.export().unwrap(), saved);
    let known = other
        .client()
        .get_change()
        .id(&submitted.id)
        .send()
        .await
        .unwrap();
    assert_eq!(known.change_info.unwrap().status, ChangeStatus::Insync);
    assert!(other.route53.import(serde_json::json!({"zones": 1})).is_err());
    assert!(!revision.has_changed().unwrap());
}

/// What clients other than the SDK look at.

#[tokio::test]
async fn errors_have_the_shape_of_every_rest_xml_service() {
    let route53 = Route53::new(Settings::default());
    let get = async |path: &str| {
        let request = Request::get(path).body(Bytes::new()).unwrap();
        let (head, body) = route53.handle(request).await.into_parts();
        let id = head.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
        (
            head.status.as_u16(),
            String::from_utf8(body.into()).unwrap().replace(&id, "ID"),
        )
    };
    assert_eq!(
        get("/2013-04-01/hostedzone/%3C&Z").await,
        (
            404,
            "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
             <Type>Sender</Type><Code>NoSuchHostedZone</Code><Message>No hosted zone found with ID: %3C&amp;Z\
             </Message></Error><RequestId>ID</RequestId></ErrorResponse>"
                .to_owned()
        )
    );
    assert_eq!(get("/2013-04-01/healthcheck").await.0, 404);
    // Other clients end this path with a slash.
    let zone = route53.create_zone("example.test").unwrap();
    let (status, list) = get(&format!("/2013-04-01/hostedzone/{zone}/rrset/?maxitems=1")).await;
    assert_eq!(status, 200);
    assert!(list.contains("<IsTruncated>true</IsTruncated>"), "{list}");
    let broken = Request::post("/2013-04-01/hostedzone")
        .body(Bytes::from("<a"))
        .unwrap();
    assert_eq!(route53.handle(broken).await.status(), 400);
}
