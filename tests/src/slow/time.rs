//! Time that passes when nobody has anything to do.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{clock::Clock, words::Timestamp};
use certmint_shared::clock::Timer;

/// A clock, and those who wait for it.
#[derive(Default)]
pub struct VirtualTime(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    millis: i64,
    waits: u64,
    waiting: BTreeMap<(i64, u64), Waker>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl VirtualTime {
    /// Runs to its end what waits for nothing but this clock.
    ///
    /// # Panics
    /// If it waits for anything else.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return done;
            }
            while !woken.0.swap(false, Ordering::Relaxed) {
                let mut inner = self.0.lock().expect("no test panicked here");
                let ((at, _), next) = inner.waiting.pop_first().expect("somebody waits for the clock");
                inner.millis = inner.millis.max(at);
                drop(inner);
                next.wake();
            }
        }
    }

    /// Time goes by.
    pub fn pass(&self, time: Duration) {
        let mut inner = self.0.lock().expect("no test panicked here");
        inner.millis += i64::try_from(time.as_millis()).expect("some time");
    }
}

impl Clock for VirtualTime {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.lock().expect("no test panicked here").millis)
    }
}

#[async_trait]
impl Timer for VirtualTime {
    async fn sleep(&self, time: Duration) {
        let until = self.now().plus(time).millis();
        Sleep { of: self, until }.await;
    }

    fn elapsed(&self) -> Duration {
        self.now().since(Timestamp::ZERO)
    }
}

struct Sleep<'a> {
    of: &'a VirtualTime,
    until: i64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.of.0.lock().expect("no test panicked here");
        if inner.millis >= self.until {
            return Poll::Ready(());
        }
        inner.waits += 1;
        let key = (self.until, inner.waits);
        inner.waiting.insert(key, context.waker().clone());
        Poll::Pending
    }
}
