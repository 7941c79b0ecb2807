//! Change batches.

use super::*;

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
