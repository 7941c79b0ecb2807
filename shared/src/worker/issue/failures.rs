//! What a failure means beyond its request.

use std::sync::Arc;

use super::{limiter::Limiter, ordered::as_ordered};
use crate::{denials::Denials, worker::accounts::Accounts};
use certmint_core::{
    clock::Clock,
    issuance::{Event, Request},
    words::Failure,
};

/// Tells the rate ledger of failures, and the operator of rights that are missing.
#[derive(Clone)]
pub(super) struct Failures {
    pub(super) accounts: Arc<Accounts>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) denials: Arc<Denials>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Failures {
    /// The failure as an event of a request that stands as it was before.
    pub(super) async fn event(&self, request: &Request, failure: Failure) -> Event {
        self.denials.note(&failure);
        if let Ok(provider) = self.accounts.provider(request.account()).await {
            let now = self.clock.now();
            let request = as_ordered(request, provider);
            self.limiter
                .settle_failed(&request, provider, &failure, now)
                .await;
        }
        Event::Failed(failure)
    }
}
