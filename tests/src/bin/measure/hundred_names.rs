//! One certificate of a hundred names: how long it takes, and what it asks of DynamoDB.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use certmint_tests::{
    faults::{Call, Fault, Operation, Rules},
    journey::Journey,
};
use http::Response;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::load::{Bill, deployed, warm};

const NAMES: usize = 100;
/// What is counted beside transactions.
const CALLS: [Operation; 10] = [
    Operation::GetItem,
    Operation::BatchGetItem,
    Operation::Query,
    Operation::PutItem,
    Operation::UpdateItem,
    Operation::DeleteItem,
    Operation::ChangeResourceRecordSets,
    Operation::NewNonce,
    Operation::Authorization,
    Operation::Order,
];

/// Transactions as they pass.
#[derive(Default)]
struct Books {
    sent: usize,
    actions: usize,
    largest: usize,
    /// Actions on an item that another transaction under way acts on: DynamoDB may refuse the later one.
    met: usize,
    /// Refused as a conflict.
    conflicts: usize,
    /// Refused for another reason.
    refused: usize,
    under_way: BTreeMap<String, usize>,
}

/// The items that a transaction acts on.
fn items(body: &Bytes) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let actions = body["TransactItems"].as_array().cloned().unwrap_or_default();
    let keys = actions.iter().filter_map(|action| {
        let (_, action) = action.as_object()?.iter().next()?;
        let key = action.get("Key").or_else(|| action.get("Item"))?;
        Some(format!("{}|{}", key["pk"]["S"], key["sk"]["S"]))
    });
    keys.collect()
}

impl Books {
    fn begun(&mut self, body: &Bytes) {
        let items = items(body);
        self.sent += 1;
        self.actions += items.len();
        self.largest = self.largest.max(items.len());
        for item in items {
            let others = self.under_way.entry(item).or_default();
            self.met += usize::from(*others > 0);
            *others += 1;
        }
    }

    fn ended(&mut self, body: &Bytes, answer: &Response<Bytes>) {
        for item in items(body) {
            if let Some(others) = self.under_way.get_mut(&item) {
                *others -= 1;
            }
        }
        if answer.status().is_success() {
            return;
        }
        let text = String::from_utf8_lossy(answer.body());
        match text.contains("TransactionConflict") {
            true => self.conflicts += 1,
            false => self.refused += 1,
        }
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what passes; nothing is changed.
fn watch(rules: &Rules) -> Arc<Mutex<Books>> {
    let books: Arc<Mutex<Books>> = Arc::default();
    let (coming, going) = (books.clone(), books.clone());
    let is_transaction = move |call: &Call| {
        let is_one = call.operation == Operation::TransactWriteItems;
        if is_one {
            lock(&coming).begun(&call.body);
        }
        is_one
    };
    let answered = Fault::Exchange(Arc::new(move |call: &Call, answer| {
        lock(&going).ended(&call.body, &answer);
        answer
    }));
    rules.add_matching(is_transaction, 0, usize::MAX, answered);
    books
}

pub(super) async fn run() {
    let (journey, rules) = Journey::with_faults(deployed()).await;
    let account = journey.account().await;
    warm(&journey, account).await;
    let before = CALLS.map(|operation| rules.seen(operation).len());
    let books = watch(&rules);
    let names: Vec<String> = (0..NAMES).map(|n| format!("h{n}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (bill, began) = (Bill::open(&journey), Instant::now());
    let id = journey.request(account, &names).await;
    let ended = loop {
        let request = journey.look(id).await;
        if matches!(request["status"].as_str(), Some("success" | "failed")) {
            break request;
        }
        sleep(Duration::from_millis(50)).await;
    };
    println!(
        "{NAMES} names: {} after        {:>8.2} s",
        ended["status"].as_str().unwrap_or_default(),
        began.elapsed().as_secs_f64()
    );
    println!("{}", bill.close(&journey).await);
    journey.until_clean().await;
    println!(
        "until the zone is clean         {:>8.2} s",
        began.elapsed().as_secs_f64()
    );
    {
        let books = lock(&books);
        println!(
            "transactions {}, of {} actions (at most {} in one); {} refused as conflicts, {} otherwise; {} actions on an item of another one under way",
            books.sent, books.actions, books.largest, books.conflicts, books.refused, books.met
        );
    }
    for (operation, before) in CALLS.into_iter().zip(before) {
        println!("{operation:?}: {}", rules.seen(operation).len() - before);
    }
    journey.stack.stop().await;
}
