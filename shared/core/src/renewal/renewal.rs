//! What is known of a certificate's renewal.

use serde::{Deserialize, Serialize};

use super::window::Window;
use crate::certificate::RenewalTerms;
use crate::words::{CertificateId, RequestId, Timestamp};

/// Who starts a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewMode {
    /// The worker, when it is due.
    Auto,
    /// A client, whenever it wants.
    Manual,
}

impl RenewMode {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

/// The renewal of one certificate: an item of its own beside it, small enough to be rewritten at each look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// Who starts it.
    pub mode: RenewMode,
    /// What it makes, and with which key.
    pub terms: RenewalTerms,
    /// The certificate that succeeded this one: it is renewed from then on.
    pub succeeded_by: Option<CertificateId>,
    /// The certificate that this one succeeded.
    pub renewal_of: Option<CertificateId>,
    /// The revocation (by the time it was asked for) in spite of which a client wants it renewed.
    pub despite: Option<Timestamp>,
    /// End of validity of the version that this schedule is for.
    pub expires_at: Timestamp,
    /// The moment that was drawn; `None` for what is not ours to renew.
    pub renew_at: Option<Timestamp>,
    /// When a worker looks next; `None`: never.
    pub look_at: Option<Timestamp>,
    /// The newest request that renews it, until that succeeds. Whether it is on its way is asked of the request.
    pub request_id: Option<RequestId>,
    /// Why no request could be made, or why there will be no other.
    pub last_error: Option<String>,
    /// What the CA suggested, if it did.
    pub window: Option<Window>,
    /// Where the CA explains its window.
    pub explanation_url: Option<String>,
    /// Grows with each write; zero: not written yet.
    pub revision: u64,
    /// Last change.
    pub updated_at: Timestamp,
}
