//! The table: what stands in the zones, what is requested, where its TXT goes or which words say why not.

use certmint_stack::route53::{Alias, DnsName, Route53, Routing, Rrset};

/// A zone that our role may not write.
pub(crate) const READ_ONLY: &str = "locked.example";

/// What becomes of a request.
pub(crate) enum Outcome {
    /// The TXT is written there and the CA finds it.
    At(&'static str),
    /// It fails with the first try, in these words.
    Words(&'static [&'static str]),
}
use Outcome::{At, Words};

/// One line.
pub(crate) struct World {
    /// What is tried.
    pub(crate) what: &'static str,
    /// Makes it so.
    pub(crate) arrange: fn(&Route53),
    /// The name that is requested.
    pub(crate) request: &'static str,
    /// What must become of it.
    pub(crate) outcome: Outcome,
}

const DIGEST: &str = "\"gfj9Xq-Rg85nM_dh5a1b0123456789ABCDEFGHIJKLM\"";
const BALANCER: &str = "lb-123.us-east-1.elb.amazonaws.com.";

fn zone(route53: &Route53, name: &str) -> String {
    route53.create_zone(name).unwrap()
}

fn foreign(route53: &Route53, name: &str) {
    route53.create_foreign_zone(name).unwrap();
}

fn put(route53: &Route53, name: &str, rtype: &str, value: &str) {
    route53.upsert(name, rtype, 3600, &[value]).unwrap();
}

fn cname(route53: &Route53, name: &str, target: &str) {
    put(route53, name, "CNAME", target);
}

/// A TXT set as another tool leaves it.
fn txt(name: &str, change: impl FnOnce(&mut Rrset)) -> Rrset {
    let mut set = Rrset {
        name: name.parse::<DnsName>().unwrap(),
        rtype: "TXT".into(),
        set_identifier: Some("theirs".into()),
        alias: None,
        routing: Routing::default(),
        ttl: 60,
        values: vec![DIGEST.into()],
    };
    change(&mut set);
    set
}

fn servers(route53: &Route53, id: &str) -> Vec<String> {
    route53.name_servers(id)
}

fn delegate(route53: &Route53, domain: &str, to: &[String]) {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    route53.delegate(domain, &to).unwrap();
}

