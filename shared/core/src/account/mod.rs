//! ACME accounts, their bindings and their keys.

#[expect(
    clippy::module_inception,
    reason = "the record that gives the folder its name"
)]
mod account;
mod eab;
pub mod eab_refusal;
mod key_rollover;
mod key_version;

pub use self::{
    account::{Account, AccountStatus, DefaultAccount, NewAccount},
    eab::{EabBinding, EabStatus},
    key_version::{KeyRollover, KeyVersion, RolloverStatus},
};
