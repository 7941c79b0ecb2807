//! One claimed request in a worker's hands.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::places::Place;
use crate::{
    denials::Denials,
    dns::{Zone, ledger::Wanting},
    store::{RequestStore, StoreError},
    worker::pulse::Pulse,
};
use certmint_core::{
    issuance::{CaEffect, Challenge, Effect, Event, Issuance, Lease, Phase, Request, Step, ZoneEffect, next},
    words::{Fqdn, RequestId, Timestamp},
};

/// A change of zones that is ready waits so long for the company of those that are on their way to one.
const COMPANY: Duration = Duration::from_millis(500);

/// An effect that concerns one issuance alone.
pub(in crate::worker) enum SoloEffect {
    Ca(CaEffect),
    CheckPropagation(Vec<Challenge>),
    StoreKey,
    /// Find where the values go; they are written together with those of others.
    Locate(Vec<Challenge>),
    /// Give the values up; they are taken out together with those of others.
    Release,
}

/// A change of zones that is ready to be sent with those of others.
pub(super) enum ZoneWork {
    Publish(Vec<Place>),
    Unpublish(Vec<(Zone, Fqdn)>),
}

/// What can be done for a job now.
pub(in crate::worker) enum Turn {
    /// Nothing.
    None,
    /// Something that concerns it alone.
    Alone,
    /// Something that is done for others together with it.
    Together,
}

/// A request under lease, with the effects that its state asks for.
pub(in crate::worker) struct Job {
    pub(in crate::worker) request: Request,
    /// The state that the store has.
    stored: Issuance,
    effects: VecDeque<Effect>,
    wait_until: Option<Timestamp>,
    /// Its change of zones, and since when that is ready.
    zone_work: Option<(ZoneWork, Timestamp)>,
    /// Its change of zones must wait until then.
    held_until: Option<Timestamp>,
    /// The lease is gone or the state cannot be stored: hands off.
    lost: bool,
    /// Keeps its lease.
    pulse: Arc<Pulse>,
    denials: Arc<Denials>,
}

impl Job {
    /// Takes up a claimed request where its state says.
    pub(in crate::worker) fn new(
        request: Request,
        now: Timestamp,
        pulse: Arc<Pulse>,
        denials: Arc<Denials>,
    ) -> Self {
        let mut job = Self {
            stored: request.issuance.clone(),
            effects: VecDeque::new(),
            wait_until: None,
            zone_work: None,
            // Claimed a moment before its time, it waits for that.
            held_until: request.wake_at.filter(|at| *at > now),
            request,
            lost: false,
            pulse,
            denials,
        };
        job.resume(now);
        job
    }

