//! Certificates by fingerprint and by set of names: small items that point to them.

use async_trait::async_trait;

use super::{DynamoStore, END, Item, Range, TABLE, n, pad, s};
use crate::store::{CertificateRelations, RenewalStore, StoreError};
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, DomainName, Timestamp, set_key},
};

/// Ids that one look gives.
const MOST: usize = 100;

fn partition(names: &[DomainName]) -> String {
    format!("NAMES#{}", set_key(names))
}

fn compromised_key(key_id: &str) -> String {
    format!("COMPROMISED#{key_id}")
}

/// The item that says that somebody else may have a key. It stays.
pub(super) fn compromised(key_id: &str, now: Timestamp) -> Item {
    Item::from([
        ("pk".into(), s(compromised_key(key_id))),
        ("sk".into(), s("META")),
        ("created_at".into(), n(now.millis())),
    ])
}

/// The item that makes a certificate findable by its names. Whoever deletes a certificate deletes it too.
pub(super) fn pointer(certificate: &Certificate) -> Item {
    Item::from([
        ("pk".into(), s(partition(&certificate.names))),
        ("sk".into(), s(pad(certificate.id.get()))),
        ("id".into(), n(certificate.id)),
    ])
}

/// The pointers to all certificates of a set.
fn all_with(names: &[DomainName]) -> Range<'_> {
    Range {
        index: None,
        keys: TABLE,
        partition: partition(names),
        from: "0".into(),
        to: END.into(),
        forward: true,
    }
}

#[async_trait]
impl CertificateRelations for DynamoStore {
    async fn keys_in_use(&self, names: &[DomainName]) -> Result<Vec<String>, StoreError> {
        let rows = self.range(&all_with(names), usize::MAX).await?;
        let mut keys = Vec::new();
        for row in rows {
            match self
                .certificate_versions(CertificateId::new(row.number("id")?))
                .await
            {
                Ok(versions) => keys.extend(versions.into_iter().map(|c| c.key_ref)),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(keys)
    }

    async fn is_compromised(&self, key_id: &str) -> Result<bool, StoreError> {
        let item = self.get(&compromised_key(key_id), "META").await?;
        Ok(item.is_some())
    }

    async fn certificate_with(&self, fingerprint: &str) -> Result<Option<CertificateId>, StoreError> {
        let key = format!("UNIQUE#FINGERPRINT#{fingerprint}");
        match self.get(&key, "META").await? {
            Some(row) => Ok(Some(CertificateId::new(row.number("id")?))),
            None => Ok(None),
        }
    }

    async fn same_names(&self, certificate: &Certificate) -> Result<Vec<CertificateId>, StoreError> {
        let rows = self.range(&all_with(&certificate.names), MOST + 1).await?;
        let ids: Vec<u64> = rows
            .iter()
            .map(|row| row.number("id"))
            .collect::<Result<_, _>>()?;
        let others = ids.into_iter().map(CertificateId::new);
        Ok(others.filter(|id| *id != certificate.id).take(MOST).collect())
    }
}
