//! Faults on the wire: a proxy between a function and AWS or the CA that refuses, delays, cuts or loses what a rule
//! matches. The function's own SDK and HTTP client meet the fault, not a stand-in for them.

mod meter;
mod operation;
mod proxy;
mod reuse;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};

pub use self::{
    meter::Metered,
    operation::Operation,
    proxy::{Proxy, Upstream},
    reuse::Reused,
};

/// Makes another body of an answer's.
pub type Edit = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// Makes another answer of the one to a call.
pub type Exchange = Arc<dyn Fn(&Call, Response<Bytes>) -> Response<Bytes> + Send + Sync>;

/// What a matched call meets.
#[derive(Clone)]
pub enum Fault {
    /// An answer that the other side never gave; it does not see the call.
    Answer(StatusCode, Vec<(&'static str, String)>, String),
    /// The connection is closed before the other side sees the call.
    Reset,
    /// The other side does its work; its answer is lost.
    LoseAnswer,
    /// The answer is cut in the middle.
    Truncate,
    /// The answer stops in the middle, and nothing more comes, not even its end.
    Stall,
    /// Everything takes this much longer.
    Slow(Duration),
    /// Runs before the other side sees the call, which then goes on.
    Meanwhile(Arc<dyn Fn() + Send + Sync>),
    /// Runs before the other side sees the call; the connection is closed then.
    Before(Arc<dyn Fn() + Send + Sync>),
    /// Runs after the other side did its work; the answer is lost.
    After(Arc<dyn Fn() + Send + Sync>),
    /// The answer's body is replaced.
    Rewrite(Edit),
    /// The whole answer is replaced.
    Exchange(Exchange),
}

impl Fault {
    /// An error of a JSON service (DynamoDB, Secrets Manager, EventBridge).
    #[must_use]
    pub fn json(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"__type":"{code}","message":"injected {code}"}}"#);
        Self::answer(
            status,
            &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amzn-errortype", code),
            ],
            &body,
        )
    }

    /// An error of Route53.
    #[must_use]
    pub fn route53(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>injected {code}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        Self::answer(status, &[("content-type", "text/xml")], &body)
    }

    /// A problem document of the CA (RFC 8555 §6.7), maybe with more headers.
    #[must_use]
    pub fn problem(status: u16, kind: &str, headers: &[(&'static str, &str)]) -> Self {
        let body = format!(
            r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"injected {kind}","status":{status}}}"#
        );
        let mut all = vec![("content-type", "application/problem+json")];
        all.extend_from_slice(headers);
        Self::answer(status, &all, &body)
    }

    /// A page of HTML, as a load balancer sends it.
    #[must_use]
    pub fn html(status: u16) -> Self {
        Self::answer(
            status,
            &[("content-type", "text/html")],
            "<html><h1>Sorry</h1></html>",
        )
    }

    /// Any answer.
    ///
    /// # Panics
    /// If the status is none.
    #[must_use]
    pub fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        Self::Answer(
            StatusCode::from_u16(status).expect("a status"),
            headers,
            body.to_owned(),
        )
    }
}

/// A call on its way.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it asks for.
    pub operation: Operation,
    /// The access key that signed it: the function's name. Calls of a CA have none.
    pub caller: Option<String>,
    /// The service and the operation, where a header names them.
    pub target: String,
    /// Whom it asks: `localhost:<port of the proxy>`.
    pub host: String,
    /// Its path.
    pub path: String,
    /// Its body.
    pub body: Bytes,
}

type Matches = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

struct Rule {
    matches: Matches,
    skip: usize,
    times: usize,
    fault: Fault,
    hits: Arc<Mutex<usize>>,
}

/// How often a rule was met.
#[derive(Clone)]
pub struct Hits(Arc<Mutex<usize>>);

impl Hits {
    /// The number.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rules in the order they were made; of those that match, the first that is not used up counts.
#[derive(Clone, Default)]
pub struct Rules {
    rules: Arc<Mutex<Vec<Rule>>>,
    seen: Arc<Mutex<Vec<Call>>>,
    /// Nothing is metered before somebody asks for it.
    metered: Arc<Mutex<Option<Vec<Metered>>>>,
}

impl Rules {
    /// A fault for calls of `operation`: the first `skip` pass, the next `times` meet it.
    pub fn add(&self, operation: Operation, skip: usize, times: usize, fault: Fault) -> Hits {
        self.add_matching(move |call| call.operation == operation, skip, times, fault)
    }

    /// The same for calls that `matches` picks.
    pub fn add_matching(
        &self,
        matches: impl Fn(&Call) -> bool + Send + Sync + 'static,
        skip: usize,
        times: usize,
        fault: Fault,
    ) -> Hits {
        let hits = Arc::new(Mutex::new(0));
        self.lock().push(Rule {
            matches: Arc::new(matches),
            skip,
            times,
            fault,
            hits: hits.clone(),
        });
        Hits(hits)
    }

    /// Forgets all rules.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The calls of `operation` that came by, faulty or not.
    #[must_use]
    pub fn seen(&self, operation: Operation) -> Vec<Call> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter()
            .filter(|c| c.operation == operation)
            .cloned()
            .collect()
    }

    /// From now on what each call of DynamoDB costs is noted; what was noted so far is given.
    #[must_use]
    pub fn meter(&self) -> Vec<Metered> {
        let mut metered = self.metered.lock().unwrap_or_else(PoisonError::into_inner);
        metered.replace(vec![]).unwrap_or_default()
    }

    fn is_metering(&self) -> bool {
        let metered = self.metered.lock().unwrap_or_else(PoisonError::into_inner);
        metered.is_some()
    }

    fn note(&self, one: Option<Metered>) {
        let mut metered = self.metered.lock().unwrap_or_else(PoisonError::into_inner);
        metered.iter_mut().for_each(|all| all.extend(one.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that this call meets.
    fn meet(&self, call: &Call) -> Option<Fault> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call.clone());
        for rule in self.lock().iter_mut() {
            if !(rule.matches)(call) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if rule.times > 0 {
                rule.times -= 1;
                *rule.hits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                return Some(rule.fault.clone());
            }
        }
        None
    }
}
