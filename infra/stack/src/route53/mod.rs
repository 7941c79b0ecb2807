//! Route53 on one machine: hosted zones behind the real REST-XML API, version 2013-04-01.
//!
//! Kept as in AWS: a change batch is atomic, DELETE needs an exact match, what may stand beside what (a simple set, a
//! routing policy, a CNAME), the quotas of a request, the order and the paging of lists, error codes and texts, PENDING
//! before INSYNC, name servers of each zone's own. Not emulated: geoproximity and CIDR routing (refused), health checks,
//! traffic policies, DNSSEC, tags, reusable delegation sets, throttling, and signatures, which are never looked at.

mod account;
mod api;
mod batch;
mod delegation;
mod name;
pub(crate) mod rdata;
mod refusal;
mod wire;
mod zone;

pub use self::{
    account::{Route53, Settings},
    name::{DnsName, NameError},
    refusal::Refusal,
    zone::{Alias, GeoLocation, Lookup, Routing, Rrset},
};
