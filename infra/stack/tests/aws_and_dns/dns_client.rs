//! certmint's DNS client against responders that misbehave.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use certmint_core::words::Fqdn;
use certmint_shared::dns::{
    DnsError, DnsView, Freshness, Visibility,
    client::{QueryError, Resolvers, ask},
    view::PublicDns,
};
use certmint_stack::{
    dns::{self, Asked, Faults, Responder},
    route53::{Route53, Settings},
};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, RecordType},
};

use crate::HERE;

const NAME: &str = "_acme-challenge.example.test";
/// A question takes three seconds at most; the rest is for a busy machine.
const DEADLINE: Duration = Duration::from_secs(5);
/// When the next resolver is asked beside a silent one.
const HEAD_START: Duration = Duration::from_secs(1);

/// A responder for `example.test`, with so many TXT values at [`NAME`].
async fn responder(values: usize) -> Responder {
    let route53 = Route53::new(Settings::default());
    route53.create_zone("example.test").unwrap();
    let values: Vec<String> = expected(values).iter().map(|v| format!("\"{v}\"")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    route53.upsert(NAME, "TXT", 60, &values).unwrap();
    let sockets = dns::bind(HERE.parse().unwrap()).await.unwrap();
    dns::serve(sockets, route53, Vec::new()).unwrap()
}

fn expected(values: usize) -> Vec<String> {
    (0..values).map(|i| format!("{i:043}")).collect()
}

const fn silent() -> Faults {
    Faults {
        silent: true,
        lost: 0,
        truncating: false,
        code: None,
    }
}

const fn failing() -> Faults {
    Faults {
        code: Some(ResponseCode::ServFail),
        silent: false,
        lost: 0,
        truncating: false,
    }
}

async fn txt(server: SocketAddr) -> Result<Vec<String>, QueryError> {
    ask(server, NAME, RecordType::TXT, false)
        .await
        .map(|answer| values(&answer))
}

fn values(answer: &Message) -> Vec<String> {
    let read = |data: &RData| match data {
        RData::TXT(txt) => String::from_utf8_lossy(&txt.txt_data.concat()).into_owned(),
        other => panic!("{other} is no TXT"),
    };
    let mut values: Vec<String> = answer.answers.iter().map(|r| read(&r.data)).collect();
    values.sort();
    values
}

#[tokio::test]
async fn an_answer_that_fits_comes_over_udp() {
    let server = responder(20).await;
    // More than the 512 octets of a question without EDNS.
    assert_eq!(txt(server.address()).await.unwrap(), expected(20));
    assert_eq!(server.asked().tcp, 0);
}

#[tokio::test]
async fn a_truncated_answer_goes_on_over_tcp() {
    let server = responder(1).await;
    server.set_faults(Faults {
        truncating: true,
        ..Faults::default()
    });
    assert_eq!(txt(server.address()).await.unwrap(), expected(1));
    assert_eq!(server.asked().tcp, 1);
}

#[tokio::test]
async fn a_hundred_values_are_seen_whole() {
    let server = responder(100).await;
    assert_eq!(txt(server.address()).await.unwrap(), expected(100));
    let view = PublicDns::new(Some(server.address())).unwrap();
    let (zone, fqdn) = (Fqdn::new("example.test"), Fqdn::new(NAME));
    let seen = view.visibility(&zone, &fqdn, &expected(100)).await;
    assert_eq!(seen, Visibility::Everywhere);
    let Visibility::Lagging(why) = view.visibility(&zone, &fqdn, &expected(102)).await else {
        panic!("two values are not there");
    };
    assert!(why.contains("lacks 2 of 102 values"), "{why}");
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let server = responder(1).await;
    server.set_faults(Faults {
        lost: 2,
        ..Faults::default()
    });
    assert_eq!(txt(server.address()).await.unwrap(), expected(1));
    assert_eq!(server.asked(), Asked { udp: 3, tcp: 0 });
}

#[tokio::test]
async fn a_silent_server_costs_the_deadline_and_no_more() {
    let server = responder(1).await;
    server.set_faults(silent());
    let start = Instant::now();
    let error = txt(server.address()).await.unwrap_err();
    assert!(matches!(error, QueryError::Timeout), "{error}");
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    assert!(server.asked().udp > 1, "{:?}", server.asked());

    // Two in a row cost no more than one.
    let other = responder(1).await;
    other.set_faults(silent());
    let resolvers = Resolvers::new(vec![server.address(), other.address()]);
    let start = Instant::now();
    let error = resolvers.ask(NAME, RecordType::TXT).await.unwrap_err();
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    let said = [&server, &other].map(|s| format!("resolver {} timed out", s.address()));
    assert_eq!(error.to_string(), said.join(", "));
}

#[tokio::test]
async fn a_second_resolver_answers_for_a_silent_one_and_is_asked_first_from_then_on() {
    let (first, second) = (responder(3).await, responder(3).await);
    first.set_faults(silent());
    let resolvers = Resolvers::new(vec![first.address(), second.address()]);
    for _ in 0..5 {
        let answer = resolvers.ask(NAME, RecordType::TXT).await.unwrap();
        assert_eq!(values(&answer), expected(3));
    }
    assert!(second.asked().udp >= 5, "{:?}", second.asked());
    // A second datagram may have left before the other's answer came.
    assert!(first.asked().udp <= 2, "{:?}", first.asked());
}

#[tokio::test]
async fn a_resolver_that_fails_is_not_waited_for() {
    let (first, second) = (responder(3).await, responder(3).await);
    first.set_faults(failing());
    let resolvers = Resolvers::new(vec![first.address(), second.address()]);
    let start = Instant::now();
    let answer = resolvers.ask(NAME, RecordType::TXT).await.unwrap();
    assert_eq!(values(&answer), expected(3));
    assert!(start.elapsed() < HEAD_START, "{:?}", start.elapsed());

    second.set_faults(failing());
    let error = resolvers.ask(NAME, RecordType::TXT).await.unwrap_err();
    let said = [&second, &first].map(|s| format!("resolver {} answers Server Failure", s.address()));
    assert_eq!(error.to_string(), said.join(", "));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_answer() {
    let server = responder(1).await;
    let answer = ask(server.address(), "nothing.example.test", RecordType::TXT, true).await;
    assert_eq!(answer.unwrap().metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn the_view_says_which_server_failed() {
    let server = responder(1).await;
    server.set_faults(failing());
    let address = server.address();
    let view = PublicDns::new(Some(address)).unwrap();
    let (zone, fqdn) = (Fqdn::new("example.test"), Fqdn::new(NAME));
    assert_eq!(
        view.visibility(&zone, &fqdn, &expected(1)).await,
        Visibility::Lagging(format!("name server {address} answers Server Failure for {NAME}"))
    );
    let asked_itself = view.look(&fqdn, Some(&zone), Freshness::Kept).await;
    let resolved = view.look(&fqdn, None, Freshness::Kept).await;
    let said = |who: &str| format!("{who} {address} answers Server Failure for {NAME}");
    let of_zone = format!("{} in zone example.test", said("name server"));
    assert_eq!(asked_itself, Err(DnsError::Lookup(of_zone)));
    assert_eq!(resolved, Err(DnsError::Lookup(said("resolver"))));
    assert_eq!(view.domain_exists(&fqdn).await, None);
}

#[tokio::test]
async fn all_resolvers_of_the_machine_are_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "# nameserver 192.0.2.9\nsearch example.test\nnameserver 127.0.0.1\nnameserver\t::1 # second\n\
                nameserver nonsense\n nameserver 192.0.2.1\nnameserver 192.0.2.2\n";
    std::fs::write(file.path(), text).unwrap();
    let servers = Resolvers::of_file(file.path());
    assert_eq!(
        servers.addresses(),
        ["127.0.0.1:53", "[::1]:53", "192.0.2.1:53"].map(|a| a.parse().unwrap())
    );
    assert!(
        Resolvers::of_file(&file.path().join("none"))
            .addresses()
            .is_empty()
    );
}

#[tokio::test]
async fn dead_name_servers_of_one_domain_keep_no_answer_of_others() {
    let responder = responder(1).await;
    let dead = |name: &str| responder.set_dead(vec![name.parse().unwrap()]);
    for other in ["other.test", "ample.test", "a._acme-challenge.example.test"] {
        dead(other);
        assert_eq!(txt(responder.address()).await.unwrap(), expected(1), "{other}");
    }
    for domain in ["example.test", NAME, "test"] {
        dead(domain);
        let asked = responder.asked();
        let error = txt(responder.address()).await.unwrap_err();
        assert!(matches!(error, QueryError::Timeout), "{domain}: {error}");
        assert_ne!(responder.asked(), asked);
    }
}
