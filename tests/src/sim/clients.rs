//! What clients do: ask, retry, and care for what they have. Their calls never wait.

use std::{collections::BTreeSet, time::Duration};

use certmint_core::{
    certificate::{RevocationReason, RevokedBy},
    issuance::{Fallback, NewRequest},
    renewal::{self, RenewMode},
    words::{AccountId, CertificateId, NameSet, RequestId, Timestamp},
};
use certmint_shared::store::{CertificateLifecycle, CertificateStore, RenewalStore, RequestStore};

use super::{
    later::{Care, Wish},
    leaf,
    timeline::Happening,
    world::{World, at_once},
};

/// What clients did with their certificates.
#[derive(Default)]
pub(super) struct Wishes {
    /// The CA's numbers of what is to be revoked, with the certificate.
    pub(super) revoked: Vec<(CertificateId, usize)>,
    /// What was deleted, and when.
    pub(super) deleted: Vec<(CertificateId, Timestamp)>,
    /// What is to be renewed no more.
    pub(super) switched_off: BTreeSet<CertificateId>,
}

impl World {
    /// A client asks; the kick may come twice, late or never.
    pub(super) fn ask(&mut self, place: usize) {
        let now = self.timeline.now();
        let ask = self.scenario.asks[place].clone();
        let names = NameSet::parse(&ask.names).expect("names");
        let account = |place: usize| AccountId::new(place as u64 + 1);
        let new = NewRequest {
            renew_as: ask.renew_as,
            fallback: Fallback {
                accounts: ask.fallback.iter().copied().map(account).collect(),
                own: true,
            },
            ..NewRequest::new(account(ask.account), names)
        };
        let request = at_once(self.clients.create_request(new, 10, None, now)).expect("a request");
        self.requests.insert(place, request.id);
        if ask.unreadable {
            self.clients.tables().unreadable.insert(request.id);
        }
        self.wake_schedule(now);
    }

    /// A client tries again what failed.
    pub(super) fn retry(&mut self, id: RequestId) {
        let now = self.timeline.now();
        if at_once(self.clients.retry_request(id, now)).is_ok() {
            *self.retried.entry(id).or_default() += 1;
            self.wake_schedule(now);
        }
    }

    fn certificate_of(&self, care: &Care) -> Option<CertificateId> {
        let request = self.requests.get(&care.ask)?;
        let tables = self.clients.tables();
        let id = tables.requests.get(request)?.result_certificate_id;
        id.filter(|id| tables.certificates.contains_key(&id.get()))
    }

    /// A client will do something: now, or while the next renewal runs.
    pub(super) fn care(&mut self, place: usize) {
        let Some(care) = self.care_at(place) else { return };
        let now = self.timeline.now();
        let due = self.certificate_of(&care).and_then(|id| {
            let tables = self.clients.tables();
            tables.renewals.get(&id.get())?.renew_at
        });
        let at = match due.filter(|at| care.in_renewal && *at > now) {
            Some(due) => due.plus(Duration::from_secs(self.timeline.draw(|rng| rng.within(0, 180)))),
            None => now,
        };
        self.timeline.at(at, Happening::Wish(place));
    }

    fn care_at(&self, place: usize) -> Option<Care> {
        let later = self.scenario.later.as_ref()?;
        let is_over = self.timeline.now() >= later.until;
        later.cares.get(place).filter(|_| !is_over).copied()
    }

    /// A client does it.
    pub(super) fn wish(&mut self, place: usize) {
        let now = self.timeline.now();
        let Some(care) = self.care_at(place) else { return };
        let Some(id) = self.certificate_of(&care) else {
            return;
        };
        match care.wish {
            Wish::Revoke => {
                let reason = RevocationReason::KeyCompromise;
                let asked = self
                    .clients
                    .revoke_certificate(id, reason, RevokedBy::Account, now);
                let asked = at_once(asked).expect("it is there");
                let number = leaf::number_of(&asked.cert_pem).expect("a number");
                self.wishes.revoked.push((id, number));
            }
            Wish::Delete => {
                at_once(self.clients.delete_certificate(id, now)).expect("no website has it");
                self.wishes.deleted.push((id, now));
            }
            Wish::SwitchOff => {
                let certificate = at_once(self.clients.certificate(id)).expect("it is there");
                let renewal = at_once(self.clients.renewals(&[certificate])).expect("one for one");
                let off = renewal::in_mode(&renewal[0], RenewMode::Manual, now);
                at_once(self.clients.save_renewal(&off)).expect("nobody else is here");
                self.wishes.switched_off.insert(id);
            }
        }
        self.wake_schedule(now);
    }
}
