//! Certificates, which key they have, and what their renewals are to make.

#[expect(
    clippy::module_inception,
    reason = "the record that gives the folder its name"
)]
mod certificate;
mod key;
mod terms;

pub use self::{
    certificate::{
        Binding, Certificate, CertificateSource, CertificateStatus, Lifecycle, OLD_KEY_KEPT, RESTORABLE,
        Revocation, RevocationReason, RevokedBy,
    },
    key::{KeyAlgorithm, KeyPlan, UnknownKeyAlgorithm},
    terms::{RenewAs, RenewalTerms},
};
