//! Certificates by fingerprint and by set of names: small items that point to them.

use async_trait::async_trait;

use super::{DynamoStore, END, Item, Range, TABLE, n, pad, s};
use crate::{
    domain::{Certificate, CertificateId, set_key},
    store::{CertificateRelations, StoreError},
};

/// Ids that one look gives.
const MOST: usize = 100;

fn partition(certificate: &Certificate) -> String {
    format!("NAMES#{}", set_key(&certificate.names))
}

/// The item that makes a certificate findable by its names. Whoever deletes a certificate deletes it too.
pub(super) fn pointer(certificate: &Certificate) -> Item {
    Item::from([
        ("pk".into(), s(partition(certificate))),
        ("sk".into(), s(pad(certificate.id.get()))),
        ("id".into(), n(certificate.id)),
    ])
}

#[async_trait]
impl CertificateRelations for DynamoStore {
    async fn certificate_with(&self, fingerprint: &str) -> Result<Option<CertificateId>, StoreError> {
        let key = format!("UNIQUE#FINGERPRINT#{fingerprint}");
        match self.get(&key, "META").await? {
            Some(row) => Ok(Some(CertificateId::new(row.number("id")?))),
            None => Ok(None),
        }
    }

    async fn same_names(&self, certificate: &Certificate) -> Result<Vec<CertificateId>, StoreError> {
        let range = Range {
            index: None,
            keys: TABLE,
            partition: partition(certificate),
            from: "0".into(),
            to: END.into(),
            forward: true,
        };
        let rows = self.range(&range, MOST + 1).await?;
        let ids: Vec<u64> = rows
            .iter()
            .map(|row| row.number("id"))
            .collect::<Result<_, _>>()?;
        let others = ids.into_iter().map(CertificateId::new);
        Ok(others.filter(|id| *id != certificate.id).take(MOST).collect())
    }
}
