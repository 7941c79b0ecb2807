//! What may stand beside what, in Route53's own words (as its clients report them).

use aws_sdk_route53::types::{AliasTarget, GeoLocation, ResourceRecordSetFailover};

use super::*;

type Set = ResourceRecordSet;

/// A TXT set of its own identifier, changed further.
fn routed(id: &str, change: impl FnOnce(&mut Set)) -> Set {
    let mut set = txt("r.example.test", &["\"1\""]);
    set.set_identifier = Some(id.to_owned());
    change(&mut set);
    set
}

fn multivalue(id: &str) -> Set {
    routed(id, |set| set.multi_value_answer = Some(true))
}

fn weighted(id: &str) -> Set {
    routed(id, |set| set.weight = Some(1))
}

fn latency(id: &str, region: &str) -> Set {
    routed(id, |set| set.region = Some(region.into()))
}

fn failover(id: &str, role: ResourceRecordSetFailover) -> Set {
    routed(id, |set| set.failover = Some(role))
}

fn located(id: &str, country: &str) -> Set {
    let location = GeoLocation::builder().country_code(country).build();
    routed(id, |set| set.geo_location = Some(location))
}

fn alias(name: &str, zone: &str, target: &str) -> Set {
    let target = AliasTarget::builder()
        .hosted_zone_id(zone)
        .dns_name(target)
        .evaluate_target_health(false);
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::Txt);
    set.alias_target(target.build().unwrap()).build().unwrap()
}

#[tokio::test]
async fn sets_of_one_name_are_one_simple_set_or_share_a_policy() {
    let simple = || txt("r.example.test", &["\"2\""]);
    let cases = [
        (
            multivalue("a"),
            simple(),
            "type TXT cannot be created as other RRSets exist with the same name and type.",
        ),
        (
            weighted("a"),
            simple(),
            "type TXT cannot be created as other RRSets exist with the same name and type.",
        ),
        (
            simple(),
            multivalue("a"),
            "type TXT, SetIdentifier a cannot be created because a non multivalue answer rrset exists with the same name \
             and type.",
        ),
        (
            simple(),
            weighted("a"),
            "type TXT, SetIdentifier a cannot be created as a non-weighted set exists with the same name and type.",
        ),
        (
            latency("a", "us-east-1"),
            weighted("b"),
            "SetIdentifier b cannot be created as a non-weighted set exists with the same name and type.",
        ),
        (
            latency("a", "us-east-1"),
            latency("b", "us-east-1"),
            "SetIdentifier b, and Region Name=us-east-1 cannot be created because a latency RRSet with the same name, type \
             and region already exists.",
        ),
        (
            failover("a", ResourceRecordSetFailover::Primary),
            failover("b", ResourceRecordSetFailover::Primary),
            "SetIdentifier b cannot be created because a failover RRSet",
        ),
        (
            located("a", "DE"),
            located("b", "DE"),
            "because a geolocation RRSet",
        ),
        (
            weighted("a"),
            weighted("a"),
            "set-identifier='a'] but it already exists",
        ),
    ];
    for (stands, refused, words) in cases {
        let (served, client, zone) = one_zone().await;
        change(&client, &zone, vec![(ChangeAction::Create, stands)])
            .await
            .unwrap();
        let before = served.route53.records();
        let answer = change(&client, &zone, vec![(ChangeAction::Create, refused)]).await;
        let (status, code, message) = answer.unwrap_err();
        assert_eq!((status, code.as_str()), (400, "InvalidChangeBatch"), "{message}");
        assert!(message.contains(words), "{message} has no {words}");
        assert_eq!(served.route53.records(), before);
    }
}

