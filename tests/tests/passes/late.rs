//! A worker that comes too late does nothing more: not the next step, nor the hand-back of what is another's by now.

use super::*;

/// The longest that a pass waits between two looks.
const LOOK: Duration = Duration::from_secs(4);

/// A clock that stands still unless it is moved.
struct Watch(Mutex<Timestamp>);

impl Watch {
    fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(time);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[async_trait]
impl Timer for Watch {
    async fn sleep(&self, time: Duration) {
        // What takes longer than a look is somebody's heartbeat, or the end.
        if time > LOOK {
            std::future::pending::<()>().await;
        }
        // Whatever can be done now is done first.
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.pass(time);
    }

    fn elapsed(&self) -> Duration {
        self.now().since(Timestamp::ZERO)
    }
}

/// A world with one request, by a clock of its own, where something happens before each save.
struct Late {
    world: World,
    watch: Arc<Watch>,
    id: RequestId,
}

impl Late {
    async fn new() -> Self {
        // The request is due by this clock.
        let now = SystemClock.now().plus(Duration::from_secs(5));
        let watch = Arc::new(Watch(Mutex::new(now)));
        let world = World::by(watch.clone()).await;
        let id = world.request("a.example.com").await;
        Self { world, watch, id }
    }

    /// Runs the worker and says how often it saved; `before` is told the number of the save that is about to come.
    async fn run(&self, before: impl Fn(usize) + Send + 'static) -> usize {
        self.world.failing.fail("save_request", move |save, _| {
            before(save);
            false
        });
        let deadline = self.watch.now().plus(Duration::from_secs(60));
        let report = self.world.worker.run(deadline).await;
        assert_eq!(report.claimed, 1);
        self.world.failing.calls("save_request")
    }

    async fn phase(&self) -> &'static str {
        self.world.get(self.id).await.issuance.phase.name()
    }

    /// The phases before each save of a run that nothing disturbs, and the last one.
    async fn phases() -> Vec<&'static str> {
        let late = Self::new().await;
        let (store, id) = (late.world.store.clone(), late.id);
        let phases: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let seen = phases.clone();
        late.run(move |_| {
            let phase = store.tables().requests[&id].issuance.phase.name();
            seen.lock().unwrap().push(phase);
        })
        .await;
        let mut phases = std::mem::take(&mut *phases.lock().unwrap());
        phases.push(late.phase().await);
        assert_eq!((phases[0], phases.last()), ("queued", Some(&"done")));
        phases
    }
}

#[tokio::test]
async fn a_worker_whose_request_was_taken_over_does_nothing_more() {
    for taken_before in 1..Late::phases().await.len() {
        let late = Late::new().await;
        let (store, id) = (late.world.store.clone(), late.id);
        let take_over = move |save| {
            if save == taken_before
                && let Some(request) = store.tables().requests.get_mut(&id)
            {
                request.lease.fence += 1;
                request.lease.owner = Some("another".into());
            }
        };
        assert_eq!(late.run(take_over).await, taken_before, "it is told so once");
        let owner = late.world.get(id).await.lease.owner;
        assert_eq!(owner.as_deref(), Some("another"), "before save {taken_before}");
    }
}

/// It was frozen in the middle of a call: what it holds may be another's, whether anybody took it or not. What it has in
/// hand is written under its fence; of the CA it asks nothing, and no zone is changed.
#[tokio::test]
async fn a_worker_that_stood_still_past_its_lease_does_nothing_more() {
    let phases = Late::phases().await;
    for (frozen_before, reached) in phases.iter().copied().enumerate().skip(1) {
        let late = Late::new().await;
        let watch = late.watch.clone();
        late.run(move |save| {
            if save == frozen_before {
                watch.pass(Duration::from_secs(3600));
            }
        })
        .await;
        let phase = late.phase().await;
        // Whether a change is in sync is a look.
        let looked = reached == "published" && phase == "in_sync";
        assert!(
            phase == reached || looked,
            "frozen at {reached}, and then {phase}"
        );
    }
}
