//! By the AWS SDK, over a socket.

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
async fn a_batch_is_applied_whole_or_not_at_all() {
    let (served, client, zone) = one_zone().await;
    let before = served.route53.records();
    let steps = vec![
        (ChangeAction::Create, txt("a.example.test", &["\"1\""])),
        (ChangeAction::Delete, txt("b.example.test", &["\"1\""])),
        (
            ChangeAction::Delete,
            set("example.test", RrType::Ns, 1, &["ns.test."]),
        ),
    ];
    let (status, code, message) = change(&client, &zone, steps).await.unwrap_err();
    assert_eq!((status, code.as_str()), (400, "InvalidChangeBatch"));
    assert_eq!(
        message,
        "[Tried to delete resource record set [name='b.example.test.', type='TXT'] but it was not found, Tried to \
         delete resource record set [name='example.test.', type='NS'] but the values provided do not match the \
         current values]"
    );
    assert_eq!(served.route53.records(), before);
}

#[tokio::test]
async fn delete_and_create_in_one_batch_replace_exactly_what_stood() {
    let (served, client, zone) = one_zone().await;
    let stands = txt("_acme-challenge.example.test", &["\"b\"", "\"a b\" \"<&>\""]);
    change(&client, &zone, vec![(ChangeAction::Create, stands)])
        .await
        .unwrap();
    let replace = |old: &[&str]| {
        vec![
            (ChangeAction::Delete, txt("_ACME-challenge.example.test.", old)),
            (
                ChangeAction::Create,
                txt("_acme-challenge.example.test", &["\"c\""]),
            ),
        ]
    };
    let (_, _, message) = change(&client, &zone, replace(&["\"b\""])).await.unwrap_err();
    assert!(
        message.contains("the values provided do not match the current values"),
        "{message}"
    );
    // The set of values counts, not their order.
    change(&client, &zone, replace(&["\"a b\" \"<&>\"", "\"b\""]))
        .await
        .unwrap();
    let stands: Vec<_> = served
        .route53
        .records()
        .into_iter()
        .filter(|s| s.rtype == "TXT")
        .collect();
    assert_eq!(stands.len(), 1);
    assert_eq!(stands[0].values, ["\"c\""]);
    assert_eq!(
        served.route53.change_calls(),
        BTreeMap::from([("example.test.".into(), 3)])
    );
}

#[tokio::test]
async fn each_refusal_has_its_code_and_words() {
    let (_served, client, zone) = one_zone().await;
    let name = "a.example.test";
    let stands = vec![
        (ChangeAction::Create, txt(name, &["\"1\""])),
        (
            ChangeAction::Create,
            set("c.example.test", RrType::Cname, 60, &["x.test"]),
        ),
    ];
    change(&client, &zone, stands).await.unwrap();
    let long = format!("\"{}\"", "x".repeat(256));
    let cases = [
        (
            ChangeAction::Create,
            txt(name, &["\"2\""]),
            "Tried to create resource record set [name='a.example.test.', type='TXT'] but it already exists",
        ),
        (
            ChangeAction::Delete,
            set(name, RrType::Txt, 61, &["\"1\""]),
            "but the values provided do not match",
        ),
        (
            ChangeAction::Delete,
            set(name, RrType::A, 60, &["127.0.0.1"]),
            "but it was not found",
        ),
        (
            ChangeAction::Upsert,
            txt("a.other.test", &["\"1\""]),
            "RRSet with DNS name a.other.test. is not permitted in zone example.test.",
        ),
        (
            ChangeAction::Upsert,
            txt("anexample.test", &["\"1\""]),
            "is not permitted in zone",
        ),
        (
            ChangeAction::Upsert,
            txt(name, &["bare"]),
            "Value should be enclosed in quotation marks",
        ),
        (
            ChangeAction::Upsert,
            txt(name, &[&long]),
            "CharacterStringTooLong",
        ),
        (
            ChangeAction::Upsert,
            txt(name, &["\"1\"", "\"1\""]),
            "Duplicate Resource Record",
        ),
        (
            ChangeAction::Upsert,
            set(name, RrType::A, 60, &["x"]),
            "ARRDATAIllegalIPv4Address",
        ),
        (
            ChangeAction::Create,
            set(name, RrType::Cname, 60, &["x.test"]),
            "conflicts with other records",
        ),
        (
            ChangeAction::Create,
            txt("c.example.test", &["\"1\""]),
            "conflicting RRSet of type CNAME",
        ),
        (
            ChangeAction::Upsert,
            set("example.test", RrType::Cname, 60, &["x.test"]),
            "not permitted at apex",
        ),
    ];
    for (action, set, words) in cases {
        let (status, code, message) = change(&client, &zone, vec![(action, set)]).await.unwrap_err();
        assert_eq!((status, code.as_str()), (400, "InvalidChangeBatch"), "{message}");
        assert!(message.contains(words), "{message} has no {words}");
    }
    let twice = vec![
        (ChangeAction::Upsert, txt(name, &["\"2\""])),
        (ChangeAction::Upsert, txt(name, &["\"3\""])),
    ];
    let (_, _, message) = change(&client, &zone, twice).await.unwrap_err();
    assert!(message.contains("invalid set of changes"), "{message}");

    let input = [
        (ChangeAction::from("REPLACE"), txt(name, &["\"1\""])),
        (ChangeAction::Upsert, set(name, RrType::from("LOC"), 60, &["x"])),
        (ChangeAction::Upsert, txt(name, &[])),
        (ChangeAction::Upsert, txt("a..example.test", &["\"1\""])),
    ];
    for (action, set) in input {
        let (status, code, message) = change(&client, &zone, vec![(action, set)]).await.unwrap_err();
        assert_eq!((status, code.as_str()), (400, "InvalidInput"), "{message}");
    }
    let any = || vec![(ChangeAction::Upsert, txt(name, &["\"1\""]))];
    let (status, code, message) = change(&client, "ZNONE", any()).await.unwrap_err();
    assert_eq!((status, code.as_str()), (404, "NoSuchHostedZone"));
    assert_eq!(message, "No hosted zone found with ID: ZNONE");
    let (status, code, _) = told(client.get_change().id("CNONE").send().await.unwrap_err());
    assert_eq!((status, code.as_str()), (404, "NoSuchChange"));
    let list = client.list_resource_record_sets().hosted_zone_id(&zone);
    let (status, code, _) = told(list.start_record_type(RrType::A).send().await.unwrap_err());
    assert_eq!((status, code.as_str()), (400, "InvalidInput"));
}

