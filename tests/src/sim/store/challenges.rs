//! The TXT ledger.

use async_trait::async_trait;
use certmint_shared::{
    domain::{DesiredState, Fqdn, Page, PageRequest, RequestId, Timestamp, TxtRecord, TxtStatus},
    store::{ChallengeStore, StoreError},
};

use super::{super::op::Op, MemoryStore, page};

fn stands(record: &TxtRecord) -> bool {
    record.status != TxtStatus::Removed
}

#[async_trait]
impl ChallengeStore for MemoryStore {
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError> {
        for record in records {
            self.gate
                .call(Op::PutTxt, || {
                    let mut tables = self.tables();
                    let key = (record.fqdn.clone(), record.value.clone());
                    let old = tables.txt.get(&key);
                    let status = match (old, record.status) {
                        (Some(old), TxtStatus::Pending) if old.status == TxtStatus::Active => {
                            TxtStatus::Active
                        }
                        (_, status) => status,
                    };
                    let new = TxtRecord {
                        status,
                        created_at: old.map_or(record.created_at, |old| old.created_at),
                        ..record.clone()
                    };
                    tables.txt.insert(key, new.clone());
                    self.index_txt(&mut tables, new);
                    Ok::<(), StoreError>(())
                })
                .await?;
        }
        Ok(())
    }

    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> Result<(), StoreError> {
        for (old, status) in seen {
            self.gate
                .call(Op::ConfirmTxt, || {
                    let mut tables = self.tables();
                    let key = (old.fqdn.clone(), old.value.clone());
                    let unchanged = tables.txt.get(&key).is_some_and(|stored| {
                        stored.desired_state == old.desired_state && stored.updated_at == old.updated_at
                    });
                    if unchanged {
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
                        tables.txt.insert(key, new.clone());
                        self.index_txt(&mut tables, new);
                    }
                    Ok::<(), StoreError>(())
                })
                .await?;
        }
        Ok(())
    }

    async fn txt_rrset(&self, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError> {
        self.gate
            .call(Op::LedgerOfName, || {
                let tables = self.tables();
                let values = tables.txt.values();
                Ok(values.filter(|r| r.fqdn == *fqdn && stands(r)).cloned().collect())
            })
            .await
    }

    async fn txt_of_request(&self, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError> {
        self.gate
            .call(Op::LedgerOfRequest, || {
                let mut tables = self.tables();
                tables.index.catch_up(self.gate.now());
                let values = tables.index.txt.values();
                Ok(values
                    .filter(|r| r.owner_id == owner && stands(r))
                    .cloned()
                    .collect())
            })
            .await
    }

    async fn due_txt(&self, now: Timestamp, limit: usize) -> Result<Vec<TxtRecord>, StoreError> {
        self.gate
            .call(Op::DueTxt, || {
                let mut tables = self.tables();
                tables.index.catch_up(self.gate.now());
                let values = tables.index.txt.values();
                Ok(values
                    .filter(|r| r.due_at().is_some_and(|due| due <= now))
                    .take(limit)
                    .cloned()
                    .collect())
            })
            .await
    }

    async fn txt_records(
        &self,
        desired: Option<DesiredState>,
        request: &PageRequest,
    ) -> Result<Page<TxtRecord>, StoreError> {
        self.gate
            .call(Op::ListTxt, || {
                let mut tables = self.tables();
                tables.index.catch_up(self.gate.now());
                let mut rows: Vec<TxtRecord> = tables
                    .index
                    .txt
                    .values()
                    .filter(|r| desired.is_none_or(|d| d == r.desired_state))
                    .cloned()
                    .collect();
                rows.sort_by(|a, b| {
                    (b.created_at, &b.fqdn, &b.value).cmp(&(a.created_at, &a.fqdn, &a.value))
                });
                Ok(page(rows, request))
            })
            .await
    }
}
