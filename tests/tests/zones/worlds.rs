//! The table: what stands in the zones, what is requested, where its TXT goes or which words say why not.

use certmint_stack::route53::{DnsName, Route53, Routing, Rrset};

/// A zone that our role may not write.
pub(crate) const READ_ONLY: &str = "locked.example";

/// What becomes of a request.
pub(crate) enum Outcome {
    /// The TXT is written there and the CA finds it.
    At(&'static str),
    /// It fails with the first try, in these words.
    Words(&'static [&'static str]),
    /// It waits for a right that is missing, in these words.
    Waits(&'static [&'static str]),
}
use Outcome::{At, Waits, Words};

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

pub(super) const DIGEST: &str = "\"gfj9Xq-Rg85nM_dh5a1b0123456789ABCDEFGHIJKLM\"";
pub(super) const BALANCER: &str = "lb-123.us-east-1.elb.amazonaws.com.";

pub(super) fn zone(route53: &Route53, name: &str) -> String {
    route53.create_zone(name).unwrap()
}

pub(super) fn foreign(route53: &Route53, name: &str) {
    route53.create_foreign_zone(name).unwrap();
}

pub(super) fn put(route53: &Route53, name: &str, rtype: &str, value: &str) {
    route53.upsert(name, rtype, 3600, &[value]).unwrap();
}

pub(super) fn cname(route53: &Route53, name: &str, target: &str) {
    put(route53, name, "CNAME", target);
}

/// A TXT set as another tool leaves it.
pub(super) fn txt(name: &str, change: impl FnOnce(&mut Rrset)) -> Rrset {
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

pub(super) fn servers(route53: &Route53, id: &str) -> Vec<String> {
    route53.name_servers(id)
}

pub(super) fn delegate(route53: &Route53, domain: &str, to: &[String]) {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    route53.delegate(domain, &to).unwrap();
}

/// Where a CNAME or a wildcard leads. Each world has a domain of its own; `hub.example` is a zone of ours that others may
/// lead to.
pub(crate) const NAMES: &[World] = &[
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
        outcome: Waits(&["access denied to ChangeResourceRecordSets", "locked.example"]),
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
];
