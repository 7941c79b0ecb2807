//! Work beside issuances: what a call enqueued and the worker does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    account::KeyVersion,
    words::{AccountId, CertificateId, DomainName, Timestamp},
};

/// One piece of such work. Each can be done again after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Chore {
    /// Delete secrets, with the vault's recovery window. A repeat finds them scheduled already.
    DeleteSecrets {
        /// Their names in the vault.
        names: Vec<String>,
    },
    /// Delete the keys of a request that came to nothing and is deleted, or of a certificate that is removed, but none that
    /// a certificate has: one may have been uploaded again. A repeat finds them scheduled already.
    DeleteKeys {
        /// Their names in the vault.
        keys: Vec<String>,
        /// The names that a certificate with such a key has.
        names: Vec<DomainName>,
    },
    /// Tell the CA an account's present address (RFC 8555 §7.3.2). A repeat tells it again.
    UpdateContact {
        /// Which.
        id: AccountId,
    },
    /// Give an account its next key, at the CA and here (RFC 8555 §7.3.5). A repeat asks the CA first which key it has.
    RollKey {
        /// Which.
        id: AccountId,
        /// The next key.
        version: KeyVersion,
    },
    /// Delete the key of a rollover that failed, unless the CA has it after all. A repeat finds it deleted.
    DiscardKey {
        /// Of whom.
        id: AccountId,
        /// Which.
        version: KeyVersion,
    },
    /// Ask the CA to revoke a certificate (RFC 8555 §7.6). A repeat learns that it is revoked already.
    RevokeCertificate {
        /// Which.
        id: CertificateId,
    },
    /// Move a certificate whose time is over to the list of those. A repeat finds it there.
    ExpireCertificate {
        /// Which.
        id: CertificateId,
    },
    /// Write the pointers to a certificate by its names that its own transaction had no room for. A repeat writes the
    /// same.
    IndexNames {
        /// Which.
        id: CertificateId,
    },
    /// Remove a deleted certificate for good. A repeat finds nothing.
    RemoveCertificate {
        /// Which.
        id: CertificateId,
    },
}

/// How long a secret that no record names is left in the vault: longer than any call lives.
const UNCLAIMED: Duration = Duration::from_secs(60 * 60);

/// The intent of a secret that goes into the vault before the record that names it: its deletion, which the record's own
/// transaction takes back. So a call that ends in between leaves nothing for good.
#[must_use]
pub fn unclaimed(secret: &str, now: Timestamp) -> (String, Chore, Timestamp) {
    let names = vec![secret.to_owned()];
    (
        unclaimed_name(secret),
        Chore::DeleteSecrets { names },
        now.plus(UNCLAIMED),
    )
}

/// The name of that chore.
#[must_use]
pub fn unclaimed_name(secret: &str) -> String {
    format!("unclaimed-{secret}")
}

/// A chore as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChore {
    /// Its name; one chore a name.
    pub name: String,
    /// What to do.
    pub chore: Chore,
    /// How often it was taken up.
    pub tries: u32,
}
