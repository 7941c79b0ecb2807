//! The issuance engine, sans-IO: [`next()`] takes a state, an event and the time, and says the new state and what
//! to do. It reads no clock, draws no randomness and calls nobody.

mod backoff;
mod history;
#[expect(clippy::module_inception, reason = "the state that gives the folder its name")]
mod issuance;
mod next;
mod outlook;
mod request;
mod route;
mod setback;
mod state;
mod status;

pub use self::{
    backoff::backoff,
    history::{Entry, History},
    issuance::Issuance,
    next::{IllegalTransition, next},
    request::{Fallback, Lease, MAX_ATTEMPTS, NewRequest, Request, key_name},
    route::{Leg, Route},
    state::{Challenge, Effect, Event, OrderProgress, Phase, Step},
    status::{RequestStatus, UnknownStatus},
};
