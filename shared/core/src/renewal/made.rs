//! The schedules that a recorded certificate starts, goes on and ends with.

use super::{
    renewal::{RenewMode, Renewal},
    schedule::{self, draw},
};
use crate::{
    certificate::{Certificate, CertificateSource, RenewalTerms},
    issuance::Request,
    words::{RequestId, Timestamp},
};

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
        terms: RenewalTerms::default(),
        succeeded_by: None,
        renewal_of: None,
        despite: None,
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

/// The same with the terms of the request that made it.
#[must_use]
pub fn recorded(certificate: &Certificate, made_by: Option<&Request>) -> Renewal {
    Renewal {
        terms: made_by.map_or_else(RenewalTerms::default, Request::terms),
        ..first(certificate)
    }
}

/// Another request for it than the one that succeeded.
fn other(old: &Renewal, certificate: &Certificate) -> Option<RequestId> {
    old.request_id.filter(|id| Some(*id) != certificate.request_id)
}

/// The schedule of a new version in the place of an older one: mode and terms stay, and so does another request. One
/// that was succeeded stays so.
#[must_use]
pub fn replaced(old: &Renewal, certificate: &Certificate) -> Renewal {
    let fresh = first(certificate);
    let goes_on = old.mode == RenewMode::Auto && old.succeeded_by.is_none();
    Renewal {
        mode: old.mode,
        terms: old.terms,
        succeeded_by: old.succeeded_by,
        renewal_of: old.renewal_of,
        request_id: other(old, certificate),
        look_at: fresh.look_at.filter(|_| goes_on),
        revision: old.revision,
        ..fresh
    }
}

/// The schedule of a certificate that succeeds another: it takes over mode and terms. A second one (a failed renewal
/// that was retried after another succeeded) is not renewed by itself: the first is.
#[must_use]
pub fn successor(old: &Renewal, certificate: &Certificate) -> Renewal {
    let fresh = first(certificate);
    let mode = match old.succeeded_by {
        None => old.mode,
        Some(_) => RenewMode::Manual,
    };
    Renewal {
        mode,
        terms: old.terms,
        renewal_of: Some(old.certificate_id),
        look_at: fresh.look_at.filter(|_| mode == RenewMode::Auto),
        ..fresh
    }
}

/// The renewal of a certificate that `new` succeeded: nothing more is done by itself.
#[must_use]
pub fn succeeded(old: &Renewal, new: &Certificate) -> Renewal {
    Renewal {
        succeeded_by: old.succeeded_by.or(Some(new.id)),
        request_id: other(old, new),
        look_at: None,
        last_error: None,
        updated_at: new.updated_at,
        ..old.clone()
    }
}

/// The same in another mode; switched on, it is looked at at once.
#[must_use]
pub fn in_mode(renewal: &Renewal, mode: RenewMode, now: Timestamp) -> Renewal {
    Renewal {
        mode,
        look_at: renewal.renew_at.map(|_| now).filter(|_| mode == RenewMode::Auto),
        updated_at: now,
        ..renewal.clone()
    }
}
