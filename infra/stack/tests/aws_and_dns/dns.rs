//! By questions over UDP and TCP.

use std::net::SocketAddr;

use certmint_stack::{
    dns::{self, Responder},
    route53::{Route53, Settings},
};
use hickory_proto::{
    op::{Edns, Message, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RData, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use crate::HERE;

fn question(name: &str, rtype: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), rtype));
    message
}

async fn udp(server: SocketAddr, question: &Message) -> Message {
    let socket = UdpSocket::bind(HERE).await.unwrap();
    socket.send_to(&question.to_vec().unwrap(), server).await.unwrap();
    let mut buffer = vec![0; 65_535];
    let (length, _) = socket.recv_from(&mut buffer).await.unwrap();
    let answer = Message::from_vec(&buffer[..length]).unwrap();
    assert_eq!(answer.metadata.id, question.metadata.id);
    answer
}

async fn tcp(server: SocketAddr, question: &Message) -> Message {
    let wire = question.to_vec().unwrap();
    let mut stream = TcpStream::connect(server).await.unwrap();
    let length = u16::try_from(wire.len()).unwrap();
    stream
        .write_all(&[&length.to_be_bytes(), wire.as_slice()].concat())
        .await
        .unwrap();
    let length = stream.read_u16().await.unwrap();
    let mut buffer = vec![0; length.into()];
    stream.read_exact(&mut buffer).await.unwrap();
    Message::from_vec(&buffer).unwrap()
}

struct World {
    route53: Route53,
    responder: Responder,
}

impl World {
    async fn new(zones: &[&str], foreign: &[&str]) -> Self {
        let route53 = Route53::new(Settings::default());
        for zone in zones {
            route53.create_zone(zone).unwrap();
        }
        let sockets = dns::bind(HERE.parse().unwrap()).await.unwrap();
        let foreign = foreign.iter().map(|name| name.parse().unwrap()).collect();
        let responder = dns::serve(sockets, route53.clone(), foreign).unwrap();
        Self { route53, responder }
    }

    fn put(&self, name: &str, rtype: &str, values: &[&str]) -> &Self {
        self.route53.upsert(name, rtype, 60, values).unwrap();
        self
    }

    async fn ask(&self, name: &str, rtype: RecordType) -> Message {
        udp(self.responder.address(), &question(name, rtype)).await
    }

    /// The answer section, `name type data`.
    async fn told(&self, name: &str, rtype: RecordType) -> Vec<String> {
        let answer = self.ask(name, rtype).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError, "{name}");
        lines(&answer)
    }

    /// The code, whether it is authoritative, and whose SOA is in the authority section.
    async fn nothing(&self, name: &str, rtype: RecordType) -> (ResponseCode, bool, String) {
        let answer = self.ask(name, rtype).await;
        assert_eq!(lines(&answer), [""; 0], "{name}");
        assert_eq!(answer.authorities.len(), 1, "{name}");
        assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
        let metadata = answer.metadata;
        (
            metadata.response_code,
            metadata.authoritative,
            answer.authorities[0].name.to_string(),
        )
    }
}

fn lines(answer: &Message) -> Vec<String> {
    let line = |record: &hickory_proto::rr::Record| {
        format!("{} {} {}", record.name, record.record_type(), record.data)
    };
    answer.answers.iter().map(line).collect()
}

fn strings(answer: &Message) -> Vec<Vec<String>> {
    let read = |data: &RData| match data {
        RData::TXT(txt) => txt
            .txt_data
            .iter()
            .map(|s| String::from_utf8_lossy(s).into_owned())
            .collect(),
        other => panic!("{other} is no TXT"),
    };
    answer.answers.iter().map(|record| read(&record.data)).collect()
}

const NAME_ERROR: ResponseCode = ResponseCode::NXDomain;
const OK: ResponseCode = ResponseCode::NoError;

