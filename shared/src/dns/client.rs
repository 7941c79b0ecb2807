//! Questions to DNS servers, with no cache: over UDP, asked again when a datagram is lost, over TCP when the answer is
//! truncated (RFC 7766), with EDNS. `hickory-net` speaks the protocol. Its resolver is not used: it brings a cache of
//! its own and does not tell which server said what.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use hickory_net::{
    DnsHandle, NetError,
    runtime::TokioRuntimeProvider,
    tcp::TcpClientStream,
    udp::UdpClientStream,
    xfer::{DnsRequestSender, FirstAnswer},
};
use hickory_proto::{
    op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query, ResponseCode},
    rr::{Name, RecordType},
};
use tokio::time::{Instant, timeout, timeout_at};

/// A question that has no answer by then has none.
const PATIENCE: Duration = Duration::from_secs(3);
/// A datagram without an answer is sent again after this long, from another port; three are sent.
const AGAIN: Duration = Duration::from_secs(1);
/// The next resolver is asked as well when one has said nothing for this long.
const HEAD_START: Duration = Duration::from_secs(1);
/// More are not read from the system's list (`MAXNS` of resolv.conf(5)).
const MAX_RESOLVERS: usize = 3;

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It was silent.
    #[error("timed out")]
    Timeout,
    /// There is no way to it.
    #[error("is unreachable: {0}")]
    Unreachable(NetError),
    /// Its answer cannot be read, or the name cannot be asked for.
    #[error("sent something that is no DNS message: {0}")]
    Malformed(String),
    /// It failed or refused.
    #[error("answers {0}")]
    Code(ResponseCode),
    /// It knows nothing of the name, and nobody who does: a delegation to it leads nowhere (RFC 8499, "lame").
    #[error("does not serve the zone")]
    Lame,
}

impl From<NetError> for QueryError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Timeout => Self::Timeout,
            NetError::Proto(error) => Self::Malformed(error.to_string()),
            error => Self::Unreachable(error),
        }
    }
}

/// Why nobody gave an answer: what each one said.
#[derive(Debug)]
pub struct NoAnswer {
    /// What they are: `resolver`, `name server`.
    who: &'static str,
    said: Vec<(SocketAddr, QueryError)>,
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (server, error)) in self.said.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {server} {error}", self.who)?;
        }
        Ok(())
    }
}

impl std::error::Error for NoAnswer {}

/// Asks one server. The answer says that the name exists or that it does not; another code is an error.
///
/// # Errors
/// What the server said instead, three seconds later at the latest.
pub async fn ask(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    recursion: bool,
) -> Result<Message, QueryError> {
    ask_until(Instant::now() + PATIENCE, server, name, kind, recursion).await
}

async fn ask_until(
    deadline: Instant,
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    recursion: bool,
) -> Result<Message, QueryError> {
    let name = Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
        .map_err(|e| QueryError::Malformed(e.to_string()))?;
    let mut options = DnsRequestOptions::default();
    options.recursion_desired = recursion;
    options.retry_interval = AGAIN;
    let request = DnsRequest::from_query(Query::query(name, kind), options);
    let exchange = async {
        let answer = over_udp(server, request.clone()).await?;
        if answer.metadata.truncation {
            over_tcp(server, request).await
        } else {
            Ok(answer)
        }
    };
    let answer = timeout_at(deadline, exchange)
        .await
        .map_err(|_| QueryError::Timeout)??;
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer.into_message()),
        code => Err(QueryError::Code(code)),
    }
}

async fn over_udp(server: SocketAddr, request: DnsRequest) -> Result<DnsResponse, NetError> {
    let mut stream = UdpClientStream::builder(server, TokioRuntimeProvider::new())
        .with_timeout(Some(PATIENCE))
        .build();
    stream.send_message(request).first_answer().await
}

async fn over_tcp(server: SocketAddr, request: DnsRequest) -> Result<DnsResponse, NetError> {
    // The connection is served by a task of this provider: it ends with it.
    let provider = TokioRuntimeProvider::new();
    let connection = TcpClientStream::exchange(server, None, PATIENCE, None, provider.clone()).await?;
    let answer = connection.send(request).first_answer().await;
    drop(provider);
    answer
}

/// Recursive servers, of which one answer is enough.
pub struct Resolvers {
    servers: Vec<SocketAddr>,
    /// The one that answered last is asked first, so that a dead one costs its time once.
    first: AtomicUsize,
}

impl Resolvers {
    /// Those that are given, in this order.
    #[must_use]
    pub const fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            first: AtomicUsize::new(0),
        }
    }

    /// Those of a file of the form of resolv.conf(5). An address that cannot be read is left out.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let address = |line: &str| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then_some(())?;
            words.next()?.parse::<IpAddr>().ok()
        };
        let addresses = text.lines().filter_map(address).take(MAX_RESOLVERS);
        Self::new(addresses.map(|ip| SocketAddr::new(ip, 53)).collect())
    }

    /// Where they are; may be nobody.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Asks them one after the other until one answers.
    ///
    /// # Errors
    /// What each one said, three seconds later at the latest.
    pub async fn ask(&self, name: &str, kind: RecordType) -> Result<Message, NoAnswer> {
        let (count, first) = (self.servers.len(), self.first.load(Ordering::Relaxed));
        let order = (0..count).map(|i| (first + i) % count);
        let servers: Vec<SocketAddr> = order.map(|index| self.servers[index]).collect();
        let (at, answer) = ask_some("resolver", &servers, name, kind, true, |_| true).await?;
        self.first.store((first + at) % count, Ordering::Relaxed);
        Ok(answer)
    }
}

/// Asks one after the other until one gives an answer of use: the next one when one fails, and beside it when it is
/// silent. Says which one that was.
///
/// # Errors
/// What each one said, three seconds later at the latest.
pub async fn ask_some(
    who: &'static str,
    servers: &[SocketAddr],
    name: &str,
    kind: RecordType,
    recursion: bool,
    is_of_use: impl Fn(&Message) -> bool,
) -> Result<(usize, Message), NoAnswer> {
    let deadline = Instant::now() + PATIENCE;
    let mut next = servers.iter().enumerate();
    let mut asked = FuturesUnordered::new();
    let mut said = Vec::new();
    loop {
        if let Some((index, server)) = next.next() {
            asked.push(async move { (index, ask_until(deadline, *server, name, kind, recursion).await) });
        }
        let patience = if next.len() == 0 { PATIENCE } else { HEAD_START };
        match timeout(patience, asked.next()).await {
            Ok(Some((index, Ok(answer)))) if is_of_use(&answer) => return Ok((index, answer)),
            Ok(Some((index, Ok(_)))) => said.push((servers[index], QueryError::Lame)),
            Ok(Some((index, Err(error)))) => said.push((servers[index], error)),
            Ok(None) => return Err(NoAnswer { who, said }),
            Err(_) => {}
        }
    }
}
