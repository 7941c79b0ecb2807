//! Which form of items the table has.

use super::{
    item::Writer,
    keys,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::StoreError;

/// Grows when what is stored can no longer be read by the functions before.
const SCHEMA_VERSION: u64 = 1;
const ATTRIBUTE: &str = "schema_version";

async fn stored(table: &Table) -> Result<Option<u64>, StoreError> {
    let row = table.get(&keys::schema()).await?;
    row.map(|row| row.number(ATTRIBUTE)).transpose()
}

fn is_ours(found: u64) -> Result<(), StoreError> {
    let known = SCHEMA_VERSION;
    match found == known {
        true => Ok(()),
        false => Err(StoreError::SchemaVersion { found, known }),
    }
}

/// What a function does about a table that has no version yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaUse {
    /// Writes its own.
    Claim,
    /// Takes it as empty: for who may not write that.
    Look,
}

/// That the table has our version. Where it has none ours is written, on condition that it still has none: of two functions
/// of different versions one wins. One read, and one write in a table's life.
pub(super) async fn look(table: &Table, schema: SchemaUse) -> Result<(), StoreError> {
    match (stored(table).await?, schema) {
        (Some(found), _) => return is_ours(found),
        (None, SchemaUse::Look) => return Ok(()),
        (None, SchemaUse::Claim) => {}
    }
    let ours = Writer::new(&keys::schema()).number(ATTRIBUTE, SCHEMA_VERSION);
    let mut tx = Tx::new();
    tx.put_if(ours.finish()?, Expression::absent(), ());
    match tx.commit(table).await? {
        Ok(()) => Ok(()),
        Err(()) => stored(table).await?.map_or(Ok(()), is_ours),
    }
}
