//! Writes that meet each other, as DynamoDB has it (*Managing complex workflows with DynamoDB transactions*, transaction
//! conflicts): a transaction is cancelled while another write of one of its items is under way, a write of one item is
//! refused while a transaction has it. The database below does one thing after the other and never says so.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::response::Response;
use serde_json::{Value, json};

use super::refusal::{json_refusal, refusal};

/// An item: table, partition key, sort key.
type Item = (String, String, String);

#[derive(Default)]
struct Held {
    by_transaction: bool,
    /// Writes of the item alone; they wait for each other.
    alone: usize,
}

/// What is under way. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct Conflicts {
    held: Arc<Mutex<HashMap<Item, Held>>>,
    /// Milliseconds that a transaction takes beside the database's own time.
    takes: Arc<AtomicU64>,
}

/// Items that a call has until it is answered.
pub(super) struct Hold {
    conflicts: Conflicts,
    items: Vec<Item>,
    is_transaction: bool,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.conflicts.lock();
        for item in &self.items {
            let is_free = held.get_mut(item).is_some_and(|held| {
                match self.is_transaction {
                    true => held.by_transaction = false,
                    false => held.alone = held.alone.saturating_sub(1),
                }
                !held.by_transaction && held.alone == 0
            });
            if is_free {
                held.remove(item);
            }
        }
    }
}

fn item(action: &Value, key: &str) -> Item {
    let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
    let table = action["TableName"].as_str().unwrap_or_default();
    (
        table.to_owned(),
        text(&action[key]["pk"]),
        text(&action[key]["sk"]),
    )
}

/// The items of a transaction, or the one of a write alone.
fn items(operation: &str, input: &Value) -> Vec<Item> {
    let of_action = |action: &Value| {
        let (kind, action) = action.as_object()?.iter().next()?;
        Some(item(action, if kind == "Put" { "Item" } else { "Key" }))
    };
    match operation {
        "PutItem" => vec![item(input, "Item")],
        "UpdateItem" | "DeleteItem" => vec![item(input, "Key")],
        "TransactWriteItems" => {
            let actions = input["TransactItems"].as_array().into_iter().flatten();
            actions.filter_map(of_action).collect()
        }
        _ => vec![],
    }
}

impl Conflicts {
    fn lock(&self) -> MutexGuard<'_, HashMap<Item, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a transaction has its items for so long.
    pub(super) fn take(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.takes.store(millis, Ordering::Relaxed);
    }

    /// How long a transaction has its items.
    pub(super) fn time_of(&self, hold: &Hold) -> Duration {
        match hold.is_transaction {
            true => Duration::from_millis(self.takes.load(Ordering::Relaxed)),
            false => Duration::ZERO,
        }
    }

    /// Takes the items of a call, or says that another has one of them. Reads take none.
    pub(super) fn hold(&self, operation: &str, body: &[u8]) -> Result<Hold, Box<Response>> {
        let input: Value = serde_json::from_slice(body).unwrap_or_default();
        let items = items(operation, &input);
        let is_transaction = operation == "TransactWriteItems";
        let mut held = self.lock();
        let meets = |item: &Item| {
            held.get(item)
                .is_some_and(|held| held.by_transaction || (is_transaction && held.alone > 0))
        };
        let met: Vec<bool> = items.iter().map(meets).collect();
        if met.contains(&true) {
            return Err(Box::new(match is_transaction {
                true => cancelled(&met),
                false => refusal(
                    400,
                    "TransactionConflictException",
                    "Transaction is ongoing for the item",
                ),
            }));
        }
        for item in &items {
            let held = held.entry(item.clone()).or_default();
            match is_transaction {
                true => held.by_transaction = true,
                false => held.alone += 1,
            }
        }
        drop(held);
        Ok(Hold {
            conflicts: self.clone(),
            items,
            is_transaction,
        })
    }
}

fn cancelled(met: &[bool]) -> Response {
    let reason = |met: &bool| match met {
        true => json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
        false => json!({"Code": "None"}),
    };
    let reasons: Vec<Value> = met.iter().map(reason).collect();
    let codes: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| reason["Code"].as_str())
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    json_refusal(
        400,
        &json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": message,
            "CancellationReasons": reasons,
        }),
    )
}