#[tokio::test]
async fn quotas_of_a_request_count_an_upsert_twice() {
    let (_served, client, zone) = one_zone().await;
    let sets = |count: usize, value: &str| -> Vec<ResourceRecordSet> {
        (0..count)
            .map(|i| txt(&format!("n{i}.example.test"), &[value]))
            .collect()
    };
    let with = |action: ChangeAction, sets: Vec<ResourceRecordSet>| -> Vec<Step> {
        sets.into_iter().map(|set| (action.clone(), set)).collect()
    };
    let records = |steps| async {
        change(&client, &zone, steps)
            .await
            .map(drop)
            .map_err(|(_, _, m)| m)
    };
    let too_many = Err("[Number of records limit of 1000 exceeded.]".to_owned());
    assert_eq!(
        records(with(ChangeAction::Create, sets(1001, "\"1\""))).await,
        too_many
    );
    assert_eq!(
        records(with(ChangeAction::Upsert, sets(501, "\"1\""))).await,
        too_many
    );
    assert_eq!(
        records(with(ChangeAction::Create, sets(1000, "\"1\""))).await,
        Ok(())
    );
    assert_eq!(
        records(with(ChangeAction::Upsert, sets(500, "\"1\""))).await,
        Ok(())
    );
    // 200 characters each, quotes counted.
    let value = format!("\"{}\"", "x".repeat(198));
    let too_long = Err("[RDATA character limit of 32000 exceeded.]".to_owned());
    assert_eq!(
        records(with(ChangeAction::Upsert, sets(81, &value))).await,
        too_long
    );
    assert_eq!(
        records(with(ChangeAction::Upsert, sets(80, &value))).await,
        Ok(())
    );
}

