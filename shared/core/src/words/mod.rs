//! The words of the field as types. Each is made by a constructor that parses; there is no other way in.

mod acme_error;
mod advice;
mod cause;
mod email;
mod failure;
mod fqdn;
mod ids;
mod name;
mod name_set;
mod number;
mod page;
mod public_suffix;
mod text;
mod timestamp;

pub use self::{
    acme_error::AcmeError,
    advice::{Advice, Way},
    cause::Cause,
    email::{Email, EmailError},
    failure::{Class, Failure, Problem, Stage, Subproblem},
    fqdn::Fqdn,
    ids::{AccountId, CertificateId, ProviderId, RequestId},
    name::{DomainName, NameError},
    name_set::{MAX_NAMES, NameSet, NameSetError, set_key, without_repeats},
    number::{NumberError, NumberRange},
    page::{PAGE_BYTES, Page, PageRequest, Room, json_bytes, row_bytes},
    text::{TextError, clip, hex, line, lines},
    timestamp::{NoTimestamp, Timestamp},
};
