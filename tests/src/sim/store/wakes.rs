//! Which wake is on its way.

use async_trait::async_trait;
use certmint_core::words::Timestamp;
use certmint_shared::store::{StoreError, WakeBook, WakeKind};

use super::{super::op::Op, MemoryStore};

#[async_trait]
impl WakeBook for MemoryStore {
    async fn book_wake(&self, kind: WakeKind, from: Timestamp, at: Timestamp) -> Result<bool, StoreError> {
        self.gate
            .call(Op::BookWake, || {
                let mut tables = self.tables();
                let next = tables.next_wakes.get(&kind);
                let needed = next.is_none_or(|next| *next > at || *next < from);
                if needed {
                    tables.next_wakes.insert(kind, at);
                }
                Ok(needed)
            })
            .await
    }
}
