//! The TXT ledger.

use std::collections::BTreeSet;

use async_trait::async_trait;
use certmint_core::{
    challenge::{DesiredState, TxtRecord, TxtStatus},
    words::{Fqdn, Page, PageRequest, RequestId, Timestamp},
};
use certmint_shared::store::{ChallengeStore, StoreError, TxtLedger, place_after, txt_cursor};

use super::{super::op::Op, MemoryStore, cursor_after, page, txt_key};

fn stands(record: &TxtRecord) -> bool {
    record.status != TxtStatus::Removed
}

#[async_trait]
impl TxtLedger for MemoryStore {
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError> {
        let mut lost = Ok(());
        for record in records {
            let written = self
                .gate
                .call(Op::PutTxt, || {
                    let mut tables = self.tables();
                    let key = txt_key(record);
                    let old = tables.txt.get(&key);
                    if old.is_some_and(|old| old.fence > record.fence) {
                        return Err(StoreError::LeaseLost(record.owner_id));
                    }
                    self.check_withdrawal(&tables, old, record);
                    let new = record.over(old);
                    if new.desired_state == DesiredState::Present {
                        tables.wanted_at.insert(key.clone(), self.gate.now());
                    }
                    tables.txt.insert(key, new.clone());
                    self.index_txt(&mut tables, new);
                    Ok(())
                })
                .await;
            match written {
                Err(StoreError::LeaseLost(_)) => lost = written,
                written => written?,
            }
        }
        lost
    }

    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> Result<(), StoreError> {
        for (old, status) in seen {
            self.gate
                .call(Op::ConfirmTxt, || {
                    let mut tables = self.tables();
                    let key = txt_key(old);
                    let unchanged = tables.txt.get(&key).is_some_and(|stored| {
                        stored.desired_state == old.desired_state
                            && (stored.updated_at, stored.fence) == (old.updated_at, old.fence)
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
}

#[async_trait]
impl ChallengeStore for MemoryStore {
    async fn due_txt(
        &self,
        now: Timestamp,
        limit: usize,
        passed_over: &BTreeSet<String>,
    ) -> Result<Vec<TxtRecord>, StoreError> {
        self.gate
            .call(Op::DueTxt, || {
                let mut tables = self.tables();
                tables.index.catch_up(self.gate.now());
                let values = tables.index.txt.values();
                let mut due: Vec<_> = values
                    .filter_map(|r| Some((r.due_at().filter(|due| *due <= now)?, r)))
                    .filter(|(_, r)| !passed_over.contains(&r.zone_id))
                    .collect();
                due.sort_by_key(|(at, _)| *at);
                Ok(due.into_iter().take(limit).map(|(_, r)| r.clone()).collect())
            })
            .await
    }

    /// Passes no gate: no zone is concerned.
    async fn forget_txt(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut tables = self.tables();
        tables.index.catch_up(self.gate.now());
        let gone = tables
            .txt
            .iter()
            .filter(|(_, r)| r.forgotten_at().is_some_and(|at| at <= now));
        let keys: Vec<_> = gone.map(|(key, _)| key.clone()).take(limit).collect();
        for key in &keys {
            tables.txt.remove(key);
            tables.index.txt.remove(key);
        }
        Ok(keys.len())
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
                rows.sort_by_cached_key(|r| std::cmp::Reverse(r.place()));
                let total = rows.len() as u64;
                if let Some(cursor) = &request.cursor {
                    let after = place_after(cursor)?;
                    rows.retain(|r| r.place() < after);
                }
                let mut found = page(rows, request)?;
                found.total = total;
                found.next_cursor = cursor_after(&found, request, txt_cursor);
                Ok(found)
            })
            .await
    }
}
