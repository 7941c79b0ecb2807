//! A function from outside: started, invoked, killed.

use std::{
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{
    instance,
    shared::{Answer, FunctionConfig, Invocation, InvokeError, Shared},
};
use crate::{StackError, logs::Logs};

/// A running function; clones are handles to the same one.
#[derive(Clone)]
pub struct Function {
    queue: mpsc::UnboundedSender<Invocation>,
    shared: Arc<Shared>,
    kill: Arc<watch::Sender<u64>>,
    ready: watch::Receiver<usize>,
}

impl Function {
    /// Starts its instances into `tasks`; they end when `stop` becomes true.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(
        config: FunctionConfig,
        logs: Logs,
        stop: watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, StackError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (kill, killed) = watch::channel(0);
        let (ready_tx, ready) = watch::channel(0);
        let instances = config.instances;
        let shared = Arc::new(Shared {
            config,
            queue: Mutex::new(receiver),
            waiting: AtomicUsize::new(0),
            overrides: StdMutex::default(),
            logs,
            stop,
            kill: killed,
            ready: ready_tx,
            billed: (AtomicU64::new(0), AtomicU64::new(0)),
        });
        for number in 0..instances {
            instance::start(shared.clone(), number, tasks).await?;
        }
        Ok(Self {
            queue: sender,
            shared,
            kill: Arc::new(kill),
            ready,
        })
    }

    /// Waits until every instance has asked for work.
    ///
    /// # Errors
    /// If that takes too long: the log says why the function does not start.
    pub async fn ready(&self) -> Result<(), StackError> {
        self.started(self.shared.config.instances).await
    }

    /// Waits until instances have started so many times.
    async fn started(&self, times: usize) -> Result<(), StackError> {
        let mut ready = self.ready.clone();
        let wait = ready.wait_for(|started| *started >= times);
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(StackError::Function {
                name: self.shared.config.name,
                why: format!(
                    "did not start; its log: {}",
                    self.shared.logs.tail(self.shared.config.name)
                ),
            }),
        }
    }

    fn enqueue(&self, event: Bytes) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let invocation = Invocation {
            id: uuid::Uuid::new_v4().to_string(),
            event,
            answer,
        };
        self.shared.waiting.fetch_add(1, Ordering::SeqCst);
        if self.queue.send(invocation).is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        receiver
    }

    /// Invokes it and waits for the answer (invocation type `RequestResponse`).
    ///
    /// # Errors
    /// If the function failed, died or took too long.
    pub async fn invoke(&self, event: Bytes) -> Answer {
        self.enqueue(event).await.unwrap_or(Err(InvokeError::Gone))
    }

    /// Hands over an event without waiting (invocation type `Event`). Unlike Lambda it does not try a failed one
    /// again: the schedule comes soon enough.
    pub fn trigger(&self, event: Bytes) {
        let answer = self.enqueue(event);
        let (name, logs) = (self.shared.config.name, self.shared.logs.clone());
        tokio::spawn(async move {
            if let Ok(Err(error)) = answer.await {
                logs.line(name, &format!("invocation failed: {error}"));
            }
        });
    }

    /// Events that wait for an instance.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::SeqCst)
    }

    /// Changes the function's environment, as an update of its configuration does: every instance is started anew.
    /// Returns once all ask for work.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn set_env(&self, name: &str, value: &str) -> Result<(), StackError> {
        {
            let mut overrides = self
                .shared
                .overrides
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            overrides.retain(|(n, _)| n != name);
            overrides.push((name.to_owned(), value.to_owned()));
        }
        let before = *self.ready.borrow();
        self.kill();
        self.started(before + self.shared.config.instances).await
    }

    /// How many invocations ended, and the time that Lambda would bill for them.
    #[must_use]
    pub fn billed(&self) -> (u64, Duration) {
        let (ended, millis) = &self.shared.billed;
        (
            ended.load(Ordering::Relaxed),
            Duration::from_millis(millis.load(Ordering::Relaxed)),
        )
    }

    /// Kills every instance at once (SIGKILL); each is started anew.
    pub fn kill(&self) {
        self.kill.send_modify(|n| *n += 1);
    }
}
