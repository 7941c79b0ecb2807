//! The records of a page: as many as its rows, as an answer holds, and as one read may cost.

use std::collections::HashMap;

use super::{
    item::{Row, readable},
    keys::Key,
    table::{Fresh, Table},
};
use crate::store::StoreError;
use certmint_core::words::Room;

/// Items of one batch read: BatchGetItem answers with 16 MB at most, which so many of the largest fit into.
pub(super) const PART: usize = 25;
/// Bytes of items that a page reads; a page that has read more ends.
const READ: usize = 16 * 1024 * 1024;

/// The records that a page has room for.
pub(super) struct Cut<T> {
    pub(super) list: Vec<T>,
    /// How many of the keys were taken up: those of the list, and those of what is gone or cannot be read.
    pub(super) taken: usize,
}

/// The records of keys, in their order, up to a page's end by bytes. One that cannot be read is left out with an alarm.
/// `weight`: what a record's row has in an answer. Batch reads of a moment ago, one for 25 keys.
pub(super) async fn records<T>(
    table: &Table,
    keys: &[Key],
    from_item: impl Fn(&Row) -> Result<T, StoreError>,
    weight: impl Fn(&T) -> usize,
) -> Result<Cut<T>, StoreError> {
    let (mut room, mut read) = (Room::default(), 0);
    let (mut list, mut taken) = (Vec::new(), 0);
    for part in keys.chunks(PART) {
        if read > READ {
            break;
        }
        let rows = table.batch(part, Fresh::Soon).await?;
        let rows: HashMap<Key, Row> = rows.into_iter().map(|row| (row.key(), row)).collect();
        for key in part {
            let row = rows.get(key);
            for record in readable(row, &from_item) {
                if !room.takes(weight(&record)) {
                    return Ok(Cut { list, taken });
                }
                list.push(record);
            }
            read += row.map_or(0, Row::bytes);
            taken += 1;
        }
    }
    Ok(Cut { list, taken })
}
