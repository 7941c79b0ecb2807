//! Certificate requests.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    event::Event,
    next::{IllegalTransition, next},
    phase::Phase,
    state::Issuance,
    status::RequestStatus,
};
use crate::{
    certificate::{KeyPlan, RenewAs, RenewalTerms},
    words::{AccountId, CertificateId, NameSet, RequestId, Timestamp, json_bytes, row_bytes},
};

/// Who works on a request, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker, if any.
    pub owner: Option<String>,
    /// When others may take it (after the skew).
    pub until: Timestamp,
    /// Grows with each claim; a write that carries an older one is refused.
    pub fence: u64,
    /// A worker that had it is gone: what that one sent last may still arrive.
    #[serde(default)]
    pub was_left: bool,
}

impl Lease {
    /// Given back by its worker.
    #[must_use]
    pub const fn given_back(&self) -> Self {
        Self {
            owner: None,
            until: Timestamp::ZERO,
            fence: self.fence,
            was_left: self.was_left,
        }
    }

    /// Taken out of its worker's hands, if it is in any.
    #[must_use]
    pub fn taken_away(&self) -> Self {
        Self {
            fence: self.fence + 1,
            was_left: self.was_left || self.owner.is_some(),
            ..self.given_back()
        }
    }
}

/// Accounts to go on with where the first one cannot be used: its CA limits us, is away, or is forbidden by CAA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// In this order.
    pub accounts: Vec<AccountId>,
    /// Whether a client chose them for this request; else they are what the default was, and a renewal takes what it is
    /// by then.
    pub own: bool,
}

impl Fallback {
    /// Accounts of one list.
    pub const MOST: usize = 5;
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// The account to order with.
    pub account_id: AccountId,
    /// The accounts to go on with, in this order, where that one cannot be used.
    pub fallback: Fallback,
    /// The names.
    pub names: NameSet,
    /// Those of them that the account's CA is asked for. Requests that order the same are one flight.
    pub ordered: NameSet,
    /// The CA's profile; `None`: the CA's default.
    pub profile: Option<String>,
    /// The certificate that the new one takes the place of.
    pub renews: Option<CertificateId>,
    /// Whose key, and which.
    pub key: KeyPlan,
    /// Of a renewal: what it makes. Of a first certificate: what its renewals are to make.
    pub renew_as: RenewAs,
}

impl NewRequest {
    /// A request for a first certificate in the CA's default profile, with a key of ours.
    #[must_use]
    pub fn new(account_id: AccountId, names: NameSet) -> Self {
        Self {
            account_id,
            fallback: Fallback::default(),
            ordered: names.clone(),
            names,
            profile: None,
            renews: None,
            key: KeyPlan::default(),
            renew_as: RenewAs::default(),
        }
    }
}

/// A request for one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// The account that was asked for; [`Request::account`] is the one at work.
    pub account_id: AccountId,
    /// The accounts to go on with.
    pub fallback: Fallback,
    /// The names.
    pub names: NameSet,
    /// The CA's profile; `None`: the CA's default.
    pub profile: Option<String>,
    /// The certificate that the new one takes the place of.
    pub renews: Option<CertificateId>,
    /// Whose key, and which.
    pub key: KeyPlan,
    /// Of a renewal: what it makes. Of a first certificate: what its renewals are to make.
    pub renew_as: RenewAs,
    /// What a client sees of the progress.
    pub status: RequestStatus,
    /// The engine's state.
    pub issuance: Issuance,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// The certificate, once recorded.
    pub result_certificate_id: Option<CertificateId>,
    /// When a worker should look at it next; `None` when ended.
    pub wake_at: Option<Timestamp>,
    /// Who works on it.
    pub lease: Lease,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// What a request has to do with an order of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderHold {
    /// It works on it.
    Open,
    /// Its certificate came of it.
    Spent,
}

/// An order that a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderOwner {
    /// The request.
    pub request: RequestId,
    /// What it has to do with it.
    pub hold: OrderHold,
}

/// The vault name of key and CSR of a request's order.
#[must_use]
pub fn key_name(request: RequestId, order: u32) -> String {
    format!("certificate-key/{request}-order{order}")
}

/// Tries that reach the CA before a request ends (contract: `poll_max_attempts`).
pub const MAX_ATTEMPTS: u32 = 10;

/// How long a success stands for the same names asked for again.
const STANDS: Duration = Duration::from_secs(24 * 60 * 60);

