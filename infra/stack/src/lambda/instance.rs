//! One instance of a function: a process, and the Runtime API that it asks for work.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use tokio::{net::TcpListener, process::Child, sync::watch, task::JoinSet, time::Instant};

use super::shared::{Answer, Invocation, InvokeError, Shared};
use crate::{StackError, process};

/// Lambda quota: 6 MB for a synchronous request or answer.
const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
/// A process that ends at once is not started again faster than this.
const RESTART: Duration = Duration::from_millis(200);

/// The invocation in hand.
struct Current {
    id: String,
    began: Instant,
    answer: tokio::sync::oneshot::Sender<Answer>,
}

struct Instance {
    shared: Arc<Shared>,
    number: usize,
    current: Mutex<Option<Current>>,
    /// Whether the process that runs now has asked for work.
    asked: AtomicBool,
    /// When the invocation in hand is killed.
    deadline: watch::Sender<Option<Instant>>,
}

impl Instance {
    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the invocation in hand, if it is `id` (or whichever it is).
    fn finish(&self, id: Option<&str>, answer: Answer) -> bool {
        let mut current = self.current();
        if current.as_ref().is_none_or(|c| id.is_some_and(|id| id != c.id)) {
            return false;
        }
        self.deadline.send_replace(None);
        if let Some(current) = current.take() {
            self.shared.bill(current.began.elapsed());
            // Nobody may be waiting any more; the answer is lost then, as it is in Lambda.
            let _ = current.answer.send(answer);
        }
        true
    }

    fn take_up(&self, invocation: Invocation) -> Bytes {
        self.deadline
            .send_replace(Some(Instant::now() + self.shared.config.timeout));
        *self.current() = Some(Current {
            id: invocation.id,
            began: Instant::now(),
            answer: invocation.answer,
        });
        invocation.event
    }
}

/// Starts the Runtime API of one instance and the process that uses it.
pub(super) async fn start(
    shared: Arc<Shared>,
    number: usize,
    tasks: &mut JoinSet<()>,
) -> Result<(), StackError> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(StackError::io("the Lambda Runtime API"))?;
    let address = listener
        .local_addr()
        .map_err(StackError::io("the Lambda Runtime API"))?;
    let instance = Arc::new(Instance {
        shared,
        number,
        current: Mutex::default(),
        asked: AtomicBool::new(false),
        deadline: watch::Sender::new(None),
    });
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(MAX_PAYLOAD))
        .with_state(instance.clone());
    let mut stop = instance.shared.stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            _ = axum::serve(listener, routes) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
    tasks.spawn(supervise(instance, address));
    Ok(())
}

async fn next(State(instance): State<Arc<Instance>>) -> Response {
    if !instance.asked.swap(true, Ordering::SeqCst) {
        instance.shared.ready.send_modify(|n| *n += 1);
    }
    let taken = instance.shared.queue.lock().await.recv().await;
    let Some(invocation) = taken else {
        return plain(410, Body::empty());
    };
    instance.shared.waiting.fetch_sub(1, Ordering::SeqCst);
    let id = invocation.id.clone();
    let event = instance.take_up(invocation);
    let ends = SystemTime::now() + instance.shared.config.timeout;
    let millis = ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let name = instance.shared.config.name;
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", millis.to_string())
        .header(
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
        )
        .header(
            "lambda-runtime-trace-id",
            format!("Root=1-00000000-{}", id.replace('-', "")),
        )
        .body(Body::from(event))
        .unwrap_or_default()
}

fn plain(status: u16, body: Body) -> Response {
    Response::builder().status(status).body(body).unwrap_or_default()
}

fn accepted(known: bool) -> Response {
    if known {
        plain(202, Body::from(r#"{"status":"OK"}"#))
    } else {
        plain(
            400,
            Body::from(r#"{"errorType":"InvalidRequestID","errorMessage":"no such invocation"}"#),
        )
    }
}

async fn response(State(instance): State<Arc<Instance>>, Path(id): Path<String>, body: Bytes) -> Response {
    accepted(instance.finish(Some(&id), Ok(body)))
}

async fn error(State(instance): State<Arc<Instance>>, Path(id): Path<String>, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body).into_owned();
    accepted(instance.finish(Some(&id), Err(InvokeError::Function(text))))
}

async fn init_error(State(instance): State<Arc<Instance>>, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body);
    instance
        .shared
        .logs
        .line(instance.shared.config.name, &format!("init failed: {text}"));
    accepted(true)
}

fn spawn(instance: &Instance, address: SocketAddr) -> std::io::Result<Child> {
    let config = &instance.shared.config;
    let overrides = instance
        .shared
        .overrides
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let of_ours = |all: &[i64]| all.get(instance.number).map(i64::to_string);
    let clock = of_ours(&config.clocks).map(|ahead| ("CERTMINT_CLOCK_OFFSET", ahead));
    let skew = of_ours(&config.skews).map(|ahead| ("CERTMINT_CLOCK_SKEW", ahead));
    process::command(&config.binary)
        .env_clear()
        .envs(config.env.iter().cloned())
        .envs(clock)
        .envs(skew)
        .envs(overrides)
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", config.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", config.name),
        )
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Keeps the process alive until the stack stops; kills it at the deadline of its invocation.
async fn supervise(instance: Arc<Instance>, address: SocketAddr) {
    let mut stop = instance.shared.stop.clone();
    let name = instance.shared.config.name;
    while !*stop.borrow() {
        let mut kill = instance.shared.kill.clone();
        kill.mark_unchanged();
        let began = Instant::now();
        instance.asked.store(false, Ordering::SeqCst);
        let mut child = match spawn(&instance, address) {
            Ok(child) => child,
            Err(error) => {
                let binary = instance.shared.config.binary.display();
                instance
                    .shared
                    .logs
                    .line(name, &format!("cannot start {binary}: {error}"));
                pause(&mut stop).await;
                continue;
            }
        };
        instance.shared.logs.follow(name, child.stdout.take());
        instance.shared.logs.follow(name, child.stderr.take());
        let verdict = tokio::select! {
            status = child.wait() => match status {
                Ok(status) => InvokeError::Exited(status.to_string()),
                Err(error) => InvokeError::Exited(error.to_string()),
            },
            () = overdue(instance.deadline.subscribe()) => InvokeError::TimedOut,
            _ = kill.changed() => InvokeError::Exited("killed".into()),
            _ = stop.wait_for(|stop| *stop) => InvokeError::Gone,
        };
        kill_and_reap(&mut child).await;
        if verdict != InvokeError::Gone {
            instance
                .shared
                .logs
                .line(name, &format!("instance ended: {verdict}"));
        }
        instance.finish(None, Err(verdict));
        if began.elapsed() < RESTART {
            pause(&mut stop).await;
        }
    }
}

async fn pause(stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(RESTART) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn kill_and_reap(child: &mut Child) {
    // An error means that it is gone already.
    let _ = child.kill().await;
}

/// Returns once the deadline that holds has passed.
async fn overdue(mut deadline: watch::Receiver<Option<Instant>>) {
    loop {
        let at = *deadline.borrow_and_update();
        let passed = async {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passed => return,
            changed = deadline.changed() => if changed.is_err() { return },
        }
    }
}
