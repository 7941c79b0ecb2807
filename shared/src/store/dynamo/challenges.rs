//! The TXT ledger.

use std::cmp::Reverse;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};

use super::{
    DynamoStore, END, Item, LIST, OWNER, Range, Row, SHARDS, TABLE, n,
    row::readable,
    s,
    write::{Condition, Refusal},
};
use crate::store::{ChallengeStore, StoreError, place_after, txt_cursor};
use certmint_core::{
    challenge::{DesiredState, TxtRecord, TxtStatus},
    words::{Fqdn, Page, PageRequest, RequestId, Timestamp},
};

/// Tries of a write that reads first, against others that write the same value.
const TRIES: usize = 5;
/// Transactions in flight at once.
const WRITES: usize = 8;

fn key(record: &TxtRecord) -> String {
    format!("TXT#{}", record.fqdn)
}

fn read(row: &Row) -> Result<TxtRecord, StoreError> {
    Ok(TxtRecord {
        fqdn: Fqdn::new(row.text("fqdn")?),
        value: row.text("value")?.to_owned(),
        zone_id: row.text("zone_id")?.to_owned(),
        zone: Fqdn::new(row.text("zone")?),
        owner_id: RequestId::new(row.number("owner_id")?),
        desired_state: row.word("desired_state")?,
        status: row.word("status")?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn list(desired: DesiredState) -> String {
    format!("TXT#{}", desired.as_str())
}

fn write(record: &TxtRecord) -> Item {
    let mut item = Item::from([
        ("pk".into(), s(key(record))),
        ("sk".into(), s(&record.value)),
        ("list_pk".into(), s(list(record.desired_state))),
        ("list_sk".into(), s(record.place())),
        ("fqdn".into(), s(record.fqdn.as_str())),
        ("value".into(), s(&record.value)),
        ("zone_id".into(), s(&record.zone_id)),
        ("zone".into(), s(record.zone.as_str())),
        ("owner_id".into(), n(record.owner_id)),
        ("desired_state".into(), s(record.desired_state.as_str())),
        ("status".into(), s(record.status.as_str())),
        ("expires_at".into(), n(record.expires_at.millis())),
        ("created_at".into(), n(record.created_at.millis())),
        ("updated_at".into(), n(record.updated_at.millis())),
    ]);
    let shard = record.fqdn.as_str().bytes().map(u64::from).sum::<u64>() % SHARDS;
    if let Some(at) = record.forgotten_at() {
        item.insert("work_pk".into(), s(format!("FORGET#{shard}")));
        item.insert("work_sk".into(), s(at.sort_key()));
    }
    if let Some(due) = record.due_at() {
        item.insert("owner_pk".into(), s(format!("REQUEST#{}#TXT", record.owner_id)));
        item.insert("owner_sk".into(), s(format!("{}#{}", record.fqdn, record.value)));
        item.insert("work_pk".into(), s(format!("CLEANUP#{shard}")));
        item.insert("work_sk".into(), s(due.sort_key()));
    }
    item
}

impl DynamoStore {
    async fn due_for(&self, work: &str, now: Timestamp, limit: usize) -> Result<Vec<TxtRecord>, StoreError> {
        let rows = self.due(work, now, limit).await?;
        let mut due = readable(&rows, read);
        due.truncate(limit);
        Ok(due)
    }

    /// Whether it was still there, gone from its zone, as it was read.
    async fn forget(&self, record: &TxtRecord) -> Result<bool, StoreError> {
        // A value that is wanted again has another time.
        let as_read = Condition::new("desired_state = :desired AND updated_at = :seen")
            .with(":desired", s(record.desired_state.as_str()))
            .with(":seen", n(record.updated_at.millis()));
        let mut items = vec![self.delete_if(&key(record), &record.value, as_read)?];
        items.extend(self.count(&list(record.desired_state), record.owner_id.get(), -1)?);
        match self.transact(items).await {
            Ok(()) => Ok(true),
            Err(Refusal::Condition(_)) => Ok(false),
            Err(Refusal::Store(error)) => Err(error),
        }
    }

    /// Replaces a value's record if it still is as `old`, with the counts of the lists that it leaves and enters.
    async fn replace_txt(&self, old: Option<&TxtRecord>, new: &TxtRecord) -> Result<(), Refusal> {
        let condition = match old {
            None => Condition::absent(),
            Some(old) => Condition::new("desired_state = :desired AND updated_at = :seen")
                .with(":desired", s(old.desired_state.as_str()))
                .with(":seen", n(old.updated_at.millis())),
        };
        let mut items = vec![self.put(write(new), condition)?];
        // The counters' shards follow the owner; the lists are in the order of creation, not of ids.
        let id = new.owner_id.get();
        match old {
            Some(old) if old.desired_state == new.desired_state => {}
            Some(old) => {
                items.extend(self.count(&list(old.desired_state), old.owner_id.get(), -1)?);
                items.extend(self.count(&list(new.desired_state), id, 1)?);
            }
            None => items.extend(self.count(&list(new.desired_state), id, 1)?),
        }
        self.transact(items).await
    }

    async fn put_one(&self, record: &TxtRecord) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let old = self
                .get(&key(record), &record.value)
                .await?
                .as_ref()
                .map(read)
                .transpose()?;
            let created_at = old.as_ref().map_or(record.created_at, |o| o.created_at);
            // A value that may stand in the zone is not forgotten by being wanted again.
            let status = match (&old, record.status) {
                (Some(old), TxtStatus::Pending) if old.status == TxtStatus::Active => TxtStatus::Active,
                (_, status) => status,
            };
            let new = TxtRecord {
                created_at,
                status,
                ..record.clone()
            };
            match self.replace_txt(old.as_ref(), &new).await {
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
        Err(StoreError::Conflict {
            kind: "TXT value",
            id: record.fqdn.to_string(),
        })
    }
}

#[async_trait]
impl ChallengeStore for DynamoStore {
    /// For each value one read and one conditional transaction.
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError> {
        try_join_all(records.iter().map(|record| self.put_one(record)))
            .await
            .map(|_| ())
    }

    /// One conditional transaction for each value.
    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> Result<(), StoreError> {
        let writes = seen.iter().map(|(old, status)| async move {
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
            match self.replace_txt(Some(old), &new).await {
                Ok(()) | Err(Refusal::Condition(_)) => Ok(()),
                Err(Refusal::Store(error)) => Err(error),
            }
        });
        try_join_all(writes).await.map(|_| ())
    }

    /// One consistent query.
    async fn txt_rrset(&self, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError> {
        let range = Range {
            index: None,
            keys: TABLE,
            partition: format!("TXT#{fqdn}"),
            from: "!".into(),
            to: END.into(),
            forward: true,
        };
        let rows = self.range(&range, usize::MAX).await?;
        let mut records = readable(&rows, read);
        records.retain(|r| r.status != TxtStatus::Removed);
        Ok(records)
    }

    /// One index query: a value written within the last moments may be missing; its lease end finds it then.
    async fn txt_of_request(&self, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError> {
        let range = Range {
            index: Some("by_owner"),
            keys: OWNER,
            partition: format!("REQUEST#{owner}#TXT"),
            from: "!".into(),
            to: END.into(),
            forward: true,
        };
        Ok(readable(&self.range(&range, usize::MAX).await?, read))
    }

    /// Eight small index queries.
    async fn due_txt(&self, now: Timestamp, limit: usize) -> Result<Vec<TxtRecord>, StoreError> {
        self.due_for("CLEANUP", now, limit).await
    }

    /// Eight small index queries, and one transaction for each value.
    async fn forget_txt(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let due = self.due_for("FORGET", now, limit).await?;
        let forgetting = due
            .into_iter()
            .map(|record| async move { self.forget(&record).await });
        let done: Vec<bool> = stream::iter(forgetting)
            .buffer_unordered(WRITES)
            .try_collect()
            .await?;
        Ok(done.into_iter().filter(|done| *done).count())
    }

    /// The totals, and one page behind a cursor; by number, the rows up to the page.
    async fn txt_records(
        &self,
        desired: Option<DesiredState>,
        page: &PageRequest,
    ) -> Result<Page<TxtRecord>, StoreError> {
        let states: Vec<DesiredState> = [DesiredState::Present, DesiredState::Absent]
            .into_iter()
            .filter(|d| desired.is_none_or(|x| x == *d))
            .collect();
        let size = page.page_size as usize;
        let (to, skip) = match &page.cursor {
            Some(cursor) => (place_after(cursor)?, 0),
            None => (END.to_owned(), (page.page.max(1) as usize - 1) * size),
        };
        // The row at the cursor was shown already.
        let want = skip + size + usize::from(page.cursor.is_some());
        let (mut total, mut records) = (0, Vec::new());
        for state in states {
            total += self.total(&list(state)).await?;
            let range = Range {
                index: Some("list"),
                keys: LIST,
                partition: list(state),
                from: "0".into(),
                to: to.clone(),
                forward: false,
            };
            let rows = self.range(&range, want).await?;
            records.extend(readable(&rows, read).into_iter().filter(|r| r.place() < to));
        }
        records.sort_by_cached_key(|r| Reverse(r.place()));
        let list: Vec<TxtRecord> = records.into_iter().skip(skip).take(size).collect();
        Ok(Page::up_to(size, list, total, txt_cursor))
    }
}
