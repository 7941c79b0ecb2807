//! The alarm on rights that our functions lack.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use certmint_core::words::{Cause, Class, Failure};

/// Says each right that is missing once a run, however many requests miss it and however often they look.
#[derive(Default)]
pub(crate) struct Denials(Mutex<BTreeSet<String>>);

impl Denials {
    /// A run begins: what is still missing is said again.
    pub(crate) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Raises the alarm, if it is a right that this failure is about.
    pub(crate) fn note(&self, failure: &Failure) {
        if failure.class != Class::Denied {
            return;
        }
        let error = &failure.problem.detail;
        // Each request has secrets of its own: their names would make many of one.
        let what = match failure.problem.cause {
            Cause::Vault => "vault".to_owned(),
            _ => error.clone(),
        };
        let is_news = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
        if is_news {
            tracing::error!(
                error,
                alarm = "permission",
                "a right is missing; what needs it waits"
            );
        }
    }
}
