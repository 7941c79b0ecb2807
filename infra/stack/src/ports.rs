//! Where the stack listens. Loopback only: the token and the keys of a local run are nobody else's.

use std::net::Ipv4Addr;

use rand::Rng;
use tokio::net::{TcpListener, UdpSocket};

use crate::{StackError, dns};

/// Port numbers; 0 takes any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The HTTP API.
    pub api: u16,
    /// Emulated AWS.
    pub aws: u16,
    /// The CA for `letsencrypt`.
    pub acme: u16,
    /// Its management interface.
    pub acme_management: u16,
    /// The CA for `google`.
    pub acme_eab: u16,
    /// Its management interface.
    pub acme_eab_management: u16,
    /// DNS, UDP and TCP.
    pub dns: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            api: 3000,
            aws: 4566,
            acme: 14_000,
            acme_management: 15_000,
            acme_eab: 14_001,
            acme_eab_management: 15_001,
            dns: 8053,
        }
    }
}

impl Ports {
    /// Any free ones.
    #[must_use]
    pub const fn any() -> Self {
        Self {
            api: 0,
            aws: 0,
            acme: 0,
            acme_management: 0,
            acme_eab: 0,
            acme_eab_management: 0,
            dns: 0,
        }
    }

    /// The same, all moved by `offset`.
    #[must_use]
    pub fn moved(self, offset: u16) -> Self {
        let at = |port: u16| port.saturating_add(offset);
        Self {
            api: at(self.api),
            aws: at(self.aws),
            acme: at(self.acme),
            acme_management: at(self.acme_management),
            acme_eab: at(self.acme_eab),
            acme_eab_management: at(self.acme_eab_management),
            dns: at(self.dns),
        }
    }
}

/// Where a listener listens.
pub(crate) fn port_of(listener: &TcpListener) -> Result<u16, StackError> {
    let address = listener.local_addr().map_err(StackError::io("a port"))?;
    Ok(address.port())
}

/// Who wants a port, and the option that moves it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) what: &'static str,
    pub(crate) option: &'static str,
}

impl Place {
    pub(crate) async fn tcp(self, port: u16) -> Result<TcpListener, StackError> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        bound.map_err(|source| self.taken(port, source))
    }

    /// UDP and TCP on the same port.
    pub(crate) async fn both(self, port: u16) -> Result<(UdpSocket, TcpListener), StackError> {
        let bound = dns::bind((Ipv4Addr::LOCALHOST, port).into()).await;
        bound.map_err(|source| self.taken(port, source))
    }

    /// A port that another process will bind: checked, or chosen if it is 0. It is chosen below those that the kernel
    /// hands out for connections, so that nobody takes it in between; the listener holds it until it is dropped.
    pub(crate) async fn lent(self, port: u16) -> Result<(u16, TcpListener), StackError> {
        if port != 0 {
            return self.tcp(port).await.map(|held| (port, held));
        }
        let mut last = std::io::ErrorKind::AddrInUse.into();
        for _ in 0..64 {
            let port = rand::rng().random_range(20_000..32_000);
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(held) => return Ok((port, held)),
                Err(e) => last = e,
            }
        }
        Err(self.taken(port, last))
    }

    fn taken(self, port: u16, source: std::io::Error) -> StackError {
        StackError::Port {
            port,
            what: self.what,
            option: self.option,
            source,
        }
    }
}
