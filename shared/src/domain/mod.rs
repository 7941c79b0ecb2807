//! The words of the field as types. Each is made by a constructor that parses; there is no other way in.

mod account;
mod certificate;
mod chore;
mod eab;
mod failure;
mod ids;
mod key;
mod key_rollover;
mod known_ca;
mod name;
mod page;
mod provider;
mod renewal;
mod request;
mod timestamp;
mod txt;

pub use account::{Account, AccountStatus, DefaultAccount, Email, EmailError, NewAccount};
pub use certificate::{
    Binding, Certificate, CertificateSource, CertificateStatus, Lifecycle, OLD_KEY_KEPT, RESTORABLE,
    Revocation, RevocationReason, RevokedBy,
};
pub use chore::{Chore, StoredChore};
pub use eab::{EabBinding, EabStatus};
pub(crate) use failure::clip;
pub use failure::{
    ACCOUNT_UNUSABLE, ACME_ERRORS, CA_UNREACHABLE, Class, DIRECTORY_UNREACHABLE, Failure, NO_PROFILE,
    Problem, Stage, Subproblem,
};
pub use ids::{AccountId, CertificateId, ProviderId, RequestId};
pub use key::{KeyAlgorithm, KeyPlan, UnknownKeyAlgorithm};
pub use key_rollover::{KeyRollover, KeyVersion, RolloverStatus};
pub(crate) use name::set_key;
pub use name::{DomainName, MAX_NAMES, NameError, NameSet, NameSetError};
pub use page::{Page, PageRequest};
pub use provider::{Provider, ProviderEntry, ProviderError, Providers, Roots};
pub use renewal::{RenewAs, RenewMode, Renewal, RenewalTerms, Window};
pub use request::{
    Fallback, Lease, MAX_ATTEMPTS, NewRequest, Request, RequestStatus, UnknownStatus, key_name,
};
pub use timestamp::{NoTimestamp, Timestamp};
pub use txt::{DesiredState, Fqdn, IN_FLIGHT, SHOWN, TXT_TTL, TxtRecord, TxtStatus};