impl Request {
    /// What a client asked for, due now.
    #[must_use]
    pub fn pending(id: RequestId, new: NewRequest, max_attempts: u32, now: Timestamp) -> Self {
        Self {
            id,
            account_id: new.account_id,
            issuance: Issuance::new(now, max_attempts).over(1 + new.fallback.accounts.len()),
            fallback: new.fallback,
            names: new.names,
            profile: new.profile,
            renews: new.renews,
            key: new.key,
            renew_as: new.renew_as,
            status: RequestStatus::Pending,
            last_error: None,
            result_certificate_id: None,
            wake_at: Some(now),
            lease: Lease::default(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The accounts in the order of preference.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        std::iter::once(self.account_id).chain(self.fallback.accounts.iter().copied())
    }

    /// The account at work.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.accounts()
            .nth(self.issuance.failover.current())
            .unwrap_or(self.account_id)
    }

    /// The terms that a certificate of this request starts with.
    #[must_use]
    pub const fn terms(&self) -> RenewalTerms {
        RenewalTerms {
            renew_as: self.renew_as,
            reuse_key: self.key.is_reused(),
        }
    }

    /// The vault names of the keys that its orders may have left behind.
    #[must_use]
    pub fn key_names(&self) -> Vec<String> {
        match self.key {
            KeyPlan::Us { .. } => (0..self.issuance.orders).map(|n| key_name(self.id, n)).collect(),
            KeyPlan::Client { .. } => vec![],
        }
    }

    /// What it has to do with an order that it got as its order number `number`; `None`: nothing any more, another one
    /// may have it. A worker of it that still acts on such an order was overtaken, and is found out by the key of the
    /// certificate.
    #[must_use]
    pub fn holds(&self, order_url: &str, number: u32) -> Option<OrderHold> {
        match &self.issuance.phase {
            Phase::Ordered(order) if order.url == order_url => Some(OrderHold::Open),
            Phase::Done { .. } if self.issuance.order_number() == number => Some(OrderHold::Spent),
            _ => None,
        }
    }

    /// The order that it has and did not have `before`.
    #[must_use]
    pub fn new_order(&self, before: &Self) -> Option<&str> {
        let number = |request: &Self| request.issuance.order_number();
        let order_url = self.issuance.phase.order_url()?;
        let had = before.issuance.phase.order_url() == Some(order_url) && number(before) == number(self);
        (!had).then_some(order_url)
    }

    /// The weight of its row in a list.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        /// Quotes with their backslashes and commas: names stand in two fields, in one of them as JSON in a text.
        const NAME: usize = 8;
        /// Field names of a part of a problem, and of an account.
        const PART: usize = 100;
        let problem = self.issuance.last_problem.as_ref();
        let parts = problem.map_or([].as_slice(), |problem| &problem.subproblems);
        let said = problem.map(|problem| problem.detail.as_str());
        let of_parts = parts
            .iter()
            .flat_map(|part| [part.identifier.as_str(), &part.detail]);
        let causes = problem.map(|problem| &problem.cause).into_iter();
        let causes = causes.chain(parts.iter().map(|part| &part.cause));
        let kinds: usize = causes.map(|cause| json_bytes(&cause.urn())).sum();
        let accounts = self.issuance.failover.candidates();
        let whys = accounts.iter().filter_map(|candidate| candidate.why.as_deref());
        let texts = [
            self.last_error.as_deref(),
            self.profile.as_deref(),
            said,
            Some(self.issuance.reason()),
        ];
        let texts = texts.into_iter().flatten().chain(of_parts).chain(whys);
        let names = self
            .names
            .as_slice()
            .iter()
            .map(|name| 2 * name.as_str().len() + NAME);
        row_bytes(texts) + kinds + names.sum::<usize>() + (parts.len() + accounts.len()) * PART
    }

    /// A failed one that starts over; no worker holds it any more.
    #[must_use]
    pub fn retried(&self, now: Timestamp) -> Self {
        Self {
            status: RequestStatus::Pending,
            issuance: self.issuance.retried(now),
            last_error: None,
            wake_at: Some(now),
            lease: self.lease.taken_away(),
            updated_at: now,
            ..self.clone()
        }
    }

    /// Whether the same names asked for again get this request: it is on its way, or it succeeded within a day.
    #[must_use]
    pub fn answers_for_its_names(&self, now: Timestamp) -> bool {
        match self.status {
            RequestStatus::Pending | RequestStatus::Running => true,
            RequestStatus::Success => now < self.updated_at.plus(STANDS),
            RequestStatus::Failed => false,
        }
    }

    /// Ended by a client: failed, its values to be removed at once, and out of the hands of any worker (the fence
    /// grows, so what that one writes is refused).
    ///
    /// # Errors
    /// [`IllegalTransition`] if it has ended, or its CSR may be on its way.
    pub fn cancelled(&self, now: Timestamp) -> Result<Self, IllegalTransition> {
        let step = next(&self.issuance, Event::Cancelled, now, self.id.get())?;
        Ok(Self {
            status: step.status,
            wake_at: step.state.cleanup_owed.then_some(now),
            issuance: step.state,
            last_error: step.error,
            lease: self.lease.taken_away(),
            updated_at: now,
            ..self.clone()
        })
    }
}
