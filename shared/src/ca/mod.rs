//! The certificate authority, behind one small trait.

pub mod acme;
mod chains;
mod http;
mod jws;
mod key_change;
mod new_account;
mod orders;
mod problem;
mod renewal_info;
mod revocation;
mod session;

use async_trait::async_trait;
use secrecy::SecretString;

pub use self::{
    new_account::{EabKeyError, decode_eab_key},
    problem::CHECK_ACCOUNT,
    renewal_info::certificate_id,
};
use certmint_core::{
    account::KeyVersion,
    certificate::RevocationReason,
    issuance::{Challenge, OrderProgress},
    renewal::RenewalInfo,
    words::{AccountId, Email, Failure, NameSet, Timestamp},
};

/// An account key as PKCS#8 PEM.
pub type AccountKey = SecretString;

/// What a signed call needs.
#[derive(Clone)]
pub struct CaAccount {
    /// Our id; the adapter may keep a session under it.
    pub id: AccountId,
    /// The ACME directory.
    pub directory_url: String,
    /// The account URL (`kid`).
    pub registration_uri: String,
    /// The account key.
    pub key: AccountKey,
    /// Which of the account's keys that is: a session made with another is of no use.
    pub key_version: KeyVersion,
    /// The common name of the root that chains should lead to.
    pub preferred_chain: Option<String>,
}

/// An external account binding (RFC 8555 §7.3.4).
#[derive(Clone)]
pub struct Eab {
    /// The key id.
    pub kid: String,
    /// The HMAC key, base64url with or without padding; non-zero trailing bits are accepted.
    pub hmac_key: SecretString,
}

/// An order as the CA sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Where it stands. An `invalid` order is an `Err` with [`Class::OrderLost`](certmint_core::words::Class) or, if its
    /// problem cannot go away, `Permanent`.
    pub progress: OrderProgress,
    /// Challenges of authorizations that are not valid yet.
    pub challenges: Vec<Challenge>,
    /// The server's Retry-After.
    pub not_before: Option<Timestamp>,
}

/// What an order asks for.
#[derive(Clone, Copy, Debug)]
pub struct OrderTerms<'a> {
    /// The names.
    pub names: &'a NameSet,
    /// One of the CA's profiles; `None`: its default.
    pub profile: Option<&'a str>,
    /// The [identifier](certificate_id) of the certificate that the new one takes the place of (RFC 9773 §5).
    pub replaces: Option<&'a str>,
}

/// A certificate authority. Errors are [`Failure`]s: classified, with the CA's problem in words. One that cannot even
/// give its directory is a transient failure with [`Cause::DirectoryUnreachable`](certmint_core::words::Cause).
#[async_trait]
pub trait Ca: Send + Sync {
    /// Registers the key, or finds the account that has it (RFC 8555 §7.3): safe to repeat.
    async fn register(
        &self,
        directory_url: &str,
        key: &AccountKey,
        email: &Email,
        eab: Option<&Eab>,
    ) -> Result<String, Failure>;
    /// newOrder; returns the order URL. A profile that the directory does not advertise is a permanent failure that
    /// lists those it does. An order that the CA will not take as a replacement is one with [`Cause::ReplacesRefused`](certmint_core::words::Cause):
    /// the same without `replaces` may succeed.
    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure>;
    /// The window of a certificate by its [identifier](certificate_id); `None` if the CA has no renewal information.
    async fn renewal_info(
        &self,
        directory_url: &str,
        certificate_id: &str,
    ) -> Result<Option<RenewalInfo>, Failure>;
    /// Reads the order; with `with_challenges` its authorizations too.
    async fn order(
        &self,
        account: &CaAccount,
        order_url: &str,
        with_challenges: bool,
    ) -> Result<OrderView, Failure>;
    /// Tells the CA to look at every DNS-01 challenge that is still pending.
    async fn accept_challenges(&self, account: &CaAccount, order_url: &str) -> Result<(), Failure>;
    /// Sends the CSR (DER) if the order is `ready`; does nothing if it is past that.
    async fn finalize(&self, account: &CaAccount, order_url: &str, csr: &[u8]) -> Result<(), Failure>;
    /// Tells the CA the account's address in place of what it knew (RFC 8555 §7.3.2). Safe to repeat.
    async fn update_contact(&self, account: &CaAccount, email: &Email) -> Result<(), Failure>;
    /// The URL of the account that the CA has for this key (RFC 8555 §7.3.1); `None` if it has none. Changes nothing.
    async fn find_account(&self, directory_url: &str, key: &AccountKey) -> Result<Option<String>, Failure>;
    /// Puts a key in the place of the account's (RFC 8555 §7.3.5). A repeat after a lost answer is refused, since the old
    /// key signs no more: [`Ca::find_account`] tells.
    async fn change_key(&self, account: &CaAccount, new_key: &AccountKey) -> Result<(), Failure>;
    /// Revokes a certificate (PEM) by the account that ordered it (RFC 8555 §7.6). Revoked already is success.
    async fn revoke(
        &self,
        account: &CaAccount,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure>;
    /// Revokes a certificate (PEM) by its own private key (PKCS#8 PEM), whoever ordered it (RFC 8555 §7.6). Revoked
    /// already is success.
    async fn revoke_with_key(
        &self,
        directory_url: &str,
        key: &SecretString,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure>;
    /// The chain as PEM; `None` while the CA works on it.
    async fn certificate(&self, account: &CaAccount, order_url: &str) -> Result<Option<String>, Failure>;
}
