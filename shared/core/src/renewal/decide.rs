//! What a look at a renewal calls for.

use std::time::Duration;

use super::{
    renewal::{RenewMode, Renewal},
    schedule::{self, draw},
    window::RenewalInfo,
};
use crate::{
    certificate::Certificate,
    issuance::{Request, RequestStatus},
    words::{RequestId, Timestamp},
};

/// While a request is on its way its renewal is looked at this often.
const UNDER_WAY: Duration = Duration::from_secs(60 * 60);
/// A certificate that nobody could renew for so long after its end is given up.
const GIVEN_UP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What to do with a renewal that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Store it: nothing else is to be done before its `look_at`.
    Keep(Box<Renewal>),
    /// Ask the CA for its window.
    Ask,
    /// Make a request.
    Renew,
}

/// Decides by what is stored: the renewal, and the request it names (`None` if there is none any more).
#[must_use]
pub fn decide(renewal: &Renewal, request: Option<&Request>, now: Timestamp) -> Decision {
    let keep = |look_at: Option<Timestamp>| {
        Decision::Keep(Box::new(Renewal {
            look_at,
            updated_at: now,
            ..renewal.clone()
        }))
    };
    let Some(renew_at) = renewal.renew_at.filter(|_| renewal.mode == RenewMode::Auto) else {
        return keep(None);
    };
    if renewal.expires_at.plus(GIVEN_UP) < now {
        return Decision::Keep(Box::new(Renewal {
            look_at: None,
            last_error: Some("it ended more than 30 days ago: no longer renewed; trigger it by hand".into()),
            updated_at: now,
            ..renewal.clone()
        }));
    }
    if let Some(request) = request {
        match request.status {
            RequestStatus::Pending | RequestStatus::Running => return keep(Some(now.plus(UNDER_WAY))),
            RequestStatus::Failed => {
                let again = schedule::after_failure(request.updated_at, renewal.expires_at);
                if now < again {
                    return keep(Some(again));
                }
            }
            RequestStatus::Success => {}
        }
    }
    if renew_at <= now {
        Decision::Renew
    } else {
        Decision::Ask
    }
}

/// The schedule after the CA's answer (`None`: it has no renewal information). The moment is drawn once a window.
#[must_use]
pub fn after_answer(
    renewal: &Renewal,
    certificate: &Certificate,
    info: Option<&RenewalInfo>,
    now: Timestamp,
) -> Renewal {
    let (from, to) = (certificate.not_before, certificate.expires_at);
    let window = info.map(|i| i.window);
    let renew_at = match window {
        same if same == renewal.window => renewal.renew_at,
        Some(window) => {
            let purpose = format!("window {} {}", window.start.millis(), window.end.millis());
            Some(schedule::by_window(window, from, to, draw(certificate, &purpose)))
        }
        None => Some(schedule::by_life(from, to, draw(certificate, "life"))),
    };
    let wait = info.map_or(schedule::LOOK_WITHOUT_ARI, |i| {
        schedule::until_next_look(i.retry_after)
    });
    Renewal {
        renew_at,
        look_at: renew_at.map(|at| at.min(now.plus(wait))),
        window,
        explanation_url: info.and_then(|i| i.explanation_url.clone()),
        last_error: None,
        updated_at: now,
        ..renewal.clone()
    }
}

/// The CA could not be asked: what was known stands (RFC 9773 §4.3.3), and it is asked again later.
#[must_use]
pub fn failed_look(renewal: &Renewal, until: Option<Timestamp>, now: Timestamp) -> Renewal {
    let again = now.plus(schedule::until_next_look(None));
    let again = until.filter(|at| *at > now).map_or(again, |at| at.min(again));
    Renewal {
        look_at: renewal.renew_at.map(|at| at.min(again).max(now)),
        updated_at: now,
        ..renewal.clone()
    }
}

/// The renewal once a request for it is made.
#[must_use]
pub fn started(renewal: &Renewal, request: RequestId, now: Timestamp) -> Renewal {
    Renewal {
        request_id: Some(request),
        last_error: None,
        look_at: Some(now.plus(UNDER_WAY)).filter(|_| renewal.mode == RenewMode::Auto),
        updated_at: now,
        ..renewal.clone()
    }
}