    /// Its request.
    pub(in crate::worker) const fn id(&self) -> RequestId {
        self.request.id
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
            false => self.held_until.or_else(|| self.company_until()),
        }
    }

    /// What can be done for it now, once any wait is over.
    pub(in crate::worker) fn turn(&mut self, now: Timestamp) -> Turn {
        self.end_wait(now);
        self.check_lease(now);
        self.held_until = self.held_until.filter(|at| *at > now);
        if self.lost || self.held_until.is_some() {
            return Turn::None;
        }
        match self.effects.front() {
            None => Turn::None,
            Some(Effect::Zone(ZoneEffect::CheckInSync { .. })) => Turn::Together,
            Some(Effect::Zone(_)) if self.zone_work.is_some() => Turn::Together,
            Some(_) => Turn::Alone,
        }
    }

    /// The next effect that needs no other issuance, once any wait is over.
    pub(in crate::worker) fn next_alone(&mut self, now: Timestamp) -> Option<SoloEffect> {
        let Turn::Alone = self.turn(now) else { return None };
        match self.effects.pop_front()? {
            Effect::Ca(effect) => Some(SoloEffect::Ca(effect)),
            Effect::CheckPropagation { challenges } => Some(SoloEffect::CheckPropagation(challenges)),
            Effect::StoreKey => Some(SoloEffect::StoreKey),
            shared @ Effect::Zone(_) => {
                let prepares = match &shared {
                    Effect::Zone(ZoneEffect::Publish { challenges }) => {
                        Some(SoloEffect::Locate(challenges.clone()))
                    }
                    Effect::Zone(ZoneEffect::Unpublish) => Some(SoloEffect::Release),
                    _ => None,
                };
                // It stays until its event is here.
                self.effects.push_front(shared);
                prepares
            }
        }
    }

    /// Whose values are written, under which lease.
    pub(super) const fn wanting(&self) -> Wanting {
        let Lease { fence, was_left, .. } = self.request.lease;
        Wanting {
            owner: self.request.id,
            fence,
            was_left,
        }
    }

    /// The changes that it waits for.
    pub(super) fn awaited_changes(&self) -> Option<&Vec<String>> {
        match self.effects.front() {
            Some(Effect::Zone(ZoneEffect::CheckInSync { changes })) => Some(changes),
            _ => None,
        }
    }

    /// Its change of zones is ready for the round.
    pub(super) fn is_ready(&mut self, work: ZoneWork, now: Timestamp) {
        self.zone_work = Some((work, now));
    }

    pub(super) fn zone_work(&self) -> Option<&ZoneWork> {
        self.zone_work.as_ref().map(|(work, _)| work)
    }

    pub(super) fn take_zone_work(&mut self) -> Option<ZoneWork> {
        self.zone_work.take().map(|(work, _)| work)
    }

    /// Until when a change that is ready may wait for others.
    pub(in crate::worker) fn company_until(&self) -> Option<Timestamp> {
        let (_, since) = self.zone_work.as_ref()?;
        Some(since.plus(COMPANY))
    }

    /// Whether it is lost to this worker.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Leaves its effect in our zones for the round at that time.
    pub(super) const fn hold(&mut self, until: Timestamp) {
        self.held_until = Some(until);
    }

    /// A worker that stood still past its lease does nothing more: what it began is another's by now.
    pub(super) fn check_lease(&mut self, now: Timestamp) {
        if self.lost || self.request.lease.owner.is_none() {
            return;
        }
        if self.request.lease.until < now || !self.pulse.is_alive() {
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

    /// Takes an event to the engine. A new state that a later run would not find by itself is stored, and its effects are due
    /// only then; the others are stored with the next such one, or when the request is handed back.
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
        match self.is_over() || self.request.issuance.must_be_stored(&self.stored) {
            true => self.store(requests, now).await,
            false => None,
        }
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
        (self.zone_work, self.held_until) = (None, None);
        self.wait_until = step.wake_at;
        let over = self.effects.is_empty() && self.wait_until.is_none();
        if over {
            request.lease = request.lease.given_back();
        }
        request.wake_at = match (over, step.status.is_final()) {
            (true, true) if !request.issuance.cleanup_owed => None,
            (true, _) => Some(Timestamp::ZERO),
            // In our hands it stays as due as it was: others pass it over while we live.
            (false, _) => request.wake_at,
        };
    }

    async fn store(&mut self, requests: &dyn RequestStore, now: Timestamp) -> Option<(String, RequestId)> {
        self.request.updated_at = now;
        match requests.save_request(&self.request, now).await {
            Ok(()) => self.stored = self.request.issuance.clone(),
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
        self.request.lease = self.request.lease.given_back();
        self.request.wake_at = Some(self.wait_until.or(self.held_until).unwrap_or(now));
        self.store(requests, now).await;
    }

    /// When it is due again, once it is handed back.
    pub(in crate::worker) fn due_at(&self) -> Option<Timestamp> {
        self.request.wake_at.filter(|_| !self.lost)
    }

    /// Leaves the request as it is stored and goes on with it after the lease.
    pub(super) fn park(&mut self, now: Timestamp) {
        self.effects.clear();
        self.zone_work = None;
        self.wait_until = Some(now.plus(Duration::from_secs(60)));
    }
}
