//! Which wake is on its way.

use async_trait::async_trait;
use certmint_core::words::Timestamp;
use certmint_shared::store::{StoreError, WakeBook};

use super::{super::op::Op, MemoryStore};

#[async_trait]
impl WakeBook for MemoryStore {
    async fn book_wake(&self, at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.gate
            .call(Op::BookWake, || {
                let mut tables = self.tables();
                let needed = tables.next_wake.is_none_or(|next| next > at || next < now);
                if needed {
                    tables.next_wake = Some(at);
                }
                Ok(needed)
            })
            .await
    }
}
