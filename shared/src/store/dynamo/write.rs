//! Conditional writes and transactions.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};

use super::{DynamoStore, Item, code, n, refused, s};
use crate::store::StoreError;

/// DynamoDB quota: 400 KB an item; what is left is for attribute names and indexes.
const MAX_ITEM: usize = 380 * 1024;
/// Tries against a transaction that another one touches at the same moment.
const TRIES: u32 = 10;

/// Why a transaction was not written.
pub(super) enum Refusal {
    /// The condition of the item at this place failed; nothing was written.
    Condition(usize),
    /// Anything else.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    /// The same, where a failed condition has one meaning.
    pub(super) fn or(self, meaning: StoreError) -> StoreError {
        match self {
            Self::Condition(_) => meaning,
            Self::Store(error) => error,
        }
    }
}

/// A condition with its values.
#[derive(Clone, Default)]
pub(super) struct Condition {
    text: Option<String>,
    values: Vec<(String, AttributeValue)>,
}

impl Condition {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            values: vec![],
        }
    }

    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(pk)")
    }

    /// `value` is a reserved word: conditions write it as `#v`.
    fn names_value(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.contains("#v"))
    }

    /// Both.
    pub(super) fn and(mut self, text: &str) -> Self {
        self.text = Some(
            self.text
                .map_or_else(|| text.to_owned(), |old| format!("{old} AND {text}")),
        );
        self
    }

    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.push((name.to_owned(), value));
        self
    }
}

fn size(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| {
            name.len()
                + match value {
                    AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
                    _ => 8,
                }
        })
        .sum()
}

/// A number that differs between calls that collide; it only spreads their next tries.
fn jitter() -> u64 {
    rand::random::<u64>() % 40
}

impl DynamoStore {
    fn built<T>(built: Result<T, aws_sdk_dynamodb::error::BuildError>) -> Result<T, StoreError> {
        built.map_err(|e| StoreError::Refused {
            operation: "build",
            message: e.to_string(),
        })
    }

    pub(super) fn put(&self, item: Item, condition: Condition) -> Result<TransactWriteItem, StoreError> {
        let bytes = size(&item);
        if bytes > MAX_ITEM {
            let message = format!("the item has {bytes} bytes; at most {MAX_ITEM} fit");
            return Err(StoreError::Refused {
                operation: "PutItem",
                message,
            });
        }
        let mut put = Put::builder().table_name(&self.table).set_item(Some(item));
        if condition.names_value() {
            put = put.expression_attribute_names("#v", "value");
        }
        put = put.set_condition_expression(condition.text);
        for (name, value) in condition.values {
            put = put.expression_attribute_values(name, value);
        }
        Ok(TransactWriteItem::builder()
            .put(Self::built(put.build())?)
            .build())
    }

