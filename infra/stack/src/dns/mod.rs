//! The DNS of the whole Internet, as far as a local CA and a local worker ask: what stands in [`Route53`], names that
//! are hosted elsewhere, and NXDOMAIN for the rest. Every question may be asked recursively.

mod faults;

pub use faults::{Asked, Faults};

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use hickory_proto::{
    op::{Edns, Header, HeaderCounts, Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType, rdata::SOA},
};
use hickory_server::{
    net::{runtime::Time, xfer::Protocol},
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server},
    zone_handler::MessageResponseBuilder,
};
use tokio::net::{TcpListener, UdpSocket};

use self::faults::{Fate, Switches};
use crate::route53::{DnsName, Lookup, Route53, Rrset, rdata};

/// A TCP client that says nothing for this long is let go (RFC 7766 §6.2.3: some seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Answers waiting in one TCP connection.
const TCP_ANSWERS: usize = 64;
/// The most that goes into one UDP answer, whatever the client offers (RFC 9715 §3: no fragments).
const MAX_UDP: u16 = 1400;
/// The least that every client takes (RFC 1035 §4.2.1, RFC 6891 §6.2.3).
const MIN_UDP: u16 = 512;
/// Aliases followed before the chain counts as a loop.
const MAX_CNAMES: usize = 8;
/// TTL of what is made up for names outside Route53: little, so that a zone created now is seen now.
const OUTSIDE_TTL: u32 = 1;
/// Ports tried until one is free for UDP and TCP both.
const BIND_TRIES: usize = 16;

/// Binds UDP and TCP to one address; port 0 takes one that is free for both.
///
/// # Errors
/// If there is none.
pub async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = 0;
    loop {
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if address.port() == 0 && tries < BIND_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Answers questions on both sockets from `zones`; domains in `foreign` exist but are hosted elsewhere.
///
/// # Errors
/// If the sockets have no address.
///
/// # Panics
/// Outside a tokio runtime.
pub fn serve(
    (udp, tcp): (UdpSocket, TcpListener),
    zones: Route53,
    foreign: Vec<DnsName>,
) -> io::Result<Responder> {
    let address = udp.local_addr()?;
    let foreign = Arc::new(RwLock::new(foreign));
    let switches = Arc::new(Switches::default());
    let mut server = Server::new(Handler {
        zones,
        foreign: foreign.clone(),
        switches: switches.clone(),
    });
    server.register_socket(udp);
    server.register_listener(tcp, TCP_IDLE, TCP_ANSWERS);
    Ok(Responder {
        address,
        foreign,
        switches,
        server,
    })
}

/// A responder at work; it stops when dropped.
pub struct Responder {
    address: SocketAddr,
    foreign: Arc<RwLock<Vec<DnsName>>>,
    switches: Arc<Switches>,
    server: Server<Handler>,
}

impl Responder {
    /// Where it answers.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the domains that exist but are hosted elsewhere.
    pub fn set_foreign(&self, foreign: Vec<DnsName>) {
        *self.foreign.write().unwrap_or_else(PoisonError::into_inner) = foreign;
    }

    /// Lets it misbehave from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.switches.set(faults);
    }

    /// Replaces the domains whose name servers are dead: no question about what is in them gets an answer.
    pub fn set_dead(&self, domains: Vec<DnsName>) {
        self.switches.set_dead(domains);
    }

    /// How many questions it was asked.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.switches.asked()
    }

    /// Stops taking questions and waits for those under way.
    pub async fn shutdown(mut self) {
        if let Err(error) = self.server.shutdown_gracefully().await {
            tracing::debug!(%error, "DNS responder stopped");
        }
    }
}

struct Handler {
    zones: Route53,
    foreign: Arc<RwLock<Vec<DnsName>>>,
    switches: Arc<Switches>,
}

/// The sections of an answer.
struct Answer {
    code: ResponseCode,
    authoritative: bool,
    records: Vec<Record>,
    authority: Vec<Record>,
}

impl Answer {
    const fn refusal(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            records: Vec::new(),
            authority: Vec::new(),
        }
    }
}

/// What one name says; an alias is not followed yet.
struct Said {
    code: ResponseCode,
    authoritative: bool,
    records: Vec<Record>,
    /// The SOA of who says that there is nothing, or the servers to ask instead.
    authority: Vec<Record>,
}

