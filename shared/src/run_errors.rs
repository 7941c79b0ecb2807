//! What went wrong in a run without ending it.

use std::{collections::BTreeMap, fmt};

use crate::store::StoreError;

/// What could not be read or written, with the first error of each; the rest of the run was done. A function whose run has
/// any ends with them as its error once all that it could do is done, so that the alarm on its errors tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct RunErrors(BTreeMap<&'static str, String>);

impl RunErrors {
    pub(crate) fn note(&mut self, what: &'static str, error: &StoreError) {
        tracing::error!(what, %error, "the run goes on without");
        self.0.entry(what).or_insert_with(|| error.to_string());
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        for (what, error) in other.0 {
            self.0.entry(what).or_insert(error);
        }
    }

    /// Whether nothing went wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for RunErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, error)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{what}: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RunErrors {}