#[tokio::test]
async fn record_sets_are_listed_in_route53s_order_by_pages() {
    let (_served, client, zone) = one_zone().await;
    let created = [
        txt("b.example.test", &["\"1\""]),
        set("*.example.test", RrType::A, 60, &["127.0.0.1"]),
        set("a.b.example.test", RrType::A, 60, &["127.0.0.1"]),
        set("b.example.test", RrType::A, 60, &["127.0.0.1"]),
        txt("b-c.example.test", &["\"1\""]),
    ];
    let steps = created.map(|set| (ChangeAction::Create, set)).into();
    change(&client, &zone, steps).await.unwrap();
    let order = [
        "example.test. NS",
        "example.test. SOA",
        "\\052.example.test. A",
        "b-c.example.test. TXT",
        "b.example.test. A",
        "b.example.test. TXT",
        "a.b.example.test. A",
    ];
    assert_eq!(names(&client, &zone).await, order);

    let list = || {
        client
            .list_resource_record_sets()
            .hosted_zone_id(&zone)
            .max_items(3)
    };
    let (mut seen, mut page) = (Vec::new(), list().send().await.unwrap());
    loop {
        let sets = page.resource_record_sets.iter();
        seen.extend(sets.map(|set| format!("{} {}", set.name, set.r#type.as_str())));
        assert_eq!(page.is_truncated, seen.len() < order.len());
        if !page.is_truncated {
            break;
        }
        let next = list()
            .set_start_record_name(page.next_record_name)
            .set_start_record_type(page.next_record_type);
        page = next.send().await.unwrap();
    }
    assert_eq!(seen, order);

    // A name without records starts at what follows it.
    let from = list().start_record_name("B.a.example.test").max_items(1);
    let page = from.send().await.unwrap();
    assert_eq!(page.resource_record_sets[0].name, "b-c.example.test.");
}

#[tokio::test]
async fn sets_with_an_identifier_stand_side_by_side() {
    let (_served, client, zone) = one_zone().await;
    let weighted = |id: &str, weight: i64, address: &str| {
        let mut set = set("w.example.test.", RrType::A, 60, &[address]);
        set.set_identifier = Some(id.to_owned());
        set.weight = Some(weight);
        set
    };
    let (one, two) = (weighted("1", 1, "127.0.0.1"), weighted("2", 2, "127.0.0.2"));
    let steps = vec![
        (ChangeAction::Create, one.clone()),
        (ChangeAction::Create, two.clone()),
    ];
    change(&client, &zone, steps).await.unwrap();
    let list = client.list_resource_record_sets().hosted_zone_id(&zone);
    let list = list
        .start_record_name("w.example.test")
        .start_record_type(RrType::A);
    let listed = list.start_record_identifier("2").send().await.unwrap();
    assert_eq!(listed.resource_record_sets, [two]);
    let wrong = weighted("1", 9, "127.0.0.1");
    let (_, _, message) = change(&client, &zone, vec![(ChangeAction::Delete, wrong)])
        .await
        .unwrap_err();
    assert!(message.contains("do not match"), "{message}");
    change(&client, &zone, vec![(ChangeAction::Delete, one)])
        .await
        .unwrap();
}

#[tokio::test]
async fn zones_are_listed_by_pages_and_by_name() {
    let served = Served::new(Route53::new(Settings::default())).await;
    let client = served.client();
    for i in 0..5 {
        served.route53.create_zone(&format!("z{i}.test")).unwrap();
    }
    let pages = client
        .list_hosted_zones()
        .max_items(2)
        .into_paginator()
        .items()
        .send();
    let zones = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut names: Vec<_> = zones.iter().map(|zone| zone.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["z0.test.", "z1.test.", "z2.test.", "z3.test.", "z4.test."]
    );

    let by_name = client
        .list_hosted_zones_by_name()
        .dns_name("z2.test")
        .max_items(2);
    let page = by_name.send().await.unwrap();
    let names: Vec<_> = page.hosted_zones.iter().map(|zone| zone.name.as_str()).collect();
    assert_eq!(names, ["z2.test.", "z3.test."]);
    assert_eq!(
        (page.is_truncated, page.next_dns_name.as_deref()),
        (true, Some("z4.test."))
    );
    let next = client
        .list_hosted_zones_by_name()
        .set_dns_name(page.next_dns_name);
    let page = next
        .set_hosted_zone_id(page.next_hosted_zone_id)
        .send()
        .await
        .unwrap();
    assert_eq!((page.hosted_zones.len(), page.is_truncated), (1, false));
}

#[tokio::test]
async fn a_change_is_pending_until_the_delay_has_passed() {
    let delay = Duration::from_millis(300);
    let served = Served::new(Route53::new(Settings {
        sync_delay: delay,
        ..Settings::default()
    }))
    .await;
    let client = served.client();
    let zone = served.route53.create_zone("example.test").unwrap();
    let steps = || vec![(ChangeAction::Upsert, txt("a.example.test", &["\"1\""]))];
    let status = async |id: &str| {
        let answer = client.get_change().id(id).send().await.unwrap();
        answer.change_info.unwrap()
    };
    let submitted = change(&client, &zone, steps()).await.unwrap();
    assert_eq!(submitted.status, ChangeStatus::Pending);
    assert_eq!(status(&submitted.id).await.status, ChangeStatus::Pending);
    tokio::time::sleep(delay).await;
    let synced = status(&submitted.id).await;
    assert_eq!(synced.status, ChangeStatus::Insync);
    assert_eq!(synced.comment.as_deref(), Some("<test> & \"more\""));
}

#[tokio::test]
async fn a_read_only_zone_denies_access() {
    let served = Served::new(Route53::new(Settings {
        read_only_zones: vec!["Locked.test".into()],
        ..Settings::default()
    }))
    .await;
    let client = served.client();
    let zone = served.route53.create_zone("locked.test").unwrap();
    let steps = vec![(ChangeAction::Upsert, txt("a.locked.test", &["\"1\""]))];
    let (status, code, message) = change(&client, &zone, steps).await.unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert!(message.contains("is not authorized to perform: route53:ChangeResourceRecordSets"));
    // A test may still arrange it.
    served
        .route53
        .upsert("a.locked.test", "TXT", 60, &["\"1\""])
        .unwrap();
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
