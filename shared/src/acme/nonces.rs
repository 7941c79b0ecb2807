//! Nonces that a CA gave and nobody has used yet (RFC 8555 §6.5): each answer brings one, each signed call takes one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nonces that are kept. As many are of use as there are calls at once.
const MOST: usize = 64;

/// One CA's nonces, oldest first.
#[derive(Default)]
pub(super) struct Nonces(Mutex<Vec<String>>);

impl Nonces {
    /// The newest: the one that is the least likely to be too old for the CA.
    pub(super) fn take(&self) -> Option<String> {
        self.all().pop()
    }

    /// Keeps one for the next call.
    pub(super) fn put(&self, nonce: String) {
        let mut all = self.all();
        if all.len() == MOST {
            all.remove(0);
        }
        all.push(nonce);
    }

    /// After the CA refused one it knows those of the same age no more either.
    pub(super) fn forget(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
