//! What a call with an Idempotency-Key answered with.

use std::time::Duration;

use super::{
    item::{Item, Row, Writer},
    keys,
    table::Table,
};
use crate::store::{Idempotency, StoreError};
use certmint_core::words::Timestamp;

/// How long an Idempotency-Key is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What an earlier call with the same key answered with.
pub(super) struct Replay {
    /// The record.
    pub(super) id: u64,
    /// Whether that call found the record instead of making it.
    pub(super) joined: bool,
}

fn from_item(row: &Row, asked: &Idempotency) -> Result<Replay, StoreError> {
    if row.text("body_hash")? != asked.body_hash {
        return Err(StoreError::KeyReused);
    }
    Ok(Replay {
        id: row.number("id")?,
        joined: row.flag("joined")?,
    })
}

/// For the record's own transaction, on condition that it is absent.
pub(super) fn to_item(asked: &Idempotency, answer: &Replay, now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(&keys::idempotency(&asked.key))
        .text("body_hash", &asked.body_hash)
        .number("id", answer.id)
        .flag("joined", answer.joined)
        .until(now.plus(REMEMBERED))
        .finish()
}

/// What an earlier call with this key answered with. One read.
pub(super) async fn replay(table: &Table, asked: &Idempotency) -> Result<Option<Replay>, StoreError> {
    let row = table.get(&keys::idempotency(&asked.key)).await?;
    row.map(|row| from_item(&row, asked)).transpose()
}
