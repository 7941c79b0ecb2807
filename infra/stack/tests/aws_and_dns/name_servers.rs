//! Name servers of which some cannot be found: the others are enough, and "no" is said only once all are known.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use certmint_core::words::Fqdn;
use certmint_shared::dns::{DnsError, DnsView, Freshness, Visibility, client::Resolvers, view::PublicDns};
use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, NS, SOA, TXT},
    },
};
use tokio::net::UdpSocket;

use crate::HERE;

const NAME: &str = "_acme-challenge.www.example.com";
/// How long a look may take when a server cannot be found: less than the three seconds of a question.
const SOON: Duration = Duration::from_millis(2_500);
/// The address where every server is that can be asked.
const AT: &str = "127.0.0.1";

/// What is said of a name's records of a type.
#[derive(Clone)]
enum Said {
    Values(&'static [&'static str]),
    Fails,
    Nothing,
}
use Said::{Fails, Nothing, Values};

type World = &'static [(&'static str, RecordType, Said)];

/// One server that plays the resolver and every name server that can be found; there is nothing but what `world` says.
async fn view(world: World) -> PublicDns {
    let socket = UdpSocket::bind(HERE).await.unwrap();
    let address = socket.local_addr().unwrap();
    let world: BTreeMap<(String, RecordType), Said> = world
        .iter()
        .map(|(name, kind, said)| (((*name).to_owned(), *kind), said.clone()))
        .collect();
    let world = Arc::new(world);
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            if let Some(answer) = answer(&world, question) {
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    PublicDns::of_world(Resolvers::new(vec![address]), address.port())
}

fn answer(world: &BTreeMap<(String, RecordType), Said>, mut message: Message) -> Option<Message> {
    let query = message.queries[0].clone();
    let (name, kind) = (query.name().clone(), query.query_type());
    message.metadata.message_type = MessageType::Response;
    message.metadata.authoritative = true;
    let asked = Fqdn::new(&name.to_ascii()).to_string();
    match world.get(&(asked, kind)) {
        Some(Nothing) => return None,
        Some(Fails) => message.metadata.response_code = ResponseCode::ServFail,
        Some(Values(values)) => message.answers = values.iter().map(|v| record(&name, kind, v)).collect(),
        None => {
            let top = Name::from_ascii("example.com.").unwrap();
            let soa = SOA::new(top.clone(), top.clone(), 1, 60, 60, 60, 60);
            message.authorities = vec![Record::from_rdata(top, 60, RData::SOA(soa))];
        }
    }
    Some(message)
}

fn record(name: &Name, kind: RecordType, value: &str) -> Record {
    let data = match kind {
        RecordType::A => RData::A(A(value.parse::<Ipv4Addr>().unwrap())),
        RecordType::NS => RData::NS(NS(Name::from_ascii(format!("{value}.")).unwrap())),
        _ => RData::TXT(TXT::new(vec![value.to_owned()])),
    };
    Record::from_rdata(name.clone(), 60, data)
}

const A4: RecordType = RecordType::A;
const N: RecordType = RecordType::NS;

/// The zones above, as every world below has them.
macro_rules! world {
    ($($line:expr),* $(,)?) => {
        &[
            ("com", N, Values(&["a.gtld.test"])),
            ("a.gtld.test", A4, Values(&[AT])),
            ("jp", N, Values(&["a.dns.jp"])),
            ("a.dns.jp", A4, Values(&[AT])),
            $($line),*
        ]
    };
}

/// What, the world, the zone that is asked for, and whose servers it has: of `ns.one.test` and `ns.two.test`. `None`: it
/// cannot be told.
const DELEGATIONS: &[(&str, World, &str, Option<Option<usize>>)] = &[
    (
        "the same name, whatever its address",
        world![
            ("example.com", N, Values(&["ns1.example.com", "ns.two.test"])),
            ("ns1.example.com", A4, Fails),
            ("ns.two.test", A4, Fails),
        ],
        "example.com",
        Some(Some(1)),
    ),
    (
        "one address",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Values(&["192.0.2.2"])),
            ("ns.one.test", A4, Values(&["192.0.2.1"])),
            ("ns.two.test", A4, Values(&["192.0.2.2"])),
        ],
        "example.com",
        Some(Some(1)),
    ),
    (
        "the second of several addresses",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Values(&["192.0.2.7", "192.0.2.1"])),
            ("ns.one.test", A4, Values(&["192.0.2.1", "192.0.2.8"])),
            ("ns.two.test", A4, Values(&["192.0.2.2"])),
        ],
        "example.com",
        Some(Some(0)),
    ),
    (
        "one of the parent's servers fails, the other tells",
        world![
            ("example.com", N, Values(&["ns1.example.com", "ns2.example.com"])),
            ("ns1.example.com", A4, Fails),
            ("ns2.example.com", A4, Values(&["192.0.2.1"])),
            ("ns.one.test", A4, Values(&["192.0.2.1"])),
        ],
        "example.com",
        Some(Some(0)),
    ),
    (
        "one of the parent's servers fails, the other is nobody's",
        world![
            ("example.com", N, Values(&["ns1.example.com", "ns2.example.com"])),
            ("ns1.example.com", A4, Fails),
            ("ns2.example.com", A4, Values(&["192.0.2.9"])),
            ("ns.one.test", A4, Values(&["192.0.2.1"])),
            ("ns.two.test", A4, Values(&["192.0.2.2"])),
        ],
        "example.com",
        None,
    ),
    (
        "all of the parent's servers fail",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Fails),
            ("ns.one.test", A4, Values(&["192.0.2.1"])),
        ],
        "example.com",
        None,
    ),
    (
        "nothing is said of the parent's server",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Nothing),
        ],
        "example.com",
        None,
    ),
    (
        "a candidate fails, and it is not the other one",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Values(&["192.0.2.1"])),
            ("ns.one.test", A4, Fails),
            ("ns.two.test", A4, Values(&["192.0.2.2"])),
        ],
        "example.com",
        None,
    ),
    (
        "a candidate fails, and it is the other one",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Values(&["192.0.2.2"])),
            ("ns.one.test", A4, Fails),
            ("ns.two.test", A4, Values(&["192.0.2.2"])),
        ],
        "example.com",
        Some(Some(1)),
    ),
    (
        "all are known, and nobody's",
        world![
            ("example.com", N, Values(&["ns1.example.com"])),
            ("ns1.example.com", A4, Values(&["192.0.2.9"])),
            ("ns.one.test", A4, Values(&["192.0.2.1"])),
            ("ns.two.test", A4, Values(&["192.0.2.2"])),
        ],
        "example.com",
        Some(None),
    ),
    (
        "one of the suffix's servers fails",
        &[
            ("com", N, Values(&["a.gtld.test", "b.gtld.test"])),
            ("a.gtld.test", A4, Fails),
            ("b.gtld.test", A4, Values(&[AT])),
            ("example.com", N, Values(&["ns.two.test"])),
        ],
        "example.com",
        Some(Some(1)),
    ),
    (
        "all of the suffix's servers fail",
        &[
            ("com", N, Values(&["a.gtld.test"])),
            ("a.gtld.test", A4, Fails),
            ("example.com", N, Values(&["ns.two.test"])),
        ],
        "example.com",
        None,
    ),
    (
        "below a public suffix that is no zone",
        world![("town.kyoto.jp", N, Values(&["ns.one.test"]))],
        "town.kyoto.jp",
        Some(Some(0)),
    ),
    (
        "two labels below a public suffix that is no zone",
        world![("a.town.kyoto.jp", N, Values(&["ns.two.test"]))],
        "a.town.kyoto.jp",
        Some(Some(1)),
    ),
    (
        "a public suffix whose servers cannot be told",
        world![
            ("kyoto.jp", N, Fails),
            ("town.kyoto.jp", N, Values(&["ns.one.test"])),
        ],
        "town.kyoto.jp",
        None,
    ),
    (
        "a domain under no public suffix",
        world![
            ("corp", N, Values(&["ns.corp"])),
            ("ns.corp", A4, Values(&[AT])),
            ("office.corp", N, Values(&["ns.one.test"])),
        ],
        "office.corp",
        Some(Some(0)),
    ),
    ("not delegated at all", world![], "example.com", Some(None)),
];

