//! What calls of DynamoDB cost. The emulator counts it by the rules of *DynamoDB read and write operations* and *Managing
//! complex workflows with DynamoDB transactions*: a kilobyte a write unit, rounded up for each item; twice that in a
//! transaction; each index that changes has its own, two where a row moves. `tests/tests/costs/rules.rs` holds it to them.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::{Call, Operation};

/// One call with what it cost.
#[derive(Clone, Debug)]
pub struct Metered {
    /// The call, as the function sent it.
    pub call: Call,
    /// Read units.
    pub reads: f64,
    /// Write units.
    pub writes: f64,
}

fn is_metered(operation: Operation) -> bool {
    is_write(operation)
        || matches!(
            operation,
            Operation::GetItem | Operation::BatchGetItem | Operation::Query
        )
}

fn is_write(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::PutItem | Operation::UpdateItem | Operation::DeleteItem | Operation::TransactWriteItems
    )
}

/// The same call, which asks for its cost too.
pub(super) fn asking(call: &Call) -> Option<Bytes> {
    let mut input: Value = serde_json::from_slice(&call.body).ok()?;
    let asked = is_metered(call.operation);
    asked.then(|| input["ReturnConsumedCapacity"] = "INDEXES".into());
    asked.then(|| input.to_string().into())
}

/// What it cost. A write whose condition fails has its units all the same: those of the smallest items.
pub(super) fn of(call: &Call, answer: &Response<Bytes>) -> Option<Metered> {
    let said: Value = serde_json::from_slice(answer.body()).ok()?;
    let units = match (answer.status().is_success(), &said["ConsumedCapacity"]) {
        (true, Value::Array(tables)) => tables.iter().filter_map(|t| t["CapacityUnits"].as_f64()).sum(),
        (true, table) => table["CapacityUnits"].as_f64()?,
        (false, _) => {
            let input: Value = serde_json::from_slice(&call.body).ok()?;
            let actions = input["TransactItems"].as_array();
            actions.map_or(1.0, |all| all.iter().map(|_| 2.0).sum())
        }
    };
    let (reads, writes) = match is_write(call.operation) {
        true => (0.0, units),
        false => (units, 0.0),
    };
    Some(Metered {
        call: call.clone(),
        reads,
        writes,
    })
}
