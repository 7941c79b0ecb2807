//! One claimed request in a worker's hands.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    denials::Denials,
    store::{RequestStore, StoreError},
};
use certmint_core::{
    issuance::{CaEffect, Challenge, Effect, Event, Lease, Phase, Request, Step, ZoneEffect, next},
    words::{RequestId, Timestamp},
};

/// An effect that concerns one issuance alone.
pub(in crate::worker) enum SoloEffect {
    Ca(CaEffect),
    CheckPropagation(Vec<Challenge>),
    StoreKey,
}

/// A request under lease, with the effects that its state asks for.
pub(in crate::worker) struct Job {
    pub(in crate::worker) request: Request,
    effects: VecDeque<Effect>,
    wait_until: Option<Timestamp>,
    /// Its change of zones waits for company until then.
    held_until: Option<Timestamp>,
    /// The lease is gone or the state cannot be stored: hands off.
    lost: bool,
    denials: Arc<Denials>,
    skew: Duration,
}

impl Job {
    /// Takes up a claimed request where its state says.
    pub(in crate::worker) fn new(
        request: Request,
        denials: Arc<Denials>,
        now: Timestamp,
        skew: Duration,
    ) -> Self {
        let mut job = Self {
            request,
            effects: VecDeque::new(),
            wait_until: None,
            held_until: None,
            lost: false,
            denials,
            skew,
        };
        job.resume(now);
        job
    }

    fn resume(&mut self, now: Timestamp) {
        match next(&self.request.issuance, Event::Resumed, now, self.request.id.get()) {
            Ok(step) => {
                self.effects = step.effects.into();
                self.wait_until = step.wake_at;
            }
            Err(error) => {
                tracing::error!(request_id = self.request.id.get(), %error, "state cannot be resumed");
                self.lost = true;
            }
        }
    }

    /// Whether this worker has nothing more to do for it.
    pub(in crate::worker) fn is_over(&self) -> bool {
        self.lost || (self.effects.is_empty() && self.wait_until.is_none())
    }

    /// When it can go on, if it waits. What is to be done before the wait, such as taking values out of the zone, is
    /// due at once.
    pub(in crate::worker) fn wait_until(&self) -> Option<Timestamp> {
        match self.effects.is_empty() {
            true => self.wait_until,
            false => self.held_until,
        }
    }

    /// The next effect that needs no other issuance, once any wait is over.
    pub(in crate::worker) fn next_alone(&mut self, now: Timestamp) -> Option<SoloEffect> {
        self.end_wait(now);
        self.check_lease(now);
        if self.lost {
            return None;
        }
        match self.effects.pop_front()? {
            Effect::Ca(effect) => Some(SoloEffect::Ca(effect)),
            Effect::CheckPropagation { challenges } => Some(SoloEffect::CheckPropagation(challenges)),
            Effect::StoreKey => Some(SoloEffect::StoreKey),
            shared @ Effect::Zone(_) => {
                self.effects.push_front(shared);
                None
            }
        }
    }

    /// Whose values are written, under which lease.
    pub(super) const fn fence(&self) -> (RequestId, u64) {
        (self.request.id, self.request.lease.fence)
    }

    /// The effect in our zones that it waits for together with others. It stays until its event is here.
    pub(super) fn zone_effect(&self, now: Timestamp) -> Option<&ZoneEffect> {
        let held = self.held_until.is_some_and(|at| at > now);
        match self.effects.front() {
            Some(Effect::Zone(effect)) if !self.lost && !held => Some(effect),
            _ => None,
        }
    }

    /// Leaves its effect in our zones for the round at that time.
    pub(super) const fn hold(&mut self, until: Timestamp) {
        self.held_until = Some(until);
    }

    /// A worker that stood still past its lease does nothing more: what it began is another's by now.
    pub(super) fn check_lease(&mut self, now: Timestamp) {
        if self.request.lease.owner.is_some() && self.request.lease.until < now {
            tracing::warn!(request_id = self.request.id.get(), "lease over; hands off");
            self.lost = true;
        }
    }

