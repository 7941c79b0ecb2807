//! Chores: work that calls promised. A chore is due in the partition `CHORE` of the index `work`.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    DynamoStore, Item, Range, Row, WORK, n, s,
    write::{Condition, Refusal},
};
use crate::store::{ChoreStore, StoreError};
use certmint_core::{
    chore::{Chore, StoredChore},
    words::Timestamp,
};

const DUE: &str = "CHORE";

fn key(name: &str) -> String {
    format!("CHORE#{name}")
}

fn read(row: &Row) -> Result<StoredChore, StoreError> {
    Ok(StoredChore {
        name: row.text("name")?.to_owned(),
        chore: row.json("chore")?,
        tries: u32::try_from(row.number("tries")?).unwrap_or(u32::MAX),
    })
}

fn write(chore: &StoredChore, due: Timestamp) -> Result<Item, StoreError> {
    let text = serde_json::to_string(&chore.chore).map_err(|e| StoreError::Refused {
        operation: "PutItem",
        message: e.to_string(),
    })?;
    Ok(Item::from([
        ("pk".into(), s(key(&chore.name))),
        ("sk".into(), s("META")),
        ("work_pk".into(), s(DUE)),
        ("work_sk".into(), s(due.sort_key())),
        ("name".into(), s(&chore.name)),
        ("chore".into(), s(text)),
        ("tries".into(), n(chore.tries)),
    ]))
}

fn as_read(chore: &StoredChore) -> Condition {
    Condition::new("tries = :tries").with(":tries", n(chore.tries))
}

impl DynamoStore {
    /// A chore for the transaction that makes it due; it replaces one of the same name.
    pub(super) fn promise(
        &self,
        name: &str,
        chore: &Chore,
        due: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let stored = StoredChore {
            name: name.to_owned(),
            chore: chore.clone(),
            tries: 0,
        };
        self.put(write(&stored, due)?, Condition::default())
    }

    /// Takes a chore back.
    pub(super) fn unpromise(&self, name: &str) -> Result<TransactWriteItem, StoreError> {
        self.delete(&key(name), "META")
    }
}

#[async_trait]
impl ChoreStore for DynamoStore {
    async fn due_chores(&self, now: Timestamp, limit: usize) -> Result<Vec<StoredChore>, StoreError> {
        let range = Range {
            index: Some("work"),
            keys: WORK,
            partition: DUE.into(),
            from: "0".into(),
            to: now.sort_key(),
            forward: true,
        };
        let rows = self.range(&range, limit).await?;
        // One that cannot be read stops nobody.
        Ok(rows
            .iter()
            .filter_map(|row| {
                read(row)
                    .inspect_err(|error| tracing::error!(%error, "chore cannot be read"))
                    .ok()
            })
            .collect())
    }

    /// One conditional write.
    async fn take_chore(
        &self,
        chore: &StoredChore,
        until: Timestamp,
    ) -> Result<Option<StoredChore>, StoreError> {
        let taken = StoredChore {
            tries: chore.tries + 1,
            ..chore.clone()
        };
        match self
            .transact(vec![self.put(write(&taken, until)?, as_read(chore))?])
            .await
        {
            Ok(()) => Ok(Some(taken)),
            Err(Refusal::Condition(_)) => Ok(None),
            Err(Refusal::Store(error)) => Err(error),
        }
    }

    /// One conditional write.
    async fn end_chore(&self, chore: &StoredChore) -> Result<(), StoreError> {
        let delete = self.delete_if(&key(&chore.name), "META", as_read(chore))?;
        match self.transact(vec![delete]).await {
            Ok(()) | Err(Refusal::Condition(_)) => Ok(()),
            Err(Refusal::Store(error)) => Err(error),
        }
    }
}
