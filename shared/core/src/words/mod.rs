//! The words of the field as types. Each is made by a constructor that parses; there is no other way in.

mod email;
mod failure;
mod fqdn;
mod ids;
mod name;
mod page;
mod text;
mod timestamp;

pub use self::{
    email::{Email, EmailError},
    failure::{
        ACCOUNT_UNUSABLE, ACME_ERRORS, CA_UNREACHABLE, Class, DIRECTORY_UNREACHABLE, Failure, NO_PROFILE,
        Problem, Stage, Subproblem,
    },
    fqdn::Fqdn,
    ids::{AccountId, CertificateId, ProviderId, RequestId},
    name::{DomainName, MAX_NAMES, NameError, NameSet, NameSetError, set_key},
    page::{Page, PageRequest},
    text::clip,
    timestamp::{NoTimestamp, Timestamp},
};
