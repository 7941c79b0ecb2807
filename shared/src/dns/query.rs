//! One DNS question to one server, over UDP and, when the answer is truncated, TCP (RFC 7766).

use std::{net::SocketAddr, time::Duration};

use hickory_proto::{
    op::{Message, Query},
    rr::{Name, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

/// A server that does not answer in this time is silent.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error("timed out")]
    Timeout,
    #[error("is unreachable: {0}")]
    Io(#[from] std::io::Error),
    #[error("sent something that is no DNS message: {0}")]
    Malformed(String),
}

/// Asks `server`. The answer's response code is for the caller to read.
pub(super) async fn ask(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    recursion: bool,
) -> Result<Message, QueryError> {
    let malformed = |e: &dyn std::fmt::Display| QueryError::Malformed(e.to_string());
    let name = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).map_err(|e| malformed(&e))?;
    let mut question = Message::query();
    question.metadata.recursion_desired = recursion;
    question.add_query(Query::query(name, kind));
    let id = question.metadata.id;
    let wire = question.to_vec().map_err(|e| malformed(&e))?;
    let exchange = async {
        let answer = over_udp(server, &wire, id).await?;
        if answer.metadata.truncation {
            over_tcp(server, &wire).await
        } else {
            Ok(answer)
        }
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .map_err(|_| QueryError::Timeout)?
}

fn parse(bytes: &[u8]) -> Result<Message, QueryError> {
    Message::from_vec(bytes).map_err(|e| QueryError::Malformed(e.to_string()))
}

async fn over_udp(server: SocketAddr, wire: &[u8], id: u16) -> Result<Message, QueryError> {
    let local: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    socket.send(wire).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // Anything that is not the answer to this question is somebody else's.
        if let Ok(answer) = parse(&buffer[..length])
            && answer.metadata.id == id
        {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, wire: &[u8]) -> Result<Message, QueryError> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(wire.len()).map_err(|e| QueryError::Malformed(e.to_string()))?;
    stream.write_all(&[&length.to_be_bytes(), wire].concat()).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await?;
    parse(&buffer)
}
