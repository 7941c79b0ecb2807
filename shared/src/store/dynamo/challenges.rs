//! The TXT ledger.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    counters, cut,
    item::{Item, Row, Writer, n, readable, s},
    keys::{self, Index, Key, List, Work},
    lists::{self, Asked},
    range::Range,
    store::DynamoStore,
    table::{Fresh, Table},
    tx::{Expression, MOST, Tx},
};
use crate::store::{ChallengeStore, DEPTH, StoreError, TxtLedger, place_after, rows_before, txt_cursor_of};
use certmint_core::{
    challenge::{DesiredState, TxtRecord, TxtStatus},
    words::{Fqdn, Page, PageRequest, RequestId, Timestamp},
};

/// Tries of a write that reads first, against others that write the same value.
const TRIES: usize = 5;
/// Writes in flight at once.
const WRITES: usize = 8;
/// Values of one transaction; the counters of their owner are in it too.
const TOGETHER: usize = MOST - 2;

fn key(record: &TxtRecord) -> Key {
    keys::txt(&record.fqdn, &record.value, record.owner_id, &record.zone_id)
}

fn from_item(row: &Row) -> Result<TxtRecord, StoreError> {
    Ok(TxtRecord {
        fqdn: Fqdn::new(row.text("fqdn")?),
        value: row.text("value")?.to_owned(),
        zone_id: row.text("zone_id")?.to_owned(),
        zone: Fqdn::new(row.text("zone")?),
        owner_id: RequestId::new(row.number("owner_id")?),
        // Items of earlier builds have none.
        fence: row.opt_number("fence")?.unwrap_or_default(),
        unsettled: row.opt_flag("unsettled")?,
        desired_state: row.word("desired_state")?,
        status: row.word("status")?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn to_item(record: &TxtRecord) -> Result<Item, StoreError> {
    let mut item = Writer::new(&key(record))
        .placed(keys::listed_txt(record))
        .text("fqdn", record.fqdn.as_str())
        .text("value", &record.value)
        .text("zone_id", &record.zone_id)
        .text("zone", record.zone.as_str())
        .number("owner_id", record.owner_id)
        .number("fence", record.fence)
        .only_if("unsettled", record.unsettled)
        .text("desired_state", record.desired_state.as_str())
        .text("status", record.status.as_str())
        .time("expires_at", record.expires_at)
        .time("created_at", record.created_at)
        .time("updated_at", record.updated_at);
    let spread = keys::spread(&record.fqdn);
    if let Some(at) = record.forgotten_at() {
        item = item.placed(keys::due(Work::Forget, spread, at));
    }
    if let Some(at) = record.due_at() {
        item = item
            .placed(keys::txt_of(record))
            .placed(keys::due(Work::Cleanup, spread, at));
    }
    item.finish()
}

/// That it is as it was read: one that is wanted again has another time.
fn as_read(record: &TxtRecord) -> Expression {
    let same = Expression::is("desired_state", s(record.desired_state.as_str()));
    let same = same.and(Expression::is("updated_at", n(record.updated_at.millis())));
    match record.fence {
        0 => same,
        fence => same.and(Expression::is("fence", n(fence))),
    }
}

/// Whether it was still there, gone from its zone, as it was read.
async fn forget(table: &Table, record: &TxtRecord) -> Result<bool, StoreError> {
    let mut tx = Tx::new();
    tx.delete_if(key(record), as_read(record), ());
    tx.count(&List::txt(record.desired_state), record.owner_id.get(), -1);
    Ok(tx.commit(table).await?.is_ok())
}

/// Replaces a value's record if it still is as `old`, with the counts of the lists that it leaves and enters.
fn replace(tx: &mut Tx<()>, old: Option<&TxtRecord>, new: &TxtRecord) -> Result<(), StoreError> {
    tx.put_if(to_item(new)?, old.map_or_else(Expression::absent, as_read), ());
    // The counters' shards follow the owner; the lists are in the order of creation, not of ids.
    if old.is_none_or(|old| old.desired_state != new.desired_state) {
        if let Some(old) = old {
            tx.count(&List::txt(old.desired_state), old.owner_id.get(), -1);
        }
        tx.count(&List::txt(new.desired_state), new.owner_id.get(), 1);
    }
    Ok(())
}

/// Records of one owner each, which share their counters, as many as a transaction takes.
fn by_owner<T>(records: Vec<T>, owner: impl Fn(&T) -> RequestId) -> Vec<Vec<T>> {
    let mut owned: BTreeMap<RequestId, Vec<T>> = BTreeMap::new();
    for record in records {
        owned.entry(owner(&record)).or_default().push(record);
    }
    owned.into_values().collect()
}

/// Writes values of one owner, one transaction after the other: all of them, whatever becomes of one.
async fn put_owned(table: &Table, records: Vec<&TxtRecord>) -> Result<(), StoreError> {
    let by_key: BTreeMap<Key, &TxtRecord> = records.into_iter().map(|r| (key(r), r)).collect();
    let all: Vec<(Key, &TxtRecord)> = by_key.into_iter().collect();
    let mut written = Ok(());
    for part in all.chunks(TOGETHER) {
        written = written.and(put_together(table, part).await);
    }
    written
}

/// A record in the place of what stands. One that was written under a later fence stays.
fn in_place(old: Option<&TxtRecord>, record: &TxtRecord) -> Result<TxtRecord, StoreError> {
    if old.is_some_and(|old| old.fence > record.fence) {
        return Err(StoreError::LeaseLost(record.owner_id));
    }
    Ok(record.over(old))
}

async fn put_together(table: &Table, records: &[(Key, &TxtRecord)]) -> Result<(), StoreError> {
    let keys: Vec<Key> = records.iter().map(|(key, _)| key.clone()).collect();
    for _ in 0..TRIES {
        let rows = table.batch(&keys, Fresh::Now).await?;
        let stand: HashMap<Key, &Row> = rows.iter().map(|row| (row.key(), row)).collect();
        let (mut tx, mut written) = (Tx::new(), Ok(()));
        for (key, record) in records {
            let old = stand.get(key).map(|row| from_item(row)).transpose();
            let new = old.and_then(|old| Ok((in_place(old.as_ref(), record)?, old)));
            match new {
                Ok((new, old)) => replace(&mut tx, old.as_ref(), &new)?,
                Err(error) => written = written.and(Err(error)),
            }
        }
        if tx.commit(table).await?.is_ok() {
            return written;
        }
    }
    let id = records.first().map(|(_, record)| record.fqdn.to_string());
    Err(StoreError::Conflict {
        kind: "TXT value",
        id: id.unwrap_or_default(),
    })
}

/// A record as it was read, and as it is to be.
type Change = (TxtRecord, TxtRecord);

/// Writes changes of one owner that move in the lists: in one transaction, unless somebody changed one of them meanwhile;
/// then one after the other, and that one stays.
async fn move_owned(table: &Table, changes: Vec<Change>) -> Result<(), StoreError> {
    for part in changes.chunks(TOGETHER) {
        let mut tx = Tx::new();
        for (old, new) in part {
            replace(&mut tx, Some(old), new)?;
        }
        if tx.commit(table).await?.is_ok() {
            continue;
        }
        for (old, new) in part {
            replace_alone(table, old, new).await?;
        }
    }
    Ok(())
}

/// One that was changed meanwhile stays as it is.
async fn replace_alone(table: &Table, old: &TxtRecord, new: &TxtRecord) -> Result<(), StoreError> {
    let mut tx = Tx::new();
    replace(&mut tx, Some(old), new)?;
    let _written: Result<(), ()> = tx.commit(table).await?;
    Ok(())
}

/// One index query and one batch read: a value written within the last moments may be missing; its lease end finds it
/// then.
pub(super) async fn of_request(table: &Table, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError> {
    let rows = table.range(&Range::txt_of(owner)).await?;
    let rows = table.batch(&lists::keys_of(&rows), Fresh::Now).await?;
    let mut records = readable(&rows, from_item);
    records.retain(|r| r.owner_id == owner && r.status != TxtStatus::Removed);
    Ok(records)
}

#[async_trait]
impl TxtLedger for DynamoStore {
    /// For the values of each owner one batch read and one conditional transaction, or two where they are a hundred.
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError> {
        let table = self.table().await?;
        let owned = by_owner(records.iter().collect(), |record: &&TxtRecord| record.owner_id);
        let puts: Vec<_> = owned.into_iter().map(|part| put_owned(table, part)).collect();
        // All of them, whatever becomes of one.
        let written: Vec<Result<(), StoreError>> =
            stream::iter(puts).buffer_unordered(WRITES).collect().await;
        written.into_iter().collect()
    }

    /// One conditional write for each value. Those that become unwanted are counted: the ones of an owner go in one
    /// transaction.
    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> Result<(), StoreError> {
        let table = self.table().await?;
        let change = |(old, status): &(TxtRecord, TxtStatus)| {
            let desired_state = match status {
                TxtStatus::Removed => DesiredState::Absent,
                _ => old.desired_state,
            };
            let new = TxtRecord {
                status: *status,
                desired_state,
                updated_at: now,
                ..old.clone()
            };
            (old.clone(), new)
        };
        let changes = seen.iter().map(change);
        let (stay, moved): (Vec<Change>, Vec<Change>) =
            changes.partition(|(old, new)| old.desired_state == new.desired_state);
        let writes: Vec<_> = stay
            .iter()
            .map(|(old, new)| replace_alone(table, old, new))
            .collect();
        let () = stream::iter(writes)
            .buffer_unordered(WRITES)
            .try_collect()
            .await?;
        let moves = by_owner(moved, |(old, _)| old.owner_id).into_iter();
        let moves: Vec<_> = moves.map(|part| move_owned(table, part)).collect();
        stream::iter(moves).buffer_unordered(WRITES).try_collect().await
    }

    /// One consistent query.
    async fn txt_rrset(&self, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError> {
        let rows = self.table().await?.range(&Range::rrset(fqdn)).await?;
        let mut records = readable(&rows, from_item);
        records.retain(|r| r.status != TxtStatus::Removed);
        Ok(records)
    }

    async fn txt_of_request(&self, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError> {
        of_request(self.table().await?, owner).await
    }
}

#[async_trait]
impl ChallengeStore for DynamoStore {
    /// Eight small index queries and one batch read.
    async fn due_txt(
        &self,
        now: Timestamp,
        limit: usize,
        passed_over: &BTreeSet<String>,
    ) -> Result<Vec<TxtRecord>, StoreError> {
        let is_in =
            |row: &Row| !keys::zone_of_txt(&row.key().sk).is_some_and(|zone| passed_over.contains(zone));
        let due = lists::due_records_of(self.table().await?, (Work::Cleanup, now), limit, is_in, from_item);
        let mut due = due.await?;
        // The index lags.
        due.retain(|record| record.due_at().is_some_and(|at| at <= now));
        Ok(due)
    }

    /// Eight small index queries and a batch read, and one transaction for each value.
    async fn forget_txt(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut due = lists::due_records(self.table().await?, (Work::Forget, now), limit, from_item).await?;
        due.retain(|record| record.forgotten_at().is_some_and(|at| at <= now));
        let table = self.table().await?;
        let forgetting: Vec<_> = due.iter().map(|record| forget(table, record)).collect();
        let done: Vec<bool> = stream::iter(forgetting)
            .buffer_unordered(WRITES)
            .try_collect()
            .await?;
        Ok(done.into_iter().filter(|done| *done).count())
    }

    /// The totals, the rows up to the page, and a batch read of the page.
    async fn txt_records(
        &self,
        desired: Option<DesiredState>,
        page: &PageRequest,
    ) -> Result<Page<TxtRecord>, StoreError> {
        let (table, size) = (self.table().await?, page.page_size as usize);
        let states = [DesiredState::Present, DesiredState::Absent];
        let states = states.into_iter().filter(|d| desired.is_none_or(|x| x == *d));
        let states: Vec<DesiredState> = states.collect();
        let after = page.cursor.as_deref().map(place_after).transpose()?;
        let all: Vec<List> = states.iter().map(|state| List::txt(*state)).collect();
        let totals = counters::totals(table, &all).await?;
        let asked = Asked {
            ranges: states
                .iter()
                .map(|state| Range::txt(*state, after.as_deref()))
                .collect(),
            skip: rows_before(page, DEPTH)?,
            // The row at the cursor was shown already.
            size: size + usize::from(after.is_some()),
        };
        let place = |row: &Row| {
            row.opt_text(Index::List.attributes().1)
                .unwrap_or_default()
                .to_owned()
        };
        let mut rows = lists::rows(table, asked).await?;
        rows.retain(|row| Some(place(row)) != after);
        rows.truncate(size);
        let cut = cut::records(table, &lists::keys_of(&rows), from_item, TxtRecord::row_bytes).await?;
        let mut list = cut.list;
        // The index lags.
        list.retain(|record| states.contains(&record.desired_state));
        list.sort_by_cached_key(|record| Reverse(record.place()));
        let total = totals.iter().sum();
        let cursor = |row: &Row| Some(txt_cursor_of(&place(row)));
        Ok(lists::page(list, total, (&rows, cut.taken, size), cursor))
    }
}
