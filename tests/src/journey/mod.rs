//! Journeys: a user's calls over HTTP, through the real functions, to certificates from a real ACME server.

mod client;
mod secrets;

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use certmint_stack::{Function, Logs, Options, Ports, Stack, StackError};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::Instant;

pub use self::client::{Answer, Client};
use crate::faults::{Proxy, Rules, Upstream};

/// A stack and a client that holds its token.
pub struct Journey {
    /// Seconds that the worker's and the cleaner's clocks are ahead.
    ahead: AtomicU64,
    /// The stack.
    pub stack: Stack,
    /// The client.
    pub client: Client,
    _shown: ShownOnFailure,
}

/// Shows what the functions logged if the test fails.
struct ShownOnFailure(Logs);

impl Drop for ShownOnFailure {
    #[allow(clippy::print_stderr, reason = "the log of a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let functions = self.0.all().into_iter().filter(|l| !l.contains(" Pebble "));
            functions.for_each(|line| eprintln!("{line}"));
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// Options for a test: free ports, no schedule (kicks do the work), every nonce good, every authorization made anew.
#[must_use]
pub fn options() -> Options {
    Options {
        ports: Ports::any(),
        interval: None,
        bad_nonces: 0,
        reused_authorizations: 0,
        // What lags on purpose is not waited for.
        env: vec![("ACME_WORKER_PATIENCE".into(), "3".into())],
        // Tests run in the folder of their package.
        tools: concat!(env!("CARGO_MANIFEST_DIR"), "/../.certmint/tools").into(),
        ..Options::default()
    }
}

/// Restarts a function with another environment.
///
/// # Panics
/// If it does not start.
pub async fn set_env(function: &Function, name: &str, value: &str) {
    function
        .set_env(name, value)
        .await
        .expect("the function starts again");
}

/// Looks until `look` finds something. A condition that does not come true in half a minute is a failure.
///
/// # Panics
/// If it does not come true.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

impl Journey {
    /// Starts a stack with `options`.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(options: Options) -> Self {
        // Two stacks that start at once may choose the same port for a CA: the later one chooses again, once.
        let stack = match Stack::start(options.clone()).await {
            Err(StackError::Function { .. }) => Stack::start(options).await,
            started => started,
        };
        let stack = stack.expect("the stack starts");
        let client = Client::new(stack.url(), stack.token.clone());
        Self {
            ahead: AtomicU64::new(0),
            _shown: ShownOnFailure(stack.logs.clone()),
            stack,
            client,
        }
    }

