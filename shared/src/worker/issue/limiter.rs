//! Keeps to what the CA allows: asks the rate ledger before newOrder, and tells it what became of the order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::store::{GiveBack, RateLedger, Reserved};
use certmint_core::{
    issuance::{Event, Request},
    provider::{Bucket, Provider, RateKey, of_order},
    words::{Class, Failure, Timestamp},
};

/// Nobody waits longer than this for a slot after the bucket opens, however many wait: those before may be gone.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);

/// The rate ledger in a worker's hands.
pub(super) struct Limiter {
    rates: Arc<dyn RateLedger>,
    /// The issuances of one worker queue: they spend the same account's bucket.
    slots: Mutex<Slots>,
}

/// When the next of those that wait for a bucket is to come back: one for each token, not all for the first. A guess of
/// one process, which nothing relies on: two processes give the same slot to two, and one of them gets another.
#[derive(Default)]
struct Slots(HashMap<RateKey, Timestamp>);

impl Slots {
    /// The next slot at a bucket that opens at `opens`.
    fn next(&mut self, bucket: &Bucket, opens: Timestamp, now: Timestamp) -> Timestamp {
        let Some(limit) = bucket.limit else { return opens };
        self.0.retain(|_, at| *at > now);
        let next = self.0.get(&bucket.key).map_or(opens, |at| opens.max(*at));
        let last = opens.plus(LONGEST_WAIT);
        let slot = if next > last { opens } else { next };
        self.0.insert(bucket.key.clone(), slot.plus(limit.interval()));
        slot
    }
}

/// Names the reservation of a request's present order: the same after a crash, another one for the next order, and for
/// the next account, which has limits of its own.
fn reservation(request: &Request) -> String {
    let (id, state) = (request.id, &request.issuance);
    match state.failover.current() {
        0 => format!("{id}-{}", state.order_number()),
        account => format!("{id}-{}-{account}", state.order_number()),
    }
}

impl Limiter {
    pub(super) fn new(rates: Arc<dyn RateLedger>) -> Self {
        Self {
            rates,
            slots: Mutex::default(),
        }
    }

    /// Takes what the order costs; a limit that is used up puts the request on hold, and the CA is not asked.
    pub(super) async fn admit(
        &self,
        request: &Request,
        provider: &Provider,
        exempt: bool,
        now: Timestamp,
    ) -> Result<Option<Event>, Failure> {
        // A renewal in the CA's own window, by the CA's own word.
        if exempt && provider.limits.exempts_renewals {
            return Ok(None);
        }
        let buckets = of_order(provider, request.account(), &request.names);
        let mut slots = self.slots.lock().await;
        let reserved = self
            .rates
            .reserve(&reservation(request), &buckets.spend, &buckets.look, now)
            .await?;
        Ok(match reserved {
            Reserved::Taken => None,
            Reserved::Full { bucket, earliest } => Some(Event::Deferred {
                until: slots.next(&bucket, earliest, now),
                reason: full(provider, &bucket, earliest),
            }),
        })
    }

    /// What the CA's refusal of an order says about its limits. Without a moment from the CA the ledger guesses: the
    /// time after which one comes back, where that is longer than the back-off.
    pub(super) async fn refused(
        &self,
        request: &Request,
        provider: &Provider,
        failure: Failure,
        now: Timestamp,
    ) -> Failure {
        let buckets = of_order(provider, request.account(), &request.names);
        let Class::RateLimited { not_before } = failure.class else {
            if failure.is_outage() {
                self.give_back(request, &buckets.spend, GiveBack::All, now).await;
            }
            return failure;
        };
        // What the CA refuses for a limit it does not count.
        self.give_back(request, &buckets.spend, GiveBack::All, now).await;
        let told = not_before.filter(|at| *at > now);
        let wait = request.issuance.next_backoff(request.id.get());
        let mut guess = None;
        for blame in buckets.blamed(&failure.problem.detail) {
            let comes_back = blame.bucket.limit.map_or(Duration::ZERO, |l| l.interval());
            if told.is_none() && blame.at_most.is_none() && comes_back > wait {
                guess = guess.max(Some(now.plus(comes_back)));
            }
            let until = told.unwrap_or_else(|| now.plus(comes_back.max(wait)));
            let until = blame.at_most.map_or(until, |most| until.min(now.plus(most)));
            if let Err(error) = self.rates.close(blame.bucket, until).await {
                tracing::warn!(request_id = request.id.get(), %error, "a CA's limit was not noted");
            }
        }
        Failure {
            class: Class::RateLimited {
                not_before: told.or(guess),
            },
            ..failure
        }
    }

