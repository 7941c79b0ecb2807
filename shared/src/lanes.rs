//! Work side by side of which none waits for a stranger: a bound for each key, so that what is slow uses up no share but its
//! own, and a deadline.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::future::{Either, select};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Timer;
use certmint_core::words::Timestamp;

/// At most so much at once of each key (a CA, an account, a zone), and of all together.
pub(crate) struct Lanes<K> {
    each: usize,
    all: Arc<Semaphore>,
    /// Those that somebody is in or waits for.
    lanes: Mutex<BTreeMap<K, Weak<Semaphore>>>,
}

/// A place in a lane; it is free again when this is dropped.
pub(crate) struct Place {
    _own: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl<K: Ord + Clone> Lanes<K> {
    /// No fewer than one at once.
    pub(crate) fn new(each: usize, all: usize) -> Self {
        Self {
            each: each.max(1),
            all: Arc::new(Semaphore::new(all.clamp(1, Semaphore::MAX_PERMITS))),
            lanes: Mutex::default(),
        }
    }

    /// Bounded by key alone.
    pub(crate) fn by_key(each: usize) -> Self {
        Self::new(each, Semaphore::MAX_PERMITS)
    }

    /// Waits for a place, in the order of arrival. Who waits in its lane takes up none of what all share.
    pub(crate) async fn enter(&self, key: &K) -> Place {
        let lane = self.lane(key);
        // Nobody closes them: there is a place sooner or later.
        let own = lane.acquire_owned().await.ok();
        Place {
            _own: own,
            _of_all: self.all.clone().acquire_owned().await.ok(),
        }
    }

    fn lane(&self, key: &K) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(key).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Semaphore::new(self.each));
        lanes.insert(key.clone(), Arc::downgrade(&lane));
        lane
    }
}

/// What comes of the work if that is before the deadline; else it is given up where it stands.
pub(crate) async fn within<T>(
    timer: &dyn Timer,
    deadline: Timestamp,
    work: impl Future<Output = T>,
) -> Option<T> {
    let end = timer.sleep(deadline.since(timer.now()));
    match select(pin!(work), end).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use futures::FutureExt;

    use super::*;
    use crate::clock::SystemClock;
    use certmint_core::clock::Clock;

    #[tokio::test]
    async fn who_waits_in_its_lane_takes_no_place_of_another() {
        let lanes = Lanes::new(1, 2);
        let slow = lanes.enter(&"slow").await;
        let mut queue: Vec<_> = (0..5).map(|_| Box::pin(lanes.enter(&"slow"))).collect();
        assert!(queue.iter_mut().all(|place| place.now_or_never().is_none()));
        let other = lanes.enter(&"other").now_or_never();
        assert!(other.is_some(), "the lane of another is free");
        assert!(lanes.enter(&"third").now_or_never().is_none(), "two in all");
        drop((slow, other));
        let first = queue[0].as_mut().now_or_never();
        assert!(first.is_some(), "the first that came");
        assert!(queue[1].as_mut().now_or_never().is_none(), "one at once");
        drop(first);
        assert!(queue[1].as_mut().now_or_never().is_some(), "then the next");
    }

    #[tokio::test]
    async fn a_lane_that_nobody_is_in_is_forgotten() {
        let lanes = Lanes::by_key(3);
        for key in 0..100 {
            drop(lanes.enter(&key).await);
        }
        let _kept = lanes.enter(&100).await;
        assert_eq!(lanes.lanes.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn work_that_has_no_end_is_given_up_at_its_deadline() {
        let soon = SystemClock.now().plus(Duration::from_millis(5));
        let never = within(&SystemClock, soon, std::future::pending::<()>());
        assert_eq!(never.await, None);
        assert_eq!(
            within(&SystemClock, soon, async { 7 }).await,
            Some(7),
            "done at once"
        );
    }
}
