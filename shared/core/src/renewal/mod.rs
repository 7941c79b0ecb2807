//! Renewal of certificates: when, and what a look at one calls for. [`schedule`] is the arithmetic; the worker does what
//! [`decide()`] says.

mod decide;
mod halt;
mod made;
#[expect(
    clippy::module_inception,
    reason = "the record that gives the folder its name"
)]
mod renewal;
mod request;
pub mod schedule;
mod window;

pub use self::{
    decide::{Decision, after_answer, decide, failed_look, started},
    halt::{Halt, halt, halted, serves, wanted},
    made::{first, in_mode, recorded, replaced, succeeded, successor},
    renewal::{RenewMode, Renewal},
    request::{NoKey, Origin},
    window::{RenewalInfo, Window},
};
