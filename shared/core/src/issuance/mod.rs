//! The issuance engine, sans-IO: [`next()`] takes a state, an event and the time, and says the new state and what
//! to do. It reads no clock, draws no randomness and calls nobody.

mod backoff;
mod denied;
mod effect;
mod event;
mod failover;
mod history;
mod next;
mod notes;
mod outlook;
mod phase;
mod request;
mod saving;
mod setback;
mod state;
mod status;
mod step;

pub use self::{
    backoff::backoff,
    denied::Denied,
    effect::{CaEffect, Effect, ZoneEffect},
    event::Event,
    failover::{Candidate, Failover},
    history::{Entry, History},
    next::{IllegalTransition, next},
    phase::{Challenge, Order, OrderProgress, OrderStage, Phase},
    request::{Fallback, Lease, MAX_ATTEMPTS, NewRequest, OrderHold, OrderOwner, Request, key_name},
    state::Issuance,
    status::{RequestStatus, UnknownStatus},
    step::Step,
};
