//! What a CA's answers said of orders: their URLs, and where they stand, so that neither is asked for again. It is no more
//! than a saving: what is not here is read.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use instant_acme::{OrderState, OrderStatus, Problem};
use serde::Deserialize;

/// Orders that are kept. As many are of use as a worker has in hand.
const MOST: usize = 1_000;
/// How long an answer says where an order stands.
const FRESH: Duration = Duration::from_secs(60);

/// An order as the CA gave it (RFC 8555 §7.1.3).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) status: OrderStatus,
    #[serde(default)]
    pub(super) authorizations: Vec<String>,
    pub(super) finalize: String,
    #[serde(default)]
    pub(super) certificate: Option<String>,
    #[serde(default)]
    pub(super) error: Option<Problem>,
}

impl From<&OrderState> for Seen {
    fn from(state: &OrderState) -> Self {
        let authorizations = state.authorizations.iter();
        Self {
            status: state.status,
            authorizations: authorizations.map(|one| one.url.clone()).collect(),
            finalize: state.finalize.clone(),
            certificate: state.certificate.clone(),
            error: state.error.clone(),
        }
    }
}

#[derive(Default)]
struct Known {
    /// The last answer, until something is done by it.
    seen: Option<(Instant, Seen)>,
    /// The challenges that are to be accepted.
    challenges: Option<Vec<String>>,
    /// The turn in which it came.
    number: u64,
}

#[derive(Default)]
struct All {
    by_url: HashMap<String, Known>,
    next: u64,
}

impl All {
    fn known(&mut self, order_url: &str) -> &mut Known {
        if self.by_url.len() >= MOST && !self.by_url.contains_key(order_url) {
            let oldest = self.by_url.iter().min_by_key(|(_, known)| known.number);
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                self.by_url.remove(&oldest);
            }
        }
        self.next += 1;
        let number = self.next;
        self.by_url.entry(order_url.to_owned()).or_insert_with(|| Known {
            number,
            ..Known::default()
        })
    }
}

/// The orders of one CA.
#[derive(Default)]
pub(super) struct KnownOrders(Mutex<All>);

impl KnownOrders {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer that was just given.
    pub(super) fn note(&self, order_url: &str, seen: Seen) {
        self.all().known(order_url).seen = Some((Instant::now(), seen));
    }

    /// The last answer, once: what is done by it makes it old.
    pub(super) fn take(&self, order_url: &str) -> Option<Seen> {
        let (at, seen) = self.all().by_url.get_mut(order_url)?.seen.take()?;
        (at.elapsed() < FRESH).then_some(seen)
    }

    pub(super) fn note_challenges(&self, order_url: &str, urls: Vec<String>) {
        self.all().known(order_url).challenges = Some(urls);
    }

    /// The challenges that nobody accepted yet, once.
    pub(super) fn take_challenges(&self, order_url: &str) -> Option<Vec<String>> {
        self.all().by_url.get_mut(order_url)?.challenges.take()
    }

    /// Nothing more is done with it.
    pub(super) fn forget(&self, order_url: &str) {
        self.all().by_url.remove(order_url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(finalize: &str) -> Seen {
        let text = format!(r#"{{"status":"ready","finalize":"{finalize}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_answer_is_used_once() {
        let orders = KnownOrders::default();
        assert!(orders.take("a").is_none());
        orders.note("a", seen("first"));
        orders.note("a", seen("second"));
        assert_eq!(orders.take("a").unwrap().finalize, "second");
        assert!(orders.take("a").is_none());
        orders.note_challenges("a", vec!["c".into()]);
        assert_eq!(orders.take_challenges("a"), Some(vec!["c".into()]));
        assert_eq!(orders.take_challenges("a"), None);
        orders.note("a", seen("third"));
        orders.forget("a");
        assert!(orders.take("a").is_none());
    }

    #[test]
    fn no_more_are_kept_than_are_of_use_and_the_oldest_goes() {
        let orders = KnownOrders::default();
        for n in 0..=MOST {
            orders.note(&n.to_string(), seen("f"));
        }
        assert_eq!(orders.all().by_url.len(), MOST);
        assert!(orders.take("0").is_none());
        assert!(orders.take("1").is_some());
        assert!(orders.take(&MOST.to_string()).is_some());
    }
}
