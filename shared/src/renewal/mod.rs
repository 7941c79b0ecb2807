//! Renewal of certificates, pure: when, and what a look at one calls for. [`schedule`] is the arithmetic; the worker
//! does what [`decide`] says.

mod decide;
pub mod schedule;

pub use self::decide::{Decision, after_answer, asleep, decide, failed_look, started};
use self::schedule::Draw;
use crate::domain::{Certificate, CertificateSource, RenewMode, Renewal};

/// The draw of one version of a certificate for a purpose.
fn draw(certificate: &Certificate, purpose: &str) -> Draw {
    let names: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
    let of = format!("{} {} {}", certificate.id, certificate.version, names.join(" "));
    Draw::of(&of, purpose)
}

/// The schedule of a certificate that was just recorded, before its CA was asked. What is not from ACME is not ours to
/// renew.
#[must_use]
pub fn first(certificate: &Certificate) -> Renewal {
    let draw = |purpose| draw(certificate, purpose);
    let ours = certificate.source == CertificateSource::Acme && certificate.account_id.is_some();
    let renew_at =
        ours.then(|| schedule::by_life(certificate.not_before, certificate.expires_at, draw("life")));
    let life = certificate.expires_at.since(certificate.not_before);
    let look = schedule::first_look(certificate.updated_at, life, draw("look"));
    Renewal {
        certificate_id: certificate.id,
        mode: if ours { RenewMode::Auto } else { RenewMode::Manual },
        expires_at: certificate.expires_at,
        renew_at,
        look_at: renew_at.map(|_| look),
        request_id: None,
        last_error: None,
        window: None,
        explanation_url: None,
        revision: 0,
        updated_at: certificate.updated_at,
    }
}

/// The schedule of a new version in the place of an older one: the mode stays, and so does another request.
#[must_use]
pub fn replaced(old: &Renewal, certificate: &Certificate) -> Renewal {
    let fresh = first(certificate);
    let other = old.request_id.filter(|id| Some(*id) != certificate.request_id);
    Renewal {
        mode: old.mode,
        request_id: other,
        look_at: fresh.look_at.filter(|_| old.mode == RenewMode::Auto),
        revision: old.revision,
        ..fresh
    }
}

/// The same in another mode; switched on, it is looked at at once.
#[must_use]
pub fn in_mode(renewal: &Renewal, mode: RenewMode, now: crate::domain::Timestamp) -> Renewal {
    Renewal {
        mode,
        look_at: renewal.renew_at.map(|_| now).filter(|_| mode == RenewMode::Auto),
        updated_at: now,
        ..renewal.clone()
    }
}