impl Said {
    fn nothing(code: ResponseCode, soa: Option<Record>) -> Self {
        Self {
            code,
            authoritative: true,
            records: Vec::new(),
            authority: soa.into_iter().collect(),
        }
    }
}

impl Handler {
    fn answer(&self, name: &Name, rtype: RecordType) -> Answer {
        let mut said = self.ask(name, rtype);
        let authoritative = said.authoritative;
        let mut records = Vec::new();
        for _ in 0..MAX_CNAMES {
            records.append(&mut said.records);
            // RFC 1034 §4.3.2, step 3a: the question goes on at the alias's target.
            let alias = match records.last().map(|record| &record.data) {
                Some(RData::CNAME(target)) if !matches!(rtype, RecordType::CNAME | RecordType::ANY) => {
                    target.0.clone()
                }
                _ => break,
            };
            let again = self.ask(&alias, rtype);
            let seen = again.records.iter().any(|record| records.contains(record));
            said = again;
            if seen {
                said.records.clear();
                break;
            }
            if said.records.is_empty() {
                break;
            }
        }
        records.append(&mut said.records);
        Answer {
            // RFC 6604 §3: the code speaks of the last name in the chain.
            code: said.code,
            authoritative,
            records,
            authority: said.authority,
        }
    }

    fn ask(&self, name: &Name, rtype: RecordType) -> Said {
        let Ok(plain) = DnsName::from_labels(name.iter()) else {
            // Only the root has no spelling of its own.
            return Said {
                authoritative: false,
                ..Said::nothing(ResponseCode::NoError, Some(outside_soa(Name::root())))
            };
        };
        if let Some(said) = self.ask_foreign(name, &plain, rtype) {
            return said;
        }
        match self.zones.lookup(&plain, &rtype.to_string()) {
            Lookup::Records(sets) => Said {
                records: sets.iter().flat_map(|set| records(name, set)).collect(),
                ..Said::nothing(ResponseCode::NoError, None)
            },
            Lookup::NoData { soa } => {
                Said::nothing(ResponseCode::NoError, soa.and_then(|set| negative(&set)))
            }
            Lookup::NoName { soa } => {
                Said::nothing(ResponseCode::NXDomain, soa.and_then(|set| negative(&set)))
            }
            Lookup::Referral { servers } => Said {
                authoritative: false,
                authority: Name::from_ascii(servers.name.as_str())
                    .map(|owner| records(&owner, &servers))
                    .unwrap_or_default(),
                ..Said::nothing(ResponseCode::NoError, None)
            },
            Lookup::NoZone => Said {
                authoritative: false,
                ..Said::nothing(self.outside(&plain), Some(outside_soa(Name::root())))
            },
        }
    }

    /// A name in a domain that is hosted elsewhere, unless a zone of ours is nearer: only the domain itself exists.
    fn ask_foreign(&self, name: &Name, plain: &DnsName, rtype: RecordType) -> Option<Said> {
        let foreign = self.foreign.read().unwrap_or_else(PoisonError::into_inner);
        let domains = foreign.iter().filter(|domain| plain.is_within(domain));
        let domain = domains.max_by_key(|domain| domain.as_str().len())?;
        let ours = self.zones.zone_holding(plain);
        if ours.is_some_and(|zone| zone.is_within(domain)) {
            return None;
        }
        let labels = domain.as_str().matches('.').count();
        let soa = outside_soa(name.trim_to(labels));
        Some(match (plain == domain, rtype) {
            (true, RecordType::SOA) => Said {
                records: vec![soa],
                ..Said::nothing(ResponseCode::NoError, None)
            },
            (true, _) => Said::nothing(ResponseCode::NoError, Some(soa)),
            (false, _) => Said::nothing(ResponseCode::NXDomain, Some(soa)),
        })
    }

    /// A name above a zone exists, since the zone does (RFC 8020 §2: else nothing below it could).
    fn outside(&self, plain: &DnsName) -> ResponseCode {
        let foreign = self.foreign.read().unwrap_or_else(PoisonError::into_inner);
        if self.zones.has_zone_below(plain) || foreign.iter().any(|domain| domain.is_within(plain)) {
            ResponseCode::NoError
        } else {
            ResponseCode::NXDomain
        }
    }
}