#[tokio::test]
async fn whose_servers_they_are_is_told_by_name_then_by_address_or_not_at_all() {
    for (what, world, zone, wanted) in DELEGATIONS {
        let candidates = [vec![Fqdn::new("ns.one.test")], vec![Fqdn::new("ns.two.test")]];
        let delegation = view(world).await.delegation(&Fqdn::new(zone), &candidates).await;
        match (wanted, delegation) {
            (Some(which), Ok(found)) => assert_eq!(found.which, *which, "{what}"),
            (None, Err(DnsError::Lookup(_))) => {}
            (_, found) => panic!("{what}: {found:?}"),
        }
    }
}

const VALUES: Said = Values(&["value"]);

/// What, the world, and whether the name can be looked at.
const LOOKS: &[(&str, World, bool)] = &[
    (
        "both are found",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Values(&[AT])),
            ("ns2.test", A4, Values(&[AT])),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "the second fails",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Values(&[AT])),
            ("ns2.test", A4, Fails),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "the first fails",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Fails),
            ("ns2.test", A4, Values(&[AT])),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "nothing is said of the second",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Values(&[AT])),
            ("ns2.test", A4, Nothing),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "nothing is said of the first",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Nothing),
            ("ns2.test", A4, Values(&[AT])),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "the fifth alone is found",
        world![
            (
                "example.com",
                N,
                Values(&["ns1.test", "ns2.test", "ns3.test", "ns4.test", "ns5.test"]),
            ),
            ("ns1.test", A4, Fails),
            ("ns2.test", A4, Fails),
            ("ns3.test", A4, Fails),
            ("ns4.test", A4, Fails),
            ("ns5.test", A4, Values(&[AT])),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "one has no address at all",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Values(&[])),
            ("ns2.test", A4, Values(&[AT])),
            (NAME, RecordType::TXT, VALUES),
        ],
        true,
    ),
    (
        "all fail",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Fails),
            ("ns2.test", A4, Fails),
            (NAME, RecordType::TXT, VALUES),
        ],
        false,
    ),
    (
        "one has no address, and the other fails",
        world![
            ("example.com", N, Values(&["ns1.test", "ns2.test"])),
            ("ns1.test", A4, Values(&[])),
            ("ns2.test", A4, Fails),
            (NAME, RecordType::TXT, VALUES),
        ],
        false,
    ),
];

#[tokio::test]
async fn one_name_server_that_is_found_is_enough_for_a_look() {
    let (fqdn, zone) = (Fqdn::new(NAME), Fqdn::new("example.com"));
    for (what, world, is_seen) in LOOKS {
        let view = view(world).await;
        let began = Instant::now();
        let sight = view.look(&fqdn, Some(&zone), Freshness::Kept).await;
        let took = began.elapsed();
        assert_eq!(sight.is_ok(), *is_seen, "{what}: {sight:?}");
        assert!(took < SOON, "{what}: {took:?}");
        let seen = view.visibility(&zone, &fqdn, &["value".into()]).await;
        assert_eq!(seen == Visibility::Everywhere, *is_seen, "{what}: {seen:?}");
    }
}