    pub(super) fn delete(&self, pk: &str, sk: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk));
        Ok(TransactWriteItem::builder()
            .delete(Self::built(delete.build())?)
            .build())
    }

    pub(super) fn check(
        &self,
        pk: &str,
        sk: &str,
        condition: Condition,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk));
        if condition.names_value() {
            check = check.expression_attribute_names("#v", "value");
        }
        check = check.set_condition_expression(condition.text);
        for (name, value) in condition.values {
            check = check.expression_attribute_values(name, value);
        }
        Ok(TransactWriteItem::builder()
            .condition_check(Self::built(check.build())?)
            .build())
    }

    /// Changes attributes of an item. The condition's values serve the expression too.
    pub(super) fn update(
        &self,
        pk: &str,
        expression: &str,
        condition: Condition,
    ) -> Result<TransactWriteItem, StoreError> {
        self.update_at(pk, "META", expression, condition)
    }

    /// The same of an item with another sort key.
    pub(super) fn update_at(
        &self,
        pk: &str,
        sk: &str,
        expression: &str,
        condition: Condition,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .update_expression(expression)
            .set_condition_expression(condition.text);
        for (name, value) in condition.values {
            update = update.expression_attribute_values(name, value);
        }
        // `ttl` is a reserved word.
        if expression.contains("#ttl") {
            update = update.expression_attribute_names("#ttl", "ttl");
        }
        Ok(TransactWriteItem::builder()
            .update(Self::built(update.build())?)
            .build())
    }

    /// Deletes an item that must be there.
    pub(super) fn delete_existing(&self, pk: &str, sk: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .condition_expression("attribute_exists(pk)");
        Ok(TransactWriteItem::builder()
            .delete(Self::built(delete.build())?)
            .build())
    }

    /// Adds to a counter item.
    pub(super) fn add(&self, pk: &str, sk: &str, delta: i64) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .update_expression("ADD #v :d")
            .expression_attribute_names("#v", "value")
            .expression_attribute_values(":d", n(delta));
        Ok(TransactWriteItem::builder()
            .update(Self::built(update.build())?)
            .build())
    }

    /// Adds to a counter item on a condition.
    pub(super) fn add_if(
        &self,
        pk: &str,
        sk: &str,
        delta: i64,
        condition: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .update_expression("ADD #v :d")
            .condition_expression(condition)
            .expression_attribute_names("#v", "value")
            .expression_attribute_values(":d", n(delta));
        Ok(TransactWriteItem::builder()
            .update(Self::built(update.build())?)
            .build())
    }

    /// Deletes an item on a condition.
    pub(super) fn delete_if(
        &self,
        pk: &str,
        sk: &str,
        condition: Condition,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .set_condition_expression(condition.text);
        for (name, value) in condition.values {
            delete = delete.expression_attribute_values(name, value);
        }
        Ok(TransactWriteItem::builder()
            .delete(Self::built(delete.build())?)
            .build())
    }

    /// All or nothing. A collision with another transaction is tried again after some tens of milliseconds.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Refusal> {
        let mut wait = Duration::from_millis(10);
        let mut last = None;
        for _ in 0..TRIES {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = call else { return Ok(()) };
            let reasons: Vec<Option<String>> = error
                .as_service_error()
                .and_then(|e| match e {
                    aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(c) => {
                        c.cancellation_reasons.as_ref()
                    }
                    _ => None,
                })
                .map(|reasons| reasons.iter().map(|r| r.code.clone()).collect())
                .unwrap_or_default();
            let failed = reasons
                .iter()
                .position(|r| r.as_deref() == Some("ConditionalCheckFailed"));
            if let Some(place) = failed {
                return Err(Refusal::Condition(place));
            }
            let collided = code(&error) == Some("TransactionInProgressException")
                || reasons.iter().flatten().any(|r| {
                    matches!(
                        r.as_str(),
                        "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
                    )
                });
            let error = refused("TransactWriteItems", &error);
            if !collided {
                return Err(error.into());
            }
            last = Some(error);
            tokio::time::sleep(wait + Duration::from_millis(jitter())).await;
            wait = (wait * 2).min(Duration::from_millis(400));
        }
        let message = "collided with other writers too often".to_owned();
        let tired = StoreError::Unavailable {
            operation: "TransactWriteItems",
            message,
        };
        Err(last.unwrap_or(tired).into())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{Client, config::BehaviorVersion};

    use super::*;

    #[test]
    fn an_item_that_is_too_large_is_refused_in_time() {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .build();
        let store = DynamoStore::new(Client::from_conf(config), "t".into());
        let item = |bytes: usize| Item::from([("pk".into(), s("A")), ("text".into(), s("x".repeat(bytes)))]);
        assert!(store.put(item(300 * 1024), Condition::default()).is_ok());
        let refused = store.put(item(390 * 1024), Condition::default());
        assert!(
            matches!(&refused, Err(StoreError::Refused { message, .. }) if message.contains("at most")),
            "{refused:?}"
        );
    }
}
