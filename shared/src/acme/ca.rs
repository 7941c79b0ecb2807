//! What we ask of a certificate authority, cut by who asks it.
//!
//! Errors are [`Failure`]s: classified, with the CA's problem in words. A CA that cannot even give its directory is a
//! transient one with [`Cause::DirectoryUnreachable`](certmint_core::words::Cause).

use async_trait::async_trait;
use secrecy::SecretString;

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
    /// Our id.
    pub id: AccountId,
    /// The ACME directory.
    pub directory_url: String,
    /// The account URL (`kid`).
    pub registration_uri: String,
    /// The account key.
    pub key: AccountKey,
    /// Which of the account's keys that is.
    pub key_version: KeyVersion,
    /// The common name of the root that chains should lead to.
    pub preferred_chain: Option<String>,
}

/// An external account binding (RFC 8555 §7.3.4).
#[derive(Clone)]
pub struct Eab {
    /// The key id.
    pub kid: String,
    /// The HMAC key, base64url or base64 with or without padding; non-zero trailing bits are accepted.
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
    /// The [identifier](super::certificate_id) of the certificate that the new one takes the place of (RFC 9773 §5).
    pub replaces: Option<&'a str>,
}

/// Accounts and their keys.
#[async_trait]
pub trait AcmeAccounts: Send + Sync {
    /// Registers the key, or finds the account that has it (RFC 8555 §7.3): safe to repeat.
    async fn register(
        &self,
        directory_url: &str,
        key: &AccountKey,
        email: Option<&Email>,
        eab: Option<&Eab>,
    ) -> Result<String, Failure>;
    /// The URL of the account that the CA has for this key (RFC 8555 §7.3.1); `None` if it has none. Changes nothing.
    async fn find_account(&self, directory_url: &str, key: &AccountKey) -> Result<Option<String>, Failure>;
    /// Tells the CA the account's address in place of what it knew (RFC 8555 §7.3.2). Safe to repeat.
    async fn update_contact(&self, account: &CaAccount, email: &Email) -> Result<(), Failure>;
    /// Puts a key in the place of the account's (RFC 8555 §7.3.5). A repeat after a lost answer is refused, since the old
    /// key signs no more: [`AcmeAccounts::find_account`] tells.
    async fn change_key(&self, account: &CaAccount, new_key: &AccountKey) -> Result<(), Failure>;
}

/// Orders, from newOrder to the certificate.
#[async_trait]
pub trait AcmeOrders: Send + Sync {
    /// newOrder; returns the order URL. A profile that the directory does not advertise is a permanent failure that
    /// lists those it does. An order that the CA will not take as a replacement is one with
    /// [`Cause::ReplacesRefused`](certmint_core::words::Cause): the same without `replaces` may succeed.
    async fn new_order(&self, account: &CaAccount, terms: &OrderTerms<'_>) -> Result<String, Failure>;
    /// Reads the order: one request. With `with_challenges` its authorizations too: one more for each name.
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
    /// The chain as PEM; `None` while the CA works on it.
    async fn certificate(&self, account: &CaAccount, order_url: &str) -> Result<Option<String>, Failure>;
}

/// Revocation (RFC 8555 §7.6). Of a certificate that is revoked already it is success.
#[async_trait]
pub trait AcmeRevocation: Send + Sync {
    /// Revokes a certificate (PEM) by the account that ordered it.
    async fn revoke(
        &self,
        account: &CaAccount,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure>;
    /// Revokes a certificate (PEM) by its own private key (PKCS#8 PEM), whoever ordered it.
    async fn revoke_with_key(
        &self,
        directory_url: &str,
        key: &SecretString,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure>;
}

/// When a CA wants its certificates renewed (RFC 9773).
#[async_trait]
pub trait AcmeRenewalInfo: Send + Sync {
    /// The window of a certificate by its [identifier](super::certificate_id); `None` if the CA has no renewal
    /// information.
    async fn renewal_info(
        &self,
        directory_url: &str,
        certificate_id: &str,
    ) -> Result<Option<RenewalInfo>, Failure>;
}

/// A certificate authority, for those that hold all of it.
pub trait Ca: AcmeAccounts + AcmeOrders + AcmeRevocation + AcmeRenewalInfo {}

impl<T: AcmeAccounts + AcmeOrders + AcmeRevocation + AcmeRenewalInfo> Ca for T {}