    /// Settles the reservation of an order that failed before its CSR was sent: the certificates are given back, and names
    /// that the CA could not authorize count. To be called with the request as it was before the failure; a crash in
    /// between leaves the certificates counted.
    pub(super) async fn settle_failed(
        &self,
        request: &Request,
        provider: &Provider,
        failure: &Failure,
        now: Timestamp,
    ) {
        let phase = &request.issuance.phase;
        let sent = phase.may_have_sent_csr() || phase.has_ended();
        let last_try = request.issuance.fails_last();
        let over = match failure.class {
            Class::OrderLost | Class::Permanent => true,
            Class::Transient => last_try,
            Class::RateLimited { .. } | Class::Denied => false,
        };
        if sent || !over {
            return;
        }
        let buckets = of_order(provider, request.account(), &request.names);
        let judged = failure.problem.cause.is_acme();
        if judged && phase.order_url().is_some() {
            let names: Vec<&str> = failure
                .problem
                .subproblems
                .iter()
                .map(|s| s.identifier.as_str())
                .collect();
            let id = format!("{}-failed", reservation(request));
            if let Err(error) = self.rates.count(&id, &buckets.failed(&names), now).await {
                tracing::warn!(request_id = request.id.get(), %error, "failed authorizations not counted");
            }
        }
        self.give_back(request, &buckets.spend, GiveBack::Certificates, now)
            .await;
    }

    /// A reservation that is not given back stays counted: too much rather than too little.
    async fn give_back(&self, request: &Request, spend: &[Bucket], what: GiveBack, now: Timestamp) {
        let id = reservation(request);
        if let Err(error) = self.rates.give_back(&id, spend, what, now).await {
            tracing::warn!(request_id = request.id.get(), %error, "reservation not given back");
        }
    }
}

fn full(provider: &Provider, bucket: &Bucket, earliest: Timestamp) -> String {
    match bucket.limit {
        Some(_) => format!(
            "{} allows {bucket}; they are used up until {earliest}",
            provider.name
        ),
        None => format!("{} takes no {bucket} before {earliest}", provider.name),
    }
}

#[cfg(test)]
mod given_back;

#[cfg(test)]
mod tests {
    use super::*;
    use certmint_core::{
        provider::{Limit, Limits, of_name},
        words::{AccountId, ProviderId},
    };

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn slots_are_an_interval_apart_and_start_over_after_six_hours() {
        let provider = Provider {
            limits: Limits {
                new_orders: Limit::new(10, 3600),
                ..Limits::NONE
            },
            ..Provider::new(ProviderId::new(1), "ca", "https://ca.test/dir")
        };
        let buckets = of_name(&provider, AccountId::new(1), None);
        let opens = NOW.plus(Duration::from_secs(60));
        let mut slots = Slots::default();
        let all: Vec<Timestamp> = (0..62).map(|_| slots.next(&buckets[0], opens, NOW)).collect();
        assert_eq!(all[0], opens, "one that waits alone comes when it opens");
        let apart = Duration::from_secs(360);
        assert!(all.windows(2).take(60).all(|w| w[1] == w[0].plus(apart)));
        assert_eq!((all[60], all[61]), (opens.plus(LONGEST_WAIT), opens));
        // What was given out is past: nothing of it is left.
        let later = NOW.plus(LONGEST_WAIT * 2);
        assert_eq!(slots.next(&buckets[0], later, later), later);
    }
}
