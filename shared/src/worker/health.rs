//! Which CAs are away: their requests wait instead of asking one by one; those of other CAs go on.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::store::{ProviderHealth, ProviderTrouble};
use certmint_core::{
    issuance::backoff,
    provider::Provider,
    words::{Cause, Failure, ProviderId, Timestamp, clip},
};

/// A CA that is away is tried again at least this often.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// Characters of an error that is kept.
const ERROR: usize = 500;
/// A call that had no answer for so long: the CA hangs.
pub(super) const HANGS: Duration = Duration::from_secs(5);
/// So many of them in a row, and nobody else waits for it.
const SILENT: u32 = 3;

/// What this worker knows of CAs in trouble; the store has the same for other workers and clients.
pub(super) struct Health {
    store: Arc<dyn ProviderHealth>,
    known: Mutex<HashMap<ProviderId, ProviderTrouble>>,
    /// Calls without an answer since the last one that had one.
    silence: Mutex<HashMap<ProviderId, u32>>,
}

impl Health {
    pub(super) fn new(store: Arc<dyn ProviderHealth>) -> Self {
        Self {
            store,
            known: Mutex::default(),
            silence: Mutex::default(),
        }
    }

    /// Reads what others found. One query a pass.
    pub(super) async fn load(&self) {
        match self.store.provider_troubles().await {
            Ok(all) => *self.known.lock().await = all.into_iter().map(|t| (t.provider_id, t)).collect(),
            Err(error) => tracing::warn!(%error, "providers' health not read"),
        }
    }

    /// Until when nobody asks this CA, and why.
    pub(super) async fn hold(&self, provider: &Provider, now: Timestamp) -> Option<(Timestamp, String)> {
        let known = self.known.lock().await;
        let trouble = known.get(&provider.id).filter(|t| t.retry_at > now)?;
        let reason = format!(
            "provider {} cannot be reached since {}: {}",
            provider.name, trouble.since, trouble.last_error
        );
        Some((trouble.retry_at, reason))
    }

    /// A try did not reach the CA. Many at once count as one.
    pub(super) async fn away(&self, provider: &Provider, detail: &str, now: Timestamp) {
        let mut known = self.known.lock().await;
        let before = known.get(&provider.id);
        if before.is_some_and(|t| t.retry_at > now) {
            return;
        }
        self.silence.lock().await.remove(&provider.id);
        let failures = before.map_or(0, |t| t.failures).saturating_add(1);
        let trouble = ProviderTrouble {
            provider_id: provider.id,
            since: before.map_or(now, |t| t.since),
            failures,
            last_error: clip(detail, ERROR),
            retry_at: now.plus(backoff(failures, provider.id.get()).min(LONGEST)),
            updated_at: now,
        };
        tracing::error!(
            provider = provider.name,
            failures,
            error = trouble.last_error,
            alarm = "provider",
            "CA cannot be reached"
        );
        known.insert(provider.id, trouble.clone());
        drop(known);
        if let Err(error) = self.store.note_trouble(&trouble).await {
            tracing::warn!(%error, "provider's trouble not stored");
        }
    }

    /// A call had this failure after so long. Several in a row that had no answer at all, and the CA counts as
    /// [away](Self::away) although it may give its directory: each further call would wait as long.
    pub(super) async fn failed(
        &self,
        provider: &Provider,
        failure: &Failure,
        took: Duration,
        now: Timestamp,
    ) {
        let detail = &failure.problem.detail;
        if failure.is_outage() {
            return self.away(provider, detail, now).await;
        }
        if failure.problem.cause != Cause::CaUnreachable || took < HANGS {
            return;
        }
        let in_a_row = {
            let mut silence = self.silence.lock().await;
            let calls = silence.entry(provider.id).or_default();
            *calls = calls.saturating_add(1);
            *calls
        };
        if in_a_row >= SILENT {
            let text = format!("{in_a_row} calls in a row had no answer: {detail}");
            self.away(provider, &text, now).await;
        }
    }

    /// The CA answered. Writes only if it was in trouble.
    pub(super) async fn answered(&self, provider: ProviderId) {
        self.silence.lock().await.remove(&provider);
        if self.known.lock().await.remove(&provider).is_none() {
            return;
        }
        tracing::info!(provider_id = provider.get(), "CA answers again");
        if let Err(error) = self.store.clear_trouble(provider).await {
            tracing::warn!(%error, "provider's recovery not stored");
        }
    }
}
