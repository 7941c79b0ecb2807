//! Lists, in their order and by pages.

use super::*;

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