/// Whether a UDP client has room for the answer.
fn fits(request: &Request, answer: &Answer, edns: Option<&Edns>) -> bool {
    let mut message = Message::query();
    let questions = request.queries.queries().iter();
    message.add_queries(questions.map(|question| question.original().clone()));
    message.answers.clone_from(&answer.records);
    message.authorities.clone_from(&answer.authority);
    message.edns = edns.cloned();
    let room = edns.map_or(MIN_UDP, Edns::max_payload);
    message.to_vec().is_ok_and(|wire| wire.len() <= usize::from(room))
}

fn records(owner: &Name, set: &Rrset) -> Vec<Record> {
    let data = set.values.iter().filter_map(|value| {
        rdata::parse(&set.rtype, value)
            .inspect_err(|error| tracing::warn!(name = %set.name, rtype = set.rtype, error, "not answered"))
            .ok()
    });
    data.map(|data| Record::from_rdata(owner.clone(), set.ttl, data))
        .collect()
}

/// The SOA in an answer without data: how long that may be kept (RFC 2308 §3).
fn negative(soa: &Rrset) -> Option<Record> {
    let owner = Name::from_ascii(soa.name.as_str()).ok()?;
    let mut record = records(&owner, soa).pop()?;
    if let RData::SOA(data) = &record.data {
        record.ttl = record.ttl.min(data.minimum);
    }
    Some(record)
}

fn outside_soa(owner: Name) -> Record {
    let server = Name::from_labels([b"ns".as_slice(), b"invalid"]).unwrap_or_default();
    let data = SOA::new(server.clone(), server, 1, 7200, 900, 1_209_600, OUTSIDE_TTL);
    Record::from_rdata(owner, OUTSIDE_TTL, RData::SOA(data))
}

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let asked = request.edns.as_ref();
        let edns = asked.map(|asked| {
            let mut edns = Edns::new();
            edns.set_version(0);
            edns.set_max_payload(asked.max_payload().clamp(MIN_UDP, MAX_UDP));
            edns
        });
        let metadata = &request.metadata;
        let question = request.queries.queries().first();
        let name = question.map(|question| question.original().name());
        let fate = self.switches.take(request.protocol(), name);
        if matches!(fate, Fate::Lost) {
            return ResponseInfo::from(Header {
                metadata: Metadata::response_from_request(metadata),
                counts: HeaderCounts::default(),
            });
        }
        let mut answer = match request.request_info() {
            _ if let Fate::Failed(code) = fate => Answer::refusal(code),
            _ if metadata.message_type != MessageType::Query => Answer::refusal(ResponseCode::FormErr),
            _ if metadata.op_code != OpCode::Query => Answer::refusal(ResponseCode::NotImp),
            // RFC 6891 §6.1.3.
            _ if asked.is_some_and(|asked| asked.version() > 0) => Answer::refusal(ResponseCode::BADVERS),
            Err(_) => Answer::refusal(ResponseCode::FormErr),
            Ok(info) if info.query.query_class() != DNSClass::IN => Answer::refusal(ResponseCode::Refused),
            Ok(info) => self.answer(info.query.original().name(), info.query.query_type()),
        };
        let mut metadata = Metadata::response_from_request(metadata);
        metadata.authoritative = answer.authoritative;
        metadata.recursion_available = true;
        metadata.response_code = answer.code;
        // Part of a set is of no use (RFC 2181 §9), and must not push out the OPT record (RFC 6891 §6.1.1).
        let whole = request.protocol() != Protocol::Udp || fits(request, &answer, edns.as_ref());
        if !whole || matches!(fate, Fate::Truncated) {
            metadata.truncation = true;
            answer.records.clear();
            answer.authority.clear();
        }
        let response = MessageResponseBuilder::new(&request.queries, edns.as_ref()).build(
            metadata,
            answer.records.iter(),
            answer.authority.iter(),
            [],
            [],
        );
        match response_handle.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::warn!(%error, "DNS answer not sent");
                metadata.response_code = ResponseCode::ServFail;
                ResponseInfo::from(Header {
                    metadata,
                    counts: HeaderCounts::default(),
                })
            }
        }
    }
}
