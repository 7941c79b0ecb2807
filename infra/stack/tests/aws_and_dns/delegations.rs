//! Delegations: who is asked for a name, as the responder answers and as certmint's view reads it.

use certmint_core::words::Fqdn;
use certmint_shared::dns::{DnsView, Freshness, Sight, view::PublicDns};
use certmint_stack::{
    dns::{self, Responder},
    route53::{Lookup, Route53, Settings},
};

use crate::HERE;

async fn world(arrange: impl FnOnce(&Route53)) -> (Route53, PublicDns, Responder) {
    let route53 = Route53::new(Settings::default());
    arrange(&route53);
    let sockets = dns::bind(HERE.parse().unwrap()).await.unwrap();
    let responder = dns::serve(sockets, route53.clone(), Vec::new()).unwrap();
    let view = PublicDns::new(Some(responder.address())).unwrap();
    (route53, view, responder)
}

fn lookup(route53: &Route53, name: &str, rtype: &str) -> Lookup {
    route53.lookup(&name.parse().unwrap(), rtype)
}

async fn sight(view: &PublicDns, name: &str, near: &str) -> Sight {
    let (fqdn, near) = (Fqdn::new(name), Fqdn::new(near));
    let kept = view.look(&fqdn, Some(&near), Freshness::Kept).await.unwrap();
    let anew = view.look(&fqdn, Some(&near), Freshness::Anew).await.unwrap();
    assert_eq!(kept, anew, "{name}");
    kept
}

#[tokio::test]
async fn a_name_is_in_the_zone_that_delegations_lead_to() {
    let (_route53, view, _responder) = world(|r| {
        r.create_zone("example.test").unwrap();
        r.create_zone("sub.example.test").unwrap();
        r.create_undelegated_zone("lost.example.test").unwrap();
        r.create_private_zone("private.example.test").unwrap();
        r.upsert("*.wild.example.test", "CNAME", 60, &["a.elsewhere.test"])
            .unwrap();
        r.upsert("*.text.example.test", "TXT", 60, &["\"x\""]).unwrap();
        r.upsert("x.ent.example.test", "A", 60, &["127.0.0.1"]).unwrap();
        r.upsert(
            "cut.example.test",
            "NS",
            60,
            &["ns1.elsewhere.test", "ns2.elsewhere.test"],
        )
        .unwrap();
    })
    .await;
    let example = Some(Fqdn::new("example.test"));
    for (name, zone, alias) in [
        ("new.example.test", "example.test", None),
        ("ent.example.test", "example.test", None),
        ("a.lost.example.test", "example.test", None),
        ("a.private.example.test", "example.test", None),
        ("a.sub.example.test", "sub.example.test", None),
        ("a.b.wild.example.test", "example.test", Some("a.elsewhere.test")),
        ("a.b.text.example.test", "example.test", None),
        ("a.cut.example.test", "cut.example.test", None),
    ] {
        let seen = sight(&view, name, "example.test").await;
        assert_eq!(seen.zone, Some(Fqdn::new(zone)), "{name}");
        assert_eq!(seen.alias, alias.map(Fqdn::new), "{name}");
    }
    // A zone that nobody is led to is asked for in vain.
    let seen = sight(&view, "a.lost.example.test", "lost.example.test").await;
    assert_eq!(seen.zone, example);
    let seen = sight(&view, "a.cut.example.test", "example.test").await;
    assert_eq!(
        seen.servers,
        ["ns1.elsewhere.test", "ns2.elsewhere.test"].map(Fqdn::new)
    );
}

#[tokio::test]
async fn below_a_cut_that_leads_elsewhere_there_is_a_referral_only() {
    let (route53, _view, _responder) = world(|r| {
        r.create_zone("example.test").unwrap();
        r.upsert("*.example.test", "TXT", 60, &["\"x\""]).unwrap();
        // Glue, and what was left from before the cut: it is not answered any more.
        r.upsert("a.cut.example.test", "TXT", 60, &["\"old\""]).unwrap();
        r.upsert("cut.example.test", "NS", 60, &["ns.elsewhere.test"])
            .unwrap();
    })
    .await;
    for name in ["cut.example.test", "a.cut.example.test", "b.a.cut.example.test"] {
        let Lookup::Referral { servers } = lookup(&route53, name, "TXT") else {
            panic!("{name} is answered");
        };
        assert_eq!(servers.values, ["ns.elsewhere.test"]);
    }
    assert!(matches!(
        lookup(&route53, "b.example.test", "TXT"),
        Lookup::Records(_)
    ));
}

#[tokio::test]
async fn of_zones_of_one_name_the_delegated_one_answers() {
    let (route53, view, _responder) = world(|_| {}).await;
    let ids = [0, 1].map(|_| route53.create_zone("example.test").unwrap());
    let servers = ids.each_ref().map(|id| route53.name_servers(id));
    let zone = Fqdn::new("example.test");
    let candidates = servers
        .each_ref()
        .map(|all| all.iter().map(|s| Fqdn::new(s)).collect::<Vec<_>>());
    let which = async || view.delegation(&zone, &candidates).await.unwrap().which;
    assert_eq!(
        which().await,
        Some(0),
        "the oldest, unless the registry says otherwise"
    );
    for (index, servers) in servers.iter().enumerate() {
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        route53.delegate("example.test", &servers).unwrap();
        assert_eq!(which().await, Some(index));
    }
    route53.delegate("example.test", &["ns.elsewhere.test"]).unwrap();
    let delegation = view.delegation(&zone, &candidates).await.unwrap();
    assert_eq!(
        (delegation.servers, delegation.which),
        (vec![Fqdn::new("ns.elsewhere.test")], None)
    );
    let nowhere = view
        .delegation(&Fqdn::new("nowhere.test"), &candidates)
        .await
        .unwrap();
    assert_eq!((nowhere.servers, nowhere.which), (vec![], None));
}
