//! The rate ledger and the CAs' health: the model of [`MemoryLimits`](crate::memory_limits), behind the gate.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use certmint_core::{
    provider::{Bucket, RateKey},
    words::{ProviderId, Timestamp},
};
use certmint_shared::store::{GiveBack, ProviderHealth, ProviderTrouble, RateLedger, Reserved, StoreError};
use futures::FutureExt;

use super::{super::op::Op, MemoryStore};
use crate::memory_limits::MemoryLimits;

impl MemoryStore {
    fn limits(&self) -> Arc<MemoryLimits> {
        self.tables().limits.clone()
    }
}

/// The model never waits.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("a model answers at once")
}

#[async_trait]
impl RateLedger for MemoryStore {
    async fn arrivals(&self, keys: &[RateKey]) -> Result<HashMap<RateKey, Timestamp>, StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::ReadRates, || at_once(limits.arrivals(keys)))
            .await
    }

    async fn reserve(
        &self,
        id: &str,
        spend: &[Bucket],
        look: &[Bucket],
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let limits = self.limits();
        let answer = self
            .gate
            .call(Op::TakeRates, || at_once(limits.reserve(id, spend, look, now)))
            .await;
        if let (Ok(Reserved::Full { .. }), Some(timeline)) = (&answer, self.gate.timeline()) {
            timeline.lock().tally.held += 1;
        }
        answer
    }

    async fn count(&self, id: &str, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::TakeRates, || at_once(limits.count(id, buckets, now)))
            .await
    }

    async fn give_back(
        &self,
        id: &str,
        spend: &[Bucket],
        what: GiveBack,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::MoveRates, || at_once(limits.give_back(id, spend, what, now)))
            .await
    }

    async fn close(&self, bucket: &Bucket, until: Timestamp) -> Result<(), StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::MoveRates, || at_once(limits.close(bucket, until)))
            .await
    }
}

#[async_trait]
impl ProviderHealth for MemoryStore {
    async fn provider_troubles(&self) -> Result<Vec<ProviderTrouble>, StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::ReadHealth, || at_once(limits.provider_troubles()))
            .await
    }

    async fn note_trouble(&self, trouble: &ProviderTrouble) -> Result<(), StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::NoteHealth, || at_once(limits.note_trouble(trouble)))
            .await
    }

    async fn clear_trouble(&self, provider: ProviderId) -> Result<(), StoreError> {
        let limits = self.limits();
        self.gate
            .call(Op::NoteHealth, || at_once(limits.clear_trouble(provider)))
            .await
    }
}