    fn end_wait(&mut self, now: Timestamp) {
        if self.wait_until.is_some_and(|at| at <= now) {
            self.wait_until = None;
            if self.effects.is_empty() {
                self.resume(now);
            }
        }
    }

    /// Takes an event to the engine and stores the new state; its effects are due only then.
    pub(in crate::worker) async fn apply(
        &mut self,
        event: Event,
        requests: &dyn RequestStore,
        now: Timestamp,
    ) {
        if self.lost {
            return;
        }
        let before = self.request.clone();
        if let Some((order_url, by)) = self.step(event, requests, now).await {
            // Nothing was written: as if the CA had said so.
            self.request = before;
            self.step(Event::OrderTaken { order_url, by }, requests, now)
                .await;
        }
    }

    /// The order, and its owner, if the event is an order that another request has.
    async fn step(
        &mut self,
        event: Event,
        requests: &dyn RequestStore,
        now: Timestamp,
    ) -> Option<(String, RequestId)> {
        let id = self.request.id;
        let step = match next(&self.request.issuance, event, now, id.get()) {
            Ok(step) => step,
            Err(error) => {
                tracing::error!(request_id = id.get(), %error, "illegal transition");
                self.lost = true;
                return None;
            }
        };
        tracing::info!(
            request_id = id.get(),
            phase = step.state.phase.name(),
            attempt = step.state.attempts,
            error = step.error.as_deref(),
            "step"
        );
        self.adopt(step);
        self.store(requests, now).await
    }

    fn adopt(&mut self, step: Step) {
        let request = &mut self.request;
        if let Phase::Done { certificate_id } = step.state.phase {
            request.result_certificate_id = Some(certificate_id);
            request.last_error = None;
        }
        if step.error.is_some() {
            request.last_error = step.error;
        }
        request.issuance = step.state;
        request.status = step.status;
        self.effects = step.effects.into();
        self.held_until = None;
        self.wait_until = step.wake_at;
        let over = self.effects.is_empty() && self.wait_until.is_none();
        if over {
            request.lease = Lease {
                owner: None,
                until: Timestamp::ZERO,
                fence: request.lease.fence,
            };
        }
        request.wake_at = match (over, step.status.is_final(), self.wait_until) {
            (true, true, _) if !request.issuance.cleanup_owed => None,
            (true, _, _) => Some(Timestamp::ZERO),
            // In our hands it is not due for others before the lease is over; a wait that is longer decides.
            (false, _, wait) => Some(
                request
                    .lease
                    .until
                    .plus(self.skew)
                    .max(wait.unwrap_or(Timestamp::ZERO)),
            ),
        };
    }

    async fn store(&mut self, requests: &dyn RequestStore, now: Timestamp) -> Option<(String, RequestId)> {
        self.request.updated_at = now;
        match requests.save_request(&self.request, now).await {
            Ok(()) => {}
            Err(StoreError::OrderTaken { order_url, by }) => {
                tracing::warn!(
                    request_id = self.request.id.get(),
                    by = by.get(),
                    "another request has this order"
                );
                return Some((order_url, by));
            }
            Err(StoreError::LeaseLost(id)) => {
                tracing::warn!(request_id = id.get(), "lease lost; another worker goes on");
                self.lost = true;
            }
            Err(error) => {
                // The stored state is the one before: whoever takes the lease next repeats this step.
                tracing::warn!(request_id = self.request.id.get(), %error, "state not stored");
                self.denials.note(&error.into());
                self.lost = true;
            }
        }
        None
    }

    /// Frees the lease; the request is due when its wait is over, or at once.
    pub(in crate::worker) async fn hand_back(&mut self, requests: &dyn RequestStore, now: Timestamp) {
        if self.lost {
            return;
        }
        self.request.lease = Lease {
            owner: None,
            until: Timestamp::ZERO,
            fence: self.request.lease.fence,
        };
        self.request.wake_at = Some(self.wait_until.unwrap_or(now));
        self.store(requests, now).await;
    }

    /// Leaves the request as it is stored and goes on with it after the lease.
    pub(super) fn park(&mut self, now: Timestamp) {
        self.effects.clear();
        self.wait_until = Some(now.plus(Duration::from_secs(60)));
    }
}
