//! Pointers to certificates by their names: one for each name, and for each above it up to the registered domain, so that
//! what is at or below a name is one partition in the order of ids.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::{
    chores,
    item::Writer,
    keys::{self, Key},
    table::Table,
    tx::{MOST, Tx},
};
use crate::store::StoreError;
use certmint_core::{certificate::Certificate, chore::Chore, words::CertificateId};

/// Pointers that are written in the certificate's own transaction, which has some twenty actions beside them.
const IN_RECORD: usize = 60;
/// Pointers of one certificate. A hundred names of as many labels as a name can have are fewer.
const MOST_POINTERS: usize = 12_500;
/// Transactions in flight at once.
const AT_ONCE: usize = 8;

/// The keys of a certificate's pointers.
fn all_keys(certificate: &Certificate) -> Vec<Key> {
    let names = certificate.names.iter();
    let all: BTreeSet<Key> = names.flat_map(|name| keys::names(name, certificate.id)).collect();
    all.into_iter().collect()
}

async fn in_parts(
    table: &Table,
    certificate: &Certificate,
    act: impl Fn(&mut Tx<StoreError>, &Key) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut parts = Vec::new();
    for part in all_keys(certificate).chunks(MOST) {
        let mut tx = Tx::new();
        for key in part {
            act(&mut tx, key)?;
        }
        parts.push(async move { tx.commit(table).await? });
    }
    stream::iter(parts).buffer_unordered(AT_ONCE).try_collect().await
}

/// Refuses a certificate whose pointers would take too long to write: before anything of it is written.
pub(super) fn check(certificate: &Certificate) -> Result<(), StoreError> {
    match all_keys(certificate).len() {
        found if found > MOST_POINTERS => Err(StoreError::TooLarge {
            what: "names and names above them",
            found,
            most: MOST_POINTERS,
        }),
        _ => Ok(()),
    }
}

fn chore_name(id: CertificateId) -> String {
    format!("index-names-{id}")
}

/// The pointers of a certificate in its own transaction, or a chore for them if they are more than that has room for;
/// [`put_rest`] does it at once.
pub(super) fn put_with<E>(tx: &mut Tx<E>, certificate: &Certificate) -> Result<(), StoreError> {
    let all = all_keys(certificate);
    if all.len() > IN_RECORD {
        let id = certificate.id;
        let chore = Chore::IndexNames { id };
        return chores::enqueue(tx, &chore_name(id), &chore, certificate.updated_at);
    }
    for key in &all {
        tx.put(Writer::new(key).finish()?);
    }
    Ok(())
}

/// Writes the pointers that a certificate's own transaction had no room for, and ends the chore. A failure is no concern
/// of the caller: the certificate is recorded, and a worker finds the chore.
pub(super) async fn put_rest(table: &Table, certificate: &Certificate) {
    if all_keys(certificate).len() <= IN_RECORD {
        return;
    }
    let written = async {
        put(table, certificate).await?;
        let mut tx = Tx::<StoreError>::new();
        chores::take_back(&mut tx, &chore_name(certificate.id));
        tx.commit(table).await?
    };
    if let Err(error) = written.await {
        tracing::warn!(certificate_id = certificate.id.get(), %error, "a worker writes the names");
    }
}

/// Writes the pointers of a certificate. A repeat writes the same.
pub(super) async fn put(table: &Table, certificate: &Certificate) -> Result<(), StoreError> {
    in_parts(table, certificate, |tx, key| {
        tx.put(Writer::new(key).finish()?);
        Ok(())
    })
    .await
}

/// Removes them. A repeat finds nothing.
pub(super) async fn delete(table: &Table, certificate: &Certificate) -> Result<(), StoreError> {
    in_parts(table, certificate, |tx, key| {
        tx.delete(key.clone());
        Ok(())
    })
    .await
}
