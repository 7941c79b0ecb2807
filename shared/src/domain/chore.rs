//! Work beside issuances: what a call promised and the worker does.

use serde::{Deserialize, Serialize};

/// One piece of such work. Each can be done again after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Chore {
    /// Delete secrets, with the vault's recovery window. A repeat finds them scheduled already.
    DeleteSecrets {
        /// Their names in the vault.
        names: Vec<String>,
    },
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