/// The worlds. Each has a domain of its own; `hub.example` is a zone of ours that others may lead to.
pub(crate) const WORLDS: &[World] = &[
    World {
        what: "a wildcard CNAME to a load balancer, for a star",
        arrange: |r| {
            zone(r, "w01.example");
            cname(r, "*.apps.w01.example", BALANCER);
        },
        request: "*.apps.w01.example",
        outcome: At("_acme-challenge.apps in w01.example"),
    },
    World {
        what: "wildcard CNAMEs at two levels, both to others",
        arrange: |r| {
            zone(r, "w02.example");
            cname(r, "*.w02.example", BALANCER);
            cname(r, "*.apps.w02.example", "elsewhere.invalid.");
        },
        request: "a.b.apps.w02.example",
        outcome: At("_acme-challenge.a.b.apps in w02.example"),
    },
    World {
        what: "a wildcard TXT",
        arrange: |r| {
            zone(r, "w03.example");
            put(r, "*.w03.example", "TXT", "\"v=spf1 -all\"");
        },
        request: "a.w03.example",
        outcome: At("_acme-challenge.a in w03.example"),
    },
    World {
        what: "a wildcard CNAME to a host of the same zone with TXT records",
        arrange: |r| {
            zone(r, "w04.example");
            put(r, "w04.example", "TXT", "\"v=spf1 -all\"");
            cname(r, "*.w04.example", "w04.example.");
        },
        request: "www.w04.example",
        outcome: At("_acme-challenge.www in w04.example"),
    },
    World {
        what: "a wildcard CNAME to a zone of ours, which would take the value",
        arrange: |r| {
            zone(r, "w05.example");
            cname(r, "*.w05.example", "w05.hub.example.");
        },
        request: "www.w05.example",
        outcome: At("_acme-challenge.www in w05.example"),
    },
    World {
        what: "a CNAME at the challenge to another zone of ours",
        arrange: |r| {
            zone(r, "w06.example");
            cname(r, "_acme-challenge.w06.example", "w06.hub.example.");
        },
        request: "w06.example",
        outcome: At("w06 in hub.example"),
    },
    World {
        what: "a CNAME at the challenge beside a wildcard's to another name",
        arrange: |r| {
            zone(r, "w07.example");
            cname(r, "*.w07.example", BALANCER);
            cname(r, "_acme-challenge.w07.example", "w07.hub.example.");
        },
        request: "w07.example",
        outcome: At("w07 in hub.example"),
    },
    World {
        what: "a CNAME at the challenge that is the wildcard's twin",
        arrange: |r| {
            zone(r, "w08.example");
            cname(r, "*.w08.example", "w08.hub.example.");
            cname(r, "_acme-challenge.w08.example", "w08.hub.example.");
        },
        request: "w08.example",
        outcome: At("w08 in hub.example"),
    },
    World {
        what: "a delegation from a zone of others",
        arrange: |r| {
            foreign(r, "w09.example");
            cname(r, "_acme-challenge.w09.example", "w09.hub.example.");
        },
        request: "w09.example",
        outcome: At("w09 in hub.example"),
    },
    World {
        what: "a chain through several zones, which ends below a wildcard CNAME of ours",
        arrange: |r| {
            foreign(r, "w10.example");
            zone(r, "w10-end.example");
            cname(r, "_acme-challenge.w10.example", "a.w10.example.");
            cname(r, "a.w10.example", "w10.hub.example.");
            cname(r, "w10.hub.example", "b.w10-end.example.");
            cname(r, "*.w10-end.example", BALANCER);
        },
        request: "w10.example",
        outcome: At("b in w10-end.example"),
    },
    World {
        what: "CNAMEs in a circle",
        arrange: |r| {
            zone(r, "w11.example");
            cname(r, "_acme-challenge.w11.example", "a.w11.example.");
            cname(r, "a.w11.example", "_acme-challenge.w11.example.");
        },
        request: "w11.example",
        outcome: Words(&[
            "circle",
            "_acme-challenge.w11.example → a.w11.example → _acme-challenge.w11.example",
        ]),
    },
    World {
        what: "a chain that is too long",
        arrange: |r| {
            zone(r, "w12.example");
            cname(r, "_acme-challenge.w12.example", "c0.w12.example.");
            for n in 0..12 {
                cname(
                    r,
                    &format!("c{n}.w12.example"),
                    &format!("c{}.w12.example.", n + 1),
                );
            }
        },
        request: "w12.example",
        outcome: Words(&["more CNAMEs", "c0.w12.example → c1.w12.example"]),
    },
    World {
        what: "a CNAME to a domain that does not exist",
        arrange: |r| {
            zone(r, "w13.example");
            cname(r, "_acme-challenge.w13.example", "gone.nowhere-w13.example.");
        },
        request: "w13.example",
        outcome: Words(&[
            "_acme-challenge.w13.example is a CNAME to gone.nowhere-w13.example",
            "or remove it",
        ]),
    },
    World {
        what: "a CNAME to a zone that our role may not write",
        arrange: |r| {
            zone(r, "w14.example");
            cname(r, "_acme-challenge.w14.example", "w14.locked.example.");
        },
        request: "w14.example",
        outcome: Words(&["access denied to ChangeResourceRecordSets", "locked.example"]),
    },
    World {
        what: "a CNAME at the challenge to a host with TXT records of its own",
        arrange: |r| {
            zone(r, "w15.example");
            put(r, "mail.w15.example", "TXT", "\"v=spf1 -all\"");
            cname(r, "_acme-challenge.w15.example", "mail.w15.example.");
        },
        request: "w15.example",
        outcome: Words(&["mail.w15.example", "not those of challenges", "v=spf1"]),
    },
    World {
        what: "a delegation to a name where another tool answers challenges, too",
        arrange: |r| {
            foreign(r, "w16.example");
            put(r, "w16.hub.example", "TXT", DIGEST);
            cname(r, "_acme-challenge.w16.example", "w16.hub.example.");
        },
        request: "w16.example",
        outcome: At("w16 in hub.example"),
    },
    World {
        what: "a wildcard of others to a free name of ours",
        arrange: |r| {
            foreign(r, "w17.example");
            cname(r, "*.w17.example", "w17.hub.example.");
        },
        request: "www.w17.example",
        outcome: At("w17 in hub.example"),
    },
    World {
        what: "a wildcard of others to a host of ours",
        arrange: |r| {
            foreign(r, "w18.example");
            put(r, "w18.hub.example", "A", "127.0.0.1");
            cname(r, "*.w18.example", "w18.hub.example.");
        },
        request: "www.w18.example",
        outcome: Words(&[
            "a wildcard answers for _acme-challenge.www.w18.example",
            "w18.hub.example",
            "A records",
        ]),
    },
    World {
        what: "a DNAME of others into a zone of ours",
        arrange: |r| {
            foreign(r, "w19.example");
            put(r, "old.w19.example", "DNAME", "w19.hub.example.");
        },
        request: "www.old.w19.example",
        outcome: At("_acme-challenge.www.w19 in hub.example"),
    },
    World {
        what: "two zones of one name, the first delegated",
        arrange: |r| {
            zone(r, "w20.example");
            zone(r, "w20.example");
        },
        request: "www.w20.example",
        outcome: At("_acme-challenge.www in w20.example"),
    },
    World {
        what: "two zones of one name, the second delegated",
        arrange: |r| {
            zone(r, "w21.example");
            let second = zone(r, "w21.example");
            delegate(r, "w21.example", &servers(r, &second));
        },
        request: "www.w21.example",
        outcome: At("_acme-challenge.www in w21.example"),
    },
    World {
        what: "two zones of one name, neither delegated",
        arrange: |r| {
            zone(r, "w22.example");
            zone(r, "w22.example");
            delegate(r, "w22.example", &["ns1.other-host.net.".into()]);
        },
        request: "www.w22.example",
        outcome: Words(&[
            "delegates w22.example to ns1.other-host.net",
            "none of the hosted zones",
            "awsdns",
        ]),
    },
    World {
        what: "one zone, and the registry names others",
        arrange: |r| {
            zone(r, "w23.example");
            delegate(r, "w23.example", &["ns1.other-host.net.".into()]);
        },
        request: "www.w23.example",
        outcome: Words(&["delegates w23.example to ns1.other-host.net"]),
    },
    World {
        what: "a cut below our zone that leads elsewhere",
        arrange: |r| {
            zone(r, "w24.example");
            put(r, "sub.w24.example", "NS", "ns1.other-host.net.");
        },
        request: "www.sub.w24.example",
        outcome: Words(&[
            "zone w24.example delegates to ns1.other-host.net",
            "CNAME at _acme-challenge.www.sub.w24.example",
        ]),
    },
    World {
        what: "a cut below our zone to others, who lead the challenge back",
        arrange: |r| {
            zone(r, "w25.example");
            foreign(r, "sub.w25.example");
            cname(r, "_acme-challenge.www.sub.w25.example", "w25.hub.example.");
        },
        request: "www.sub.w25.example",
        outcome: At("w25 in hub.example"),
    },
    World {
        what: "a cut to another zone of ours",
        arrange: |r| {
            zone(r, "w26.example");
            zone(r, "sub.w26.example");
        },
        request: "www.sub.w26.example",
        outcome: At("_acme-challenge.www in sub.w26.example"),
    },
    World {
        what: "a zone of ours below another that nobody is led to",
        arrange: |r| {
            zone(r, "w27.example");
            r.create_undelegated_zone("sub.w27.example").unwrap();
        },
        request: "www.sub.w27.example",
        outcome: At("_acme-challenge.www.sub in w27.example"),
    },
    World {
        what: "a zone of ours below one of others that nobody is led to",
        arrange: |r| {
            foreign(r, "w28.example");
            r.create_undelegated_zone("sub.w28.example").unwrap();
        },
        request: "www.sub.w28.example",
        outcome: Words(&[
            "hosted zone sub.w28.example",
            "is not delegated",
            "to w28.example",
            "awsdns",
        ]),
    },
    World {
        what: "a private zone is all there is",
        arrange: |r| {
            foreign(r, "w29.example");
            r.create_private_zone("w29.example").unwrap();
        },
        request: "www.w29.example",
        outcome: Words(&[
            "only a private hosted zone",
            "w29.example",
            "create a public hosted zone",
        ]),
    },
    World {
        what: "a private zone beside the public one",
        arrange: |r| {
            zone(r, "w30.example");
            r.create_private_zone("www.w30.example").unwrap();
        },
        request: "a.www.w30.example",
        outcome: At("_acme-challenge.a.www in w30.example"),
    },
    World {
        what: "multivalue sets of another tool at the challenge's name",
        arrange: |r| {
            zone(r, "w31.example");
            let set = txt("_acme-challenge.w31.example", |set| {
                set.routing.multi_value_answer = Some(true)
            });
            r.upsert_set(set).unwrap();
        },
        request: "w31.example",
        outcome: Words(&[
            "_acme-challenge.w31.example",
            "routing policy",
            "SetIdentifier theirs",
            "remove them",
        ]),
    },
    World {
        what: "a weighted set at the challenge's name",
        arrange: |r| {
            zone(r, "w32.example");
            r.upsert_set(txt("_acme-challenge.w32.example", |set| {
                set.routing.weight = Some(1)
            }))
            .unwrap();
        },
        request: "*.w32.example",
        outcome: Words(&["_acme-challenge.w32.example", "routing policy"]),
    },
    World {
        what: "an alias at the challenge's name",
        arrange: |r| {
            let id = zone(r, "w33.example");
            put(r, "t.w33.example", "TXT", DIGEST);
            let alias = Alias {
                hosted_zone_id: id,
                dns_name: "t.w33.example.".into(),
                evaluate_target_health: false,
            };
            let set = txt("_acme-challenge.w33.example", |set| {
                (set.alias, set.set_identifier) = (Some(alias), None);
                (set.ttl, set.values) = (0, vec![]);
            });
            r.upsert_set(set).unwrap();
        },
        request: "w33.example",
        outcome: Words(&["_acme-challenge.w33.example", "alias TXT record", "remove it"]),
    },
    World {
        what: "the challenge's name is an empty non-terminal",
        arrange: |r| {
            zone(r, "w34.example");
            cname(r, "*.w34.example", BALANCER);
            put(r, "x._acme-challenge.w34.example", "A", "127.0.0.1");
        },
        request: "w34.example",
        outcome: At("_acme-challenge in w34.example"),
    },
];
