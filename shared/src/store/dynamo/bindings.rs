//! Which website uses which certificate. A website has one active binding: the item `WEBSITE#<id>` names it.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    DynamoStore, Item, Row,
    certificate_lifecycle::{changing, missing},
    certificates::{active_word, key, read, read_binding},
    n, pad, s,
    write::{Condition, Refusal},
};
use crate::store::StoreError;
use certmint_core::{
    certificate::Binding,
    words::{CertificateId, Timestamp},
};

/// Tries against others that bind the same website.
const TRIES: usize = 8;
const ACTIVE: &str = "BINDING";

fn sort(website: u64) -> String {
    format!("BINDING#{}", pad(website))
}

fn website(id: u64) -> String {
    format!("WEBSITE#{id}")
}

fn write(binding: &Binding, now: Timestamp) -> Item {
    let word = active_word(binding.active);
    let (certificate, website) = (pad(binding.certificate_id.get()), pad(binding.website_id));
    Item::from([
        ("pk".into(), s(key(binding.certificate_id))),
        ("sk".into(), s(sort(binding.website_id))),
        ("list_pk".into(), s(format!("BINDING#{word}"))),
        ("list_sk".into(), s(format!("{certificate}#{website}"))),
        ("certificate_id".into(), n(binding.certificate_id)),
        ("website_id".into(), n(binding.website_id)),
        ("status".into(), s(word)),
        ("updated_at".into(), n(now.millis())),
    ])
}

impl DynamoStore {
    /// Three reads, one transaction.
    pub(super) async fn bind(&self, binding: &Binding, now: Timestamp) -> Result<(), StoreError> {
        let id = binding.certificate_id;
        for _ in 0..TRIES {
            let row = self.get(&key(id), "META").await?.ok_or_else(|| missing(id))?;
            let stored = self.get(&key(id), &sort(binding.website_id)).await?;
            let stored = stored.as_ref().map(read_binding).transpose()?;
            let items = match (binding.active, stored) {
                (true, Some(old)) | (false, Some(old)) if old.active == binding.active => return Ok(()),
                (true, _) => self.binding(binding, &row, now).await?,
                (false, Some(_)) => self.unbinding(binding, now)?,
                (false, None) => {
                    return Err(StoreError::NotFound {
                        kind: "binding",
                        id: format!("of certificate {id} and website {}", binding.website_id),
                    });
                }
            };
            match self.transact(items).await {
                Ok(()) => return Ok(()),
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(changing(id))
    }

    /// One website more or less uses a certificate.
    fn used(
        &self,
        id: CertificateId,
        delta: i64,
        condition: Condition,
    ) -> Result<TransactWriteItem, StoreError> {
        let condition = condition.with(":delta", n(delta));
        self.update(&key(id), "ADD active_bindings :delta", condition)
    }

    async fn binding(
        &self,
        binding: &Binding,
        row: &Row,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (id, site) = (binding.certificate_id, website(binding.website_id));
        if read(row)?.lifecycle.deleted_at.is_some() {
            return Err(StoreError::WrongState {
                kind: "certificate",
                id: id.to_string(),
                state: "deleted".into(),
                needed: "one that is not; restore it first",
            });
        }
        let as_read = Condition::new("lifecycle = :was").with(":was", s(row.text("lifecycle")?));
        let other = self.get(&site, ACTIVE).await?;
        let other = other.map(|row| row.number("certificate_id")).transpose()?;
        let free = match other {
            None => Condition::absent(),
            Some(other) => Condition::new("certificate_id = :other").with(":other", n(other)),
        };
        let pointer = Item::from([
            ("pk".into(), s(site)),
            ("sk".into(), s(ACTIVE)),
            ("certificate_id".into(), n(id)),
        ]);
        let mut items = vec![
            self.put(write(binding, now), Condition::default())?,
            self.used(id, 1, as_read)?,
            self.put(pointer, free)?,
        ];
        if let Some(other) = other.map(CertificateId::new) {
            let inactive = Binding {
                certificate_id: other,
                active: false,
                ..binding.clone()
            };
            items.push(self.put(write(&inactive, now), Condition::default())?);
            items.push(self.used(other, -1, Condition::new("attribute_exists(pk)"))?);
        }
        Ok(items)
    }

    fn unbinding(&self, binding: &Binding, now: Timestamp) -> Result<Vec<TransactWriteItem>, StoreError> {
        let id = binding.certificate_id;
        let ours = Condition::new("certificate_id = :id").with(":id", n(id));
        Ok(vec![
            self.put(write(binding, now), Condition::default())?,
            self.used(id, -1, Condition::new("attribute_exists(pk)"))?,
            self.delete_if(&website(binding.website_id), ACTIVE, ours)?,
        ])
    }
}
