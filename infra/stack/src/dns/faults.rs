//! What a responder does wrong on demand, so that a client can be tried on it.

use std::sync::{Mutex, PoisonError};

use hickory_proto::op::ResponseCode;
use hickory_server::net::xfer::Protocol;

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
pub(super) struct Switches(Mutex<(Faults, Asked)>);

impl Switches {
    pub(super) fn set(&self, faults: Faults) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = faults;
    }

    pub(super) fn asked(&self) -> Asked {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Counts a question and says what becomes of it.
    pub(super) fn take(&self, protocol: Protocol) -> Fate {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (faults, asked) = &mut *guard;
        let udp = protocol == Protocol::Udp;
        if udp {
            asked.udp += 1;
        } else {
            asked.tcp += 1;
        }
        if faults.silent {
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