#[tokio::test]
async fn every_type_is_answered_with_authority() {
    let world = World::new(&["example.test"], &[]).await;
    world
        .put("a.example.test", "A", &["127.0.0.1", "127.0.0.2"])
        .put("a.example.test", "AAAA", &["::1"])
        .put("a.example.test", "CAA", &["0 issue \"ca.test\""])
        .put("a.example.test", "MX", &["10 mail.example.test"]);
    let name = "a.example.test.";
    assert_eq!(
        world.told(name, RecordType::A).await,
        ["a.example.test. A 127.0.0.1", "a.example.test. A 127.0.0.2"]
    );
    assert_eq!(
        world.told(name, RecordType::AAAA).await,
        ["a.example.test. AAAA ::1"]
    );
    assert_eq!(
        world.told(name, RecordType::CAA).await,
        ["a.example.test. CAA 0 issue \"ca.test\""]
    );
    assert_eq!(
        world.told(name, RecordType::MX).await,
        ["a.example.test. MX 10 mail.example.test."]
    );
    assert_eq!(world.told("example.test.", RecordType::NS).await.len(), 4);
    assert_eq!(world.told("example.test.", RecordType::SOA).await.len(), 1);
    assert_eq!(world.told(name, RecordType::ANY).await.len(), 5);
    let answer = world.ask("A.eXample.test.", RecordType::AAAA).await;
    assert!(answer.metadata.authoritative && answer.metadata.recursion_available);
    // The spelling of the question comes back (some resolvers check it).
    assert_eq!(answer.queries[0].name().to_ascii(), "A.eXample.test.");
    assert_eq!(answer.answers[0].name.to_ascii(), "A.eXample.test.");
}