#[tokio::test]
async fn sets_that_fit_stand_side_by_side_and_are_deleted_as_they_are() {
    let pairs = [
        (multivalue("a"), multivalue("b")),
        (weighted("a"), weighted("b")),
        (latency("a", "us-east-1"), latency("b", "eu-west-1")),
        (
            failover("a", ResourceRecordSetFailover::Primary),
            failover("b", ResourceRecordSetFailover::Secondary),
        ),
        (located("a", "DE"), located("b", "*")),
    ];
    for (one, two) in pairs {
        let (_served, client, zone) = one_zone().await;
        let both = [one.clone(), two.clone()].map(|set| (ChangeAction::Create, set));
        change(&client, &zone, both.into()).await.unwrap();
        // Without its identifier it is another set, with another policy it is not the same.
        let mut bare = one.clone();
        (bare.set_identifier, bare.weight, bare.region) = (None, None, None);
        (bare.failover, bare.geo_location, bare.multi_value_answer) = (None, None, None);
        let refused = change(&client, &zone, vec![(ChangeAction::Delete, bare)]).await;
        assert!(refused.unwrap_err().2.contains("it was not found"));
        let list = client.list_resource_record_sets().hosted_zone_id(&zone);
        let listed = list.start_record_name("r.example.test").send().await.unwrap();
        assert_eq!(listed.resource_record_sets.len(), 2);
        for set in listed.resource_record_sets {
            change(&client, &zone, vec![(ChangeAction::Delete, set)])
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_set_is_whole_in_itself() {
    let (_served, client, zone) = one_zone().await;
    let with = |mut set: Set, change: fn(&mut Set)| {
        change(&mut set);
        set
    };
    let cases = [
        (
            with(alias("r.example.test", &zone, "t.example.test"), |set| {
                set.ttl = Some(60)
            }),
            "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found \
             more than one in Change with [Action=CREATE, Name=r.example.test., Type=TXT, SetIdentifier=null]",
        ),
        (
            with(txt("r.example.test", &["\"1\""]), |set| set.ttl = None),
            "but found none in Change with",
        ),
        (
            routed("a", |_| {}),
            "but found none in Change with [Action=CREATE",
        ),
        (
            with(weighted("a"), |set| set.multi_value_answer = Some(true)),
            "but found more than one",
        ),
        (
            with(weighted("a"), |set| set.set_identifier = None),
            "Missing field 'SetIdentifier' in Change with",
        ),
    ];
    for (set, words) in cases {
        let answer = change(&client, &zone, vec![(ChangeAction::Create, set)]).await;
        let (status, code, message) = answer.unwrap_err();
        assert_eq!((status, code.as_str()), (400, "InvalidInput"), "{message}");
        assert!(message.contains(words), "{message} has no {words}");
    }
    let cname_twice = set("r.example.test", RrType::Cname, 60, &["a.test", "b.test"]);
    let long = format!("\"{}\"", vec!["x".repeat(255); 16].join("\" \""));
    for (set, words) in [
        (cname_twice, "CNAME"),
        (txt("r.example.test", &[&long]), "CharacterStringTooLong"),
        (txt("r.example.test", &["\"ä\""]), "UnsupportedCharacter"),
    ] {
        let answer = change(&client, &zone, vec![(ChangeAction::Create, set)]).await;
        let (_, code, message) = answer.unwrap_err();
        assert_eq!(code, "InvalidChangeBatch", "{message}");
        assert!(message.contains(words), "{message} has no {words}");
    }
}

#[tokio::test]
async fn an_alias_answers_with_its_target_and_is_deleted_as_it_is() {
    let (served, client, zone) = one_zone().await;
    let one = alias("r.example.test", &zone, "t.example.test.");
    let steps = vec![
        (ChangeAction::Create, txt("t.example.test", &["\"1\""])),
        (ChangeAction::Create, one.clone()),
    ];
    change(&client, &zone, steps).await.unwrap();
    let certmint_stack::route53::Lookup::Records(sets) =
        served.route53.lookup(&"r.example.test".parse().unwrap(), "TXT")
    else {
        panic!("no answer");
    };
    assert_eq!(sets[0].values, ["\"1\""]);
    let plain = vec![(ChangeAction::Create, txt("r.example.test", &["\"2\""]))];
    assert!(
        change(&client, &zone, plain)
            .await
            .unwrap_err()
            .2
            .contains("already exists")
    );
    let plain = vec![(ChangeAction::Delete, txt("r.example.test", &["\"1\""]))];
    assert!(
        change(&client, &zone, plain)
            .await
            .unwrap_err()
            .2
            .contains("do not match")
    );
    change(&client, &zone, vec![(ChangeAction::Delete, one)])
        .await
        .unwrap();
}

#[tokio::test]
async fn each_zone_has_name_servers_of_its_own() {
    let served = Served::new(Route53::new(Settings::default())).await;
    let client = served.client();
    let mut all = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let zone = served.route53.create_zone("example.test").unwrap();
        let answer = client.get_hosted_zone().id(&zone).send().await.unwrap();
        let servers = answer.delegation_set.unwrap().name_servers;
        assert_eq!(servers.len(), 4);
        all.extend(servers);
    }
    assert_eq!(all.len(), 12);
    // Another account's zone is nobody's here.
    let foreign = served.route53.create_foreign_zone("other.test").unwrap();
    let gone = client.get_hosted_zone().id(&foreign).send().await.unwrap_err();
    assert_eq!(told(gone).1, "NoSuchHostedZone");
    let zones = client.list_hosted_zones().send().await.unwrap().hosted_zones;
    assert_eq!(zones.len(), 3);
}