    /// Starts a stack whose functions reach AWS and the CAs through proxies that follow the rules.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn with_faults(options: Options) -> (Self, Rules) {
        let rules = Rules::default();
        let [aws, plain, bound] = [
            Proxy::bind(rules.clone()).await,
            Proxy::bind(rules.clone()).await,
            Proxy::bind(rules.clone()).await,
        ];
        let directory = |proxy: &Proxy| format!("https://localhost:{}/dir", proxy.port);
        let journey = Self::start(Options {
            aws_endpoint: Some(format!("http://127.0.0.1:{}", aws.port)),
            directories: Some([directory(&plain), directory(&bound)]),
            ..options
        })
        .await;
        let (ports, files) = (journey.stack.ports, journey.stack.acme_tls.clone());
        aws.lead_to(Upstream::Http(ports.aws));
        plain.lead_to(Upstream::Https {
            port: ports.acme,
            files: files.clone(),
        });
        bound.lead_to(Upstream::Https {
            port: ports.acme_eab,
            files,
        });
        (journey, rules)
    }

    /// Creates a Let's Encrypt account; returns its id.
    pub async fn account(&self) -> u64 {
        let body = r#"{"providerName":"letsencrypt","email":"ops@example.com"}"#;
        self.client.post("/acme/account/create", body).await.id()
    }

    /// Requests a certificate; returns the request's id.
    pub async fn request(&self, account: u64, names: &[&str]) -> u64 {
        self.request_in(account, names, None).await
    }

    /// The same in one of the CA's profiles.
    pub async fn request_in(&self, account: u64, names: &[&str], profile: Option<&str>) -> u64 {
        let body =
            serde_json::json!({"accountId": account, "domains": names, "profile": profile}).to_string();
        self.client.post("/acme/certificate/request", &body).await.id()
    }

    /// The request as it is now.
    pub async fn look(&self, id: u64) -> Value {
        self.client
            .get(&format!("/acme/certificate/requests/{id}"))
            .await
            .data()
    }

    /// Waits until the request has the status.
    pub async fn until(&self, id: u64, status: &str) -> Value {
        eventually(&format!("request {id} is {status}"), || async {
            let request = self.look(id).await;
            let now = request["status"].as_str().unwrap_or_default();
            assert!(
                now == status || !matches!(now, "success" | "failed"),
                "request {id} ended otherwise: {request}"
            );
            (now == status).then_some(request)
        })
        .await
    }

    /// Runs the worker once and waits for its report; `None` if it died.
    pub async fn work(&self) -> Option<Value> {
        let report = self.stack.worker.invoke(Bytes::from_static(b"{}")).await.ok()?;
        serde_json::from_slice(&report).ok()
    }

    /// Runs dns-cleanup once and waits for its report.
    ///
    /// # Panics
    /// If it fails.
    pub async fn clean(&self) -> Value {
        let report = self
            .stack
            .cleanup
            .invoke(Bytes::from_static(b"{}"))
            .await
            .expect("dns-cleanup runs");
        serde_json::from_slice(&report).expect("a report")
    }

    /// Moves the clocks of worker and cleaner on, which restarts them. Nothing may be under way: await
    /// [`Journey::work`] first.
    pub async fn later(&self, by: Duration) {
        let ahead = self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst) + by.as_secs();
        for function in [&self.stack.worker, &self.stack.cleanup] {
            set_env(function, "CERTMINT_CLOCK_OFFSET", &ahead.to_string()).await;
        }
    }

    /// Seconds from the worker's present to an RFC 3339 moment.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn seconds_until(&self, moment: &Value) -> i64 {
        let at = OffsetDateTime::parse(moment.as_str().expect("a moment"), &Rfc3339).expect("RFC 3339");
        let ahead = i64::try_from(self.ahead.load(Ordering::SeqCst)).expect("some days");
        (at - OffsetDateTime::now_utc()).whole_seconds() - ahead
    }

    /// Runs the worker again and again, an hour later each time, until the request has ended.
    ///
    /// # Panics
    /// If that takes more than two days.
    pub async fn in_time(&self, id: u64) -> Value {
        for _ in 0..48 {
            self.work().await;
            let request = self.look(id).await;
            if matches!(request["status"].as_str(), Some("success" | "failed")) {
                return request;
            }
            self.later(HOUR).await;
        }
        panic!("request {id} never ends: {}", self.look(id).await);
    }

    /// One certificate for one request, nothing in any zone, nothing owed, no secret leaked; then everything stops.
    ///
    /// # Panics
    /// If it is not so.
    pub async fn ends_well(self, id: u64) {
        let request = self.in_time(id).await;
        assert_eq!(request["status"], "success", "{request}");
        assert_eq!(request["last_error"], Value::Null, "{request}");
        self.clean().await;
        self.until_clean().await;
        let list = self.client.get("/certificates").await.data();
        assert_eq!(list["total"], 1, "one certificate: {list}");
        assert_eq!(list["list"][0]["requestId"], id);
        self.end().await;
    }

    /// Waits until no TXT value stands in any zone and the ledger owes nothing.
    pub async fn until_clean(&self) {
        eventually("no TXT value stands", || async {
            let open = self
                .client
                .get("/acme/challenges?desired_state=present")
                .await
                .data()["total"]
                .clone();
            (self.txt_values().is_empty() && open == 0).then_some(())
        })
        .await;
    }

    /// The TXT values that stand in the zones.
    #[must_use]
    pub fn txt_values(&self) -> Vec<String> {
        let sets = self
            .stack
            .aws
            .route53
            .records()
            .into_iter()
            .filter(|r| r.rtype == "TXT");
        sets.flat_map(|r| r.values).collect()
    }

    /// Ends the journey: no secret is where it must not be, and everything stops.
    pub async fn end(self) {
        self.no_secret_leaked().await;
        self.stack.stop().await;
    }
}