#[tokio::test]
async fn txt_strings_and_escapes_are_those_of_the_value() {
    let world = World::new(&["example.test"], &[]).await;
    world.put(
        "t.example.test",
        "TXT",
        &[r#""one two" "three""#, r#""q\"b\\o\101""#],
    );
    let answer = world.ask("t.example.test.", RecordType::TXT).await;
    let mut values = strings(&answer);
    values.sort();
    assert_eq!(values, [vec!["one two", "three"], vec!["q\"b\\oA"]]);
}

#[tokio::test]
async fn a_name_without_the_type_is_not_a_name_that_does_not_exist() {
    let world = World::new(&["example.test", "sub.example.test"], &[]).await;
    world.put("a.b.example.test", "A", &["127.0.0.1"]);
    let zone = "example.test.".to_owned();
    let no_data = (OK, true, zone.clone());
    assert_eq!(world.nothing("a.b.example.test.", RecordType::TXT).await, no_data);
    // An empty non-terminal.
    assert_eq!(world.nothing("b.example.test.", RecordType::A).await, no_data);
    assert_eq!(world.nothing("example.test.", RecordType::CAA).await, no_data);
    assert_eq!(
        world.nothing("c.example.test.", RecordType::A).await,
        (NAME_ERROR, true, zone.clone())
    );
    assert_eq!(
        world.nothing("x.a.b.example.test.", RecordType::A).await,
        (NAME_ERROR, true, zone)
    );
    // The longest zone answers.
    let sub = "sub.example.test.".to_owned();
    assert_eq!(
        world.nothing("x.sub.example.test.", RecordType::A).await,
        (NAME_ERROR, true, sub)
    );
}

#[tokio::test]
async fn outside_every_zone_only_ancestors_and_foreign_domains_exist() {
    let world = World::new(&["example.test"], &["elsewhere.org", "lent.example.test"]).await;
    let root = ".".to_owned();
    assert_eq!(
        world.nothing("nowhere.net.", RecordType::SOA).await,
        (NAME_ERROR, false, root.clone())
    );
    for ancestor in ["test.", "org.", "."] {
        assert_eq!(
            world.nothing(ancestor, RecordType::CAA).await,
            (OK, false, root.clone()),
            "{ancestor}"
        );
    }
    for foreign in ["elsewhere.org.", "lent.example.test."] {
        assert_eq!(world.told(foreign, RecordType::SOA).await.len(), 1);
        assert_eq!(
            world.nothing(foreign, RecordType::A).await,
            (OK, true, foreign.to_owned())
        );
        let below = format!("a.{foreign}");
        assert_eq!(
            world.nothing(&below, RecordType::A).await,
            (NAME_ERROR, true, foreign.to_owned())
        );
    }
    world.responder.set_foreign(Vec::new());
    assert_eq!(
        world.nothing("elsewhere.org.", RecordType::SOA).await,
        (NAME_ERROR, false, root)
    );
}

#[tokio::test]
async fn a_wildcard_answers_for_what_does_not_exist_below_it() {
    let world = World::new(&["example.test"], &[]).await;
    world
        .put("*.example.test", "TXT", &["\"any\""])
        .put("host.example.test", "A", &["127.0.0.1"])
        .put("x.ent.example.test", "A", &["127.0.0.1"]);
    let any = |name: &str| vec![format!("{name} TXT any")];
    assert_eq!(
        world.told("new.example.test.", RecordType::TXT).await,
        any("new.example.test.")
    );
    assert_eq!(
        world.told("a.b.example.test.", RecordType::TXT).await,
        any("a.b.example.test.")
    );
    let zone = "example.test.".to_owned();
    assert_eq!(
        world.nothing("new.example.test.", RecordType::A).await,
        (OK, true, zone.clone())
    );
    assert_eq!(
        world.nothing("host.example.test.", RecordType::TXT).await,
        (OK, true, zone.clone())
    );
    // RFC 4592 §2.2.1: the closest encloser is host, which has no wildcard.
    assert_eq!(
        world.nothing("a.host.example.test.", RecordType::TXT).await,
        (NAME_ERROR, true, zone.clone())
    );
    assert_eq!(
        world.nothing("ent.example.test.", RecordType::TXT).await,
        (OK, true, zone)
    );
}

#[tokio::test]
async fn an_alias_is_followed_within_our_zones() {
    let world = World::new(&["example.test", "acme.test"], &[]).await;
    world
        .put("_acme-challenge.example.test", "CNAME", &["one.acme.test"])
        .put("one.acme.test", "CNAME", &["two.acme.test."])
        .put("two.acme.test", "TXT", &["\"v\""])
        .put("out.example.test", "CNAME", &["nowhere.net"])
        .put("loop.example.test", "CNAME", &["pool.example.test"])
        .put("pool.example.test", "CNAME", &["loop.example.test"]);
    let challenge = "_acme-challenge.example.test.";
    let aliases = [
        "_acme-challenge.example.test. CNAME one.acme.test.",
        "one.acme.test. CNAME two.acme.test.",
        "two.acme.test. TXT v",
    ];
    assert_eq!(world.told(challenge, RecordType::TXT).await, aliases);
    assert_eq!(world.told(challenge, RecordType::CNAME).await, aliases[..1]);
    let no_data = world.ask(challenge, RecordType::CAA).await;
    assert_eq!(
        (
            no_data.metadata.response_code,
            lines(&no_data).len(),
            no_data.authorities.len()
        ),
        (OK, 2, 1)
    );
    let out = world.ask("out.example.test.", RecordType::TXT).await;
    assert_eq!((out.metadata.response_code, lines(&out).len()), (NAME_ERROR, 1));
    assert_eq!(world.told("loop.example.test.", RecordType::TXT).await.len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_into_udp_is_whole_over_tcp() {
    let world = World::new(&["example.test"], &[]).await;
    let values: Vec<String> = (0..40).map(|i| format!("\"{i:043}\"")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    world.put("big.example.test", "TXT", &values);
    let plain = question("big.example.test.", RecordType::TXT);
    let cut = udp(world.responder.address(), &plain).await;
    assert!(cut.metadata.truncation);
    assert!(cut.to_vec().unwrap().len() <= 512);
    let whole = tcp(world.responder.address(), &plain).await;
    assert!(!whole.metadata.truncation);
    assert_eq!(strings(&whole).len(), 40);

    let mut roomy = question("big.example.test.", RecordType::TXT);
    roomy.edns = Some(edns(0));
    let cut = udp(world.responder.address(), &roomy).await;
    assert!(cut.metadata.truncation && cut.edns.is_some() && cut.answers.is_empty());

    // EDNS makes room for what is not too long.
    world.put("big.example.test", "TXT", &values[..15]);
    let whole = udp(world.responder.address(), &roomy).await;
    assert!(!whole.metadata.truncation && whole.edns.is_some());
    assert_eq!(strings(&whole).len(), 15);
    assert!(udp(world.responder.address(), &plain).await.metadata.truncation);
}

fn edns(version: u8) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(4096).set_version(version);
    edns
}

#[tokio::test]
async fn what_is_no_question_of_this_internet_is_refused() {
    let world = World::new(&["example.test"], &[]).await;
    let code = async |message: &Message| {
        udp(world.responder.address(), message)
            .await
            .metadata
            .response_code
    };
    let mut newer = question("example.test.", RecordType::SOA);
    newer.edns = Some(edns(1));
    // Code 16 is BADSIG to a reader that looks for a signature.
    assert_eq!(u16::from(code(&newer).await), u16::from(ResponseCode::BADVERS));
    let mut notify = question("example.test.", RecordType::SOA);
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(code(&notify).await, ResponseCode::NotImp);
    let mut chaos = question("version.bind.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(code(&chaos).await, ResponseCode::Refused);
}

#[tokio::test]
async fn the_responder_frees_its_address_when_it_goes() {
    for graceful in [true, false] {
        let world = World::new(&["example.test"], &[]).await;
        let address = world.responder.address();
        if graceful {
            world.responder.shutdown().await;
        } else {
            drop(world.responder);
            tokio::task::yield_now().await;
        }
        let mut tries = 0;
        while dns::bind(address).await.is_err() {
            tries += 1;
            assert!(tries < 50, "still bound");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}
