//! Chores: work that calls enqueued.

use async_trait::async_trait;

use super::{
    item::{Item, Row, Writer, n},
    keys::{self, Work},
    lists,
    store::DynamoStore,
    tx::{Expression, Tx},
};
use crate::store::{ChoreStore, SecretIntents, StoreError};
use certmint_core::{
    chore::{Chore, StoredChore, unclaimed, unclaimed_name},
    words::Timestamp,
};

fn from_item(row: &Row) -> Result<StoredChore, StoreError> {
    Ok(StoredChore {
        name: row.text("name")?.to_owned(),
        chore: row.json("chore")?,
        tries: row.number("tries")?,
    })
}

fn to_item(chore: &StoredChore, due: Timestamp) -> Result<Item, StoreError> {
    Writer::new(&keys::chore(&chore.name))
        .placed(keys::due(Work::Chores, 0, due))
        .text("name", &chore.name)
        .json("chore", &chore.chore)
        .number("tries", chore.tries)
        .finish()
}

fn as_read(chore: &StoredChore) -> Expression {
    Expression::is("tries", n(chore.tries))
}

/// A chore in the transaction that makes it due; it replaces one of the same name.
pub(super) fn enqueue<E>(
    tx: &mut Tx<E>,
    name: &str,
    chore: &Chore,
    due: Timestamp,
) -> Result<(), StoreError> {
    let stored = StoredChore {
        name: name.to_owned(),
        chore: chore.clone(),
        tries: 0,
    };
    tx.put(to_item(&stored, due)?);
    Ok(())
}

/// Takes a chore back.
pub(super) fn take_back<E>(tx: &mut Tx<E>, name: &str) {
    tx.delete(keys::chore(name));
}

/// The record of this transaction names a secret, so its deletion is taken back. `failed`: it is being deleted, since the
/// record came too late. A secret without an intent (it was there before) is nobody's concern.
pub(super) fn claim_secret<E>(tx: &mut Tx<E>, secret: &str, failed: E) {
    let untouched = Expression::new("attribute_not_exists(pk) OR #tries = :none").with("none", n(0));
    tx.delete_if(keys::chore(&unclaimed_name(secret)), untouched, failed);
}

#[async_trait]
impl SecretIntents for DynamoStore {
    /// One write.
    async fn intend_secret(&self, secret: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = Tx::<StoreError>::new();
        let (name, chore, due) = unclaimed(secret, now);
        enqueue(&mut tx, &name, &chore, due)?;
        tx.commit(self.table().await?).await?
    }

    /// One conditional write.
    async fn drop_secret(&self, secret: &str, now: Timestamp) -> Result<(), StoreError> {
        let (name, chore, _) = unclaimed(secret, now);
        let untouched = StoredChore {
            name,
            chore,
            tries: 0,
        };
        let mut tx = Tx::new();
        tx.put_if(to_item(&untouched, now)?, as_read(&untouched), ());
        // Claimed, or being deleted.
        let _dropped: Result<(), ()> = tx.commit(self.table().await?).await?;
        Ok(())
    }
}

#[async_trait]
impl ChoreStore for DynamoStore {
    /// One index query and one batch read.
    async fn due_chores(&self, now: Timestamp, limit: usize) -> Result<Vec<StoredChore>, StoreError> {
        lists::due_records(self.table().await?, (Work::Chores, now), limit, from_item).await
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
        let mut tx = Tx::new();
        tx.put_if(to_item(&taken, until)?, as_read(chore), ());
        Ok(tx.commit(self.table().await?).await?.is_ok().then_some(taken))
    }

    /// One conditional write.
    async fn end_chore(&self, chore: &StoredChore) -> Result<(), StoreError> {
        let mut tx = Tx::new();
        tx.delete_if(keys::chore(&chore.name), as_read(chore), ());
        // Gone, or taken up by another since.
        let _ended: Result<(), ()> = tx.commit(self.table().await?).await?;
        Ok(())
    }
}
