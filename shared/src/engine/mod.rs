//! The issuance engine, sans-IO: [`next`] takes a state, an event and the time, and says the new state and what
//! to do. It reads no clock, draws no randomness and calls nobody.

mod backoff;
mod history;
mod issuance;
mod next;
mod outlook;
mod route;
mod setback;
mod state;

pub use backoff::backoff;
pub use history::{Entry, History};
pub use issuance::Issuance;
pub use next::{IllegalTransition, next};
pub use route::{Leg, Route};
pub use state::{Challenge, Effect, Event, OrderProgress, Phase, Step};
