//! Why a store did not do what was asked.

use certmint_core::words::{Class, RequestId};

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such record.
    #[error("{kind} {id} does not exist")]
    NotFound {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// There is one already.
    #[error("{kind} {id} exists already")]
    Exists {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// Its present state does not allow that.
    #[error("{kind} {id} is {state}; this needs {needed}")]
    WrongState {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
        /// As it is.
        state: String,
        /// As it should be.
        needed: &'static str,
    },
    /// Another worker took the lease; nothing was written.
    #[error("request {0} was taken over by another worker")]
    LeaseLost(RequestId),
    /// Another request has this order; nothing was written.
    #[error("order {order_url} is that of request {by}")]
    OrderTaken {
        /// Its URL.
        order_url: String,
        /// Who has it.
        by: RequestId,
    },
    /// The record changed since it was read.
    #[error("{kind} {id} changed meanwhile; read it again")]
    Conflict {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// A record that cannot be read.
    #[error("{kind} {id} cannot be read: {why}")]
    Corrupt {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
    /// It has more than a record has room for; nothing was written.
    #[error("is too large to be kept: {found} {what}, of which {most} fit")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much fits.
        most: usize,
    },
    /// The cursor is none of ours.
    #[error("the cursor is not one that an earlier page gave")]
    BadCursor,
    /// A page by number that far is not read.
    #[error("the page leads over {rows} rows on; follow nextCursor")]
    TooDeep {
        /// How far pages by number go.
        rows: usize,
    },
    /// The table was written by functions of another version; nothing was done.
    #[error(
        "the table has schema version {found}, this function knows version {known} only and does nothing: deploy the \
         functions that belong to the table"
    )]
    SchemaVersion {
        /// What the table says.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The same Idempotency-Key came with another body.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// What the call with this Idempotency-Key answered with is gone: neither is it there to answer with again, nor may
    /// an old key make another.
    #[error(
        "this Idempotency-Key was answered with {kind} {id}, which was deleted since; to make a new one, send another key"
    )]
    KeySpent {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// DynamoDB is slow, throttled or away.
    #[error("DynamoDB {operation}: {message}")]
    Unavailable {
        /// The call.
        operation: &'static str,
        /// What it said.
        message: String,
    },
    /// Our role or credentials do not allow it.
    #[error("DynamoDB {operation}: {why}")]
    Denied {
        /// The call.
        operation: &'static str,
        /// What is missing, and what to do.
        why: String,
    },
    /// DynamoDB refused for good (table, size).
    #[error("DynamoDB {operation} refused: {message}")]
    Refused {
        /// The call.
        operation: &'static str,
        /// What it said.
        message: String,
    },
}

impl StoreError {
    /// As a call that is repeated under its Idempotency-Key meets it: it asked to make a record, and for none by its id.
    #[must_use]
    pub fn of_replay(self) -> Self {
        match self {
            Self::NotFound { kind, id } => Self::KeySpent { kind, id },
            other => other,
        }
    }

    /// What it means for the next step.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. }
            | Self::Conflict { .. }
            | Self::LeaseLost(_)
            | Self::OrderTaken { .. } => Class::Transient,
            Self::Denied { .. } => Class::Denied,
            _ => Class::Permanent,
        }
    }
}
