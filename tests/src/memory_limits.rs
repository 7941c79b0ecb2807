//! The rate ledger and the providers' health in memory: for worlds that run without DynamoDB.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use certmint_core::{
    provider::{Bucket, RateKey},
    words::{ProviderId, RequestId, Timestamp},
};
use certmint_shared::store::{GiveBack, ProviderHealth, ProviderTrouble, RateLedger, Reserved, StoreError};

#[derive(Default)]
struct State {
    arrivals: HashMap<RateKey, Timestamp>,
    /// When each reservation was made.
    markers: HashMap<String, Timestamp>,
    troubles: BTreeMap<ProviderId, ProviderTrouble>,
}

impl State {
    fn take(&mut self, id: &str, buckets: &[Bucket], now: Timestamp) {
        if self.markers.contains_key(id) {
            return;
        }
        self.markers.insert(id.to_owned(), now);
        for bucket in buckets {
            if let Some(limit) = bucket.limit {
                let after = limit.take(self.arrivals.get(&bucket.key).copied(), now);
                self.arrivals.insert(bucket.key.clone(), after);
            }
        }
    }
}

/// One lock stands for each transaction.
#[derive(Default)]
pub struct MemoryLimits(Mutex<State>);

impl MemoryLimits {
    /// How many reservations a request has made and not given back.
    #[must_use]
    pub fn reservations_of(&self, request: RequestId) -> u64 {
        let prefix = format!("{request}-");
        let state = self.state();
        let markers = state.markers.keys();
        markers
            .filter(|id| id.starts_with(&prefix) && !id.ends_with("-failed"))
            .count() as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panicked here")
    }
}

#[async_trait]
impl RateLedger for MemoryLimits {
    async fn arrivals(&self, keys: &[RateKey]) -> Result<HashMap<RateKey, Timestamp>, StoreError> {
        let state = self.state();
        let known = |key: &RateKey| state.arrivals.get(key).map(|at| (key.clone(), *at));
        Ok(keys.iter().filter_map(known).collect())
    }

    async fn reserve(
        &self,
        id: &str,
        spend: &[Bucket],
        look: &[Bucket],
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let mut state = self.state();
        // What has no limit leaves no marker: it may be closed later.
        let counted = spend.iter().any(|b| b.limit.is_some());
        if counted && state.markers.contains_key(id) {
            return Ok(Reserved::Taken);
        }
        let opens = |b: &Bucket| b.earliest(state.arrivals.get(&b.key).copied(), now);
        let last = spend.iter().chain(look).max_by_key(|b| opens(b));
        if let Some(bucket) = last.filter(|b| opens(b) > now) {
            return Ok(Reserved::Full {
                earliest: opens(bucket),
                bucket: bucket.clone(),
            });
        }
        if counted {
            state.take(id, spend, now);
        }
        Ok(Reserved::Taken)
    }

    async fn count(&self, id: &str, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        self.state().take(id, buckets, now);
        Ok(())
    }

    async fn give_back(
        &self,
        id: &str,
        spend: &[Bucket],
        what: GiveBack,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some(at) = state.markers.remove(id) else {
            return Ok(());
        };
        for bucket in spend {
            let given = what == GiveBack::All || bucket.kind.counts_certificates();
            if let Some(limit) = bucket.limit.filter(|_| given)
                && let Some(arrival) = state.arrivals.get_mut(&bucket.key)
            {
                *arrival = arrival.minus(limit.left_of(now.since(at)));
            }
        }
        Ok(())
    }

    async fn close(&self, bucket: &Bucket, until: Timestamp) -> Result<(), StoreError> {
        let mut state = self.state();
        let arrival = state.arrivals.entry(bucket.key.clone()).or_default();
        *arrival = bucket.closed_until(until).max(*arrival);
        Ok(())
    }
}

#[async_trait]
impl ProviderHealth for MemoryLimits {
    async fn provider_troubles(&self) -> Result<Vec<ProviderTrouble>, StoreError> {
        Ok(self.state().troubles.values().cloned().collect())
    }

    async fn note_trouble(&self, trouble: &ProviderTrouble) -> Result<(), StoreError> {
        self.state().troubles.insert(trouble.provider_id, trouble.clone());
        Ok(())
    }

    async fn clear_trouble(&self, provider: ProviderId) -> Result<(), StoreError> {
        self.state().troubles.remove(&provider);
        Ok(())
    }
}
