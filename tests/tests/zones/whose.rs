//! The table's other half: which zone it is, and what others keep at the challenge's name.

use certmint_stack::route53::Alias;

use super::worlds::{
    BALANCER, DIGEST,
    Outcome::{At, Words},
    World, cname, delegate, foreign, put, servers, txt, zone,
};

/// Zones of one name, cuts, private zones, and sets of others.
pub(crate) const ZONES: &[World] = &[
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
