//! A CA that answers newOrder with an order that it made before, as Boulder does and Pebble does not ("Order Reuse" in
//! Pebble's README): put between the functions and Pebble.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Response, header::LOCATION};
use serde_json::Value;

use super::{Call, Fault, Hits, Operation, Rules};

/// Until when the CA answers with the first order of an account and its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reused {
    /// While it is pending or ready: Boulder.
    WhileOpen,
    /// So many times, whatever became of it.
    Times(usize),
}

/// An order as it was answered first.
struct Made {
    location: HeaderValue,
    body: Bytes,
    finalize: String,
    finalized: bool,
    reused: usize,
}

#[derive(Default)]
struct Orders(HashMap<String, Made>);

/// Part of a JWS.
fn part(body: &[u8], name: &str) -> Option<Value> {
    let jws: Value = serde_json::from_slice(body).ok()?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(jws[name].as_str()?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Account, names and profile: what makes two orders the same.
fn asked(call: &Call) -> Option<String> {
    let (head, order) = (part(&call.body, "protected")?, part(&call.body, "payload")?);
    Some(format!(
        "{} {} {}",
        head["kid"], order["identifiers"], order["profile"]
    ))
}

impl Orders {
    fn answer(&mut self, call: &Call, answer: Response<Bytes>, until: Reused) -> Response<Bytes> {
        let Some(asked) = asked(call).filter(|_| answer.status() == 201) else {
            return answer;
        };
        if let Some(made) = self.0.get_mut(&asked) {
            let again = match until {
                Reused::WhileOpen => !made.finalized,
                Reused::Times(most) => made.reused < most,
            };
            if again {
                made.reused += 1;
                let (mut parts, _) = answer.into_parts();
                parts.headers.insert(LOCATION, made.location.clone());
                parts.headers.remove("content-length");
                return Response::from_parts(parts, made.body.clone());
            }
        }
        let order: Value = serde_json::from_slice(answer.body()).expect("an order");
        let url = order["finalize"].as_str().expect("a URL");
        let made = Made {
            location: answer.headers()[LOCATION].clone(),
            body: answer.body().clone(),
            finalize: url.rsplit('/').next().expect("an id").to_owned(),
            finalized: false,
            reused: 0,
        };
        self.0.insert(asked, made);
        answer
    }

    fn finalized(&mut self, path: &str) {
        let of_path = self.0.values_mut().filter(|o| path.ends_with(&o.finalize));
        of_path.for_each(|order| order.finalized = true);
    }
}

impl Rules {
    /// From now on newOrder is answered with the order that the account has for these names. Returns how often newOrder
    /// was called.
    pub fn reuse_orders(&self, until: Reused) -> Hits {
        let orders = Arc::new(Mutex::new(Orders::default()));
        let made = orders.clone();
        let seen = move |call: &Call| {
            if call.operation == Operation::Finalize {
                orders.lock().expect("no test panics here").finalized(&call.path);
            }
            call.operation == Operation::NewOrder
        };
        let answer = move |call: &Call, answer| {
            made.lock()
                .expect("no test panics here")
                .answer(call, answer, until)
        };
        self.add_matching(seen, 0, usize::MAX, Fault::Exchange(Arc::new(answer)))
    }
}
