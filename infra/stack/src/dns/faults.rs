//! What a responder does wrong on demand, so that a client can be tried on it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hickory_proto::{op::ResponseCode, rr::Name};
use hickory_server::net::xfer::Protocol;

use crate::route53::DnsName;

/// How a responder misbehaves; by default it does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// No question gets an answer.
    pub silent: bool,
    /// So many datagrams get lost, then none.
    pub lost: u32,
    /// No answer fits into UDP.
    pub truncating: bool,
    /// The code of every answer.
    pub code: Option<ResponseCode>,
}

/// Questions that came in, those without an answer too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Datagrams.
    pub udp: u32,
    /// Over TCP.
    pub tcp: u32,
}

/// What becomes of one question.
pub(super) enum Fate {
    Lost,
    Failed(ResponseCode),
    Truncated,
    Answered,
}

#[derive(Default)]
struct Set {
    faults: Faults,
    asked: Asked,
    dead: Vec<DnsName>,
}

#[derive(Default)]
pub(super) struct Switches(Mutex<Set>);

impl Switches {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    pub(super) fn set_dead(&self, domains: Vec<DnsName>) {
        self.lock().dead = domains;
    }

    pub(super) fn asked(&self) -> Asked {
        self.lock().asked
    }

    /// Counts a question and says what becomes of it.
    pub(super) fn take(&self, protocol: Protocol, name: Option<&Name>) -> Fate {
        let mut guard = self.lock();
        let Set { faults, asked, dead } = &mut *guard;
        let name = name.and_then(|name| DnsName::from_labels(name.iter()).ok());
        let is_dead = name.is_some_and(|name| dead.iter().any(|domain| name.is_within(domain)));
        let udp = protocol == Protocol::Udp;
        if udp {
            asked.udp += 1;
        } else {
            asked.tcp += 1;
        }
        if faults.silent || is_dead {
            Fate::Lost
        } else if udp && faults.lost > 0 {
            faults.lost -= 1;
            Fate::Lost
        } else if let Some(code) = faults.code {
            Fate::Failed(code)
        } else if udp && faults.truncating {
            Fate::Truncated
        } else {
            Fate::Answered
        }
    }
}
