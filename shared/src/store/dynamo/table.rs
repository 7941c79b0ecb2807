//! The calls of DynamoDB that the store makes.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        query::builders::QueryFluentBuilder,
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, UpdateItemOutput, builders::UpdateItemFluentBuilder},
    },
    types::{KeysAndAttributes, Select, TransactWriteItem},
};
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{
    item::{Item, Row, s},
    keys::Key,
    range::Range,
};
use crate::{aws_refusal::Refusal, store::StoreError};

/// DynamoDB quota: items in one BatchGetItem.
pub(super) const BATCH: usize = 100;
/// Tries against a transaction that another one touches at the same moment.
pub(super) const TRIES: u32 = 16;
/// The bound of the waits between them.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Tries to get what a batch read left out.
const ROUNDS: u32 = 8;
/// Batch reads in flight at once.
const AT_ONCE: usize = 8;

/// A table, and the client that reaches it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    name: String,
}

/// How fresh a batch read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    /// As it is. One read unit for 4 KB.
    Now,
    /// As it was a moment ago, as every index is. Half of that.
    Soon,
}

pub(super) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// By code: what another try may mend, and what not.
pub(super) fn refused<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let message = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
        .map(str::to_owned);
    let message = message
        .or_else(|| code(error).map(str::to_owned))
        .unwrap_or_else(|| error.to_string());
    match Refusal::of(error) {
        Some(Refusal::Right) => {
            let why = format!(
                "access denied ({message}): allow it in the function's role, and let no other policy deny it"
            );
            return StoreError::Denied { operation, why };
        }
        Some(Refusal::Credentials(why)) => return StoreError::Denied { operation, why },
        None => {}
    }
    match code(error) {
        Some(
            "ResourceNotFoundException" | "ValidationException" | "ItemCollectionSizeLimitExceededException",
        ) => StoreError::Refused { operation, message },
        _ => StoreError::Unavailable { operation, message },
    }
}

/// Whether another write of the same items was under way.
pub(super) fn is_collision(code: Option<&str>) -> bool {
    let codes = ["TransactionConflictException", "TransactionInProgressException"];
    code.is_some_and(|code| codes.contains(&code))
}

fn built<T>(built: Result<T, aws_sdk_dynamodb::error::BuildError>) -> Result<T, StoreError> {
    built.map_err(|e| StoreError::Refused {
        operation: "build",
        message: e.to_string(),
    })
}

/// The wait before a try: any moment up to a bound that doubles each time, so that those who collide come apart however
/// many they are.
pub(super) async fn wait(tried: u32) {
    let most = Duration::from_millis(20 << tried.min(7)).min(LONGEST_WAIT);
    tokio::time::sleep(most.mul_f64(rand::random())).await;
}

impl Table {
    pub(super) const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One consistent read.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()));
        let answer = call
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| refused("GetItem", &e))?;
        Ok(answer.item.map(Row))
    }

    /// Items in the order of their keys; those that are not there are left out. One batch read for 100 keys, side by
    /// side; what DynamoDB leaves unprocessed is asked for again.
    pub(super) async fn batch(&self, keys: &[Key], fresh: Fresh) -> Result<Vec<Row>, StoreError> {
        let mut order: Vec<&Key> = keys.iter().collect();
        order.sort();
        order.dedup();
        let attributes = |part: &[&Key]| part.iter().map(|key| key.attributes()).collect();
        let parts: Vec<Vec<Item>> = order.chunks(BATCH).map(attributes).collect();
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| self.batch_part(part, fresh))
            .collect();
        let parts: Vec<Vec<Row>> = stream::iter(parts).buffered(AT_ONCE).try_collect().await?;
        let rows = parts.into_iter().flatten();
        let mut found: HashMap<Key, Row> = rows.map(|row| (row.key(), row)).collect();
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    async fn batch_part(&self, mut pending: Vec<Item>, fresh: Fresh) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for round in 0..ROUNDS {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(pending))
                .consistent_read(fresh == Fresh::Now)
                .build();
            let call = self
                .client
                .batch_get_item()
                .request_items(&self.name, built(keys)?);
            let answer = call.send().await.map_err(|e| refused("BatchGetItem", &e))?;
            let read = answer.responses.unwrap_or_default().into_values().flatten();
            rows.extend(read.map(Row));
            let left = answer.unprocessed_keys.and_then(|mut u| u.remove(&self.name));
            pending = left.map(|k| k.keys).unwrap_or_default();
            if pending.is_empty() {
                return Ok(rows);
            }
            wait(round).await;
        }
        Err(StoreError::Unavailable {
            operation: "BatchGetItem",
            message: "left keys unprocessed too often".into(),
        })
    }

    /// At most `limit` rows of a range from `start` on, and where to go on if there may be more. Consistent in the table.
    pub(super) async fn page(
        &self,
        range: &Range,
        limit: usize,
        start: Option<Item>,
    ) -> Result<(Vec<Row>, Option<Item>), StoreError> {
        if range.from > range.to || limit == 0 {
            return Ok((vec![], None));
        }
        let answer = self
            .query(range)
            .scan_index_forward(range.forward)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|e| refused("Query", &e))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(Row).collect();
        Ok((rows, answer.last_evaluated_key))
    }

    fn query(&self, range: &Range) -> QueryFluentBuilder {
        let (partition, sort) = range.index.attributes();
        let index = range.index.name();
        self.client
            .query()
            .table_name(&self.name)
            .set_index_name(index.map(str::to_owned))
            .consistent_read(index.is_none())
            .key_condition_expression("#p = :p AND #s BETWEEN :from AND :to")
            .expression_attribute_names("#p", partition)
            .expression_attribute_names("#s", sort)
            .expression_attribute_values(":p", s(&range.partition))
            .expression_attribute_values(":from", s(&range.from))
            .expression_attribute_values(":to", s(&range.to))
    }

    /// How many rows a range has. It costs what reading them would, one call a megabyte, but no row is sent.
    pub(super) async fn count(&self, range: &Range) -> Result<u64, StoreError> {
        let (mut count, mut start) = (0, None);
        if range.from > range.to {
            return Ok(count);
        }
        loop {
            let query = self
                .query(range)
                .select(Select::Count)
                .set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|e| refused("Query", &e))?;
            count += u64::try_from(answer.count).unwrap_or_default();
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// All rows of a range.
    pub(super) async fn range(&self, range: &Range) -> Result<Vec<Row>, StoreError> {
        let (mut rows, mut start) = (Vec::new(), None);
        loop {
            let (more, next) = self.page(range, usize::MAX, start).await?;
            rows.extend(more);
            start = next;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }

    /// One write outside transactions, for what needs the item's answer. `build` adds key, expression and condition.
    pub(super) async fn update(
        &self,
        key: &Key,
        build: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder,
    ) -> Result<Updated, StoreError> {
        let call = self.client.update_item().table_name(&self.name);
        let call = build(call.set_key(Some(key.attributes())));
        let mut tried = 0;
        loop {
            let error = match call.clone().send().await {
                Ok(UpdateItemOutput { attributes, .. }) => {
                    return Ok(Updated::Done(Row(attributes.unwrap_or_default())));
                }
                Err(error) => error,
            };
            if let Some(UpdateItemError::ConditionalCheckFailedException(check)) = error.as_service_error() {
                return Ok(Updated::Refused(Row(check.item.clone().unwrap_or_default())));
            }
            if !is_collision(code(&error)) || tried == TRIES {
                return Err(refused("UpdateItem", &error));
            }
            wait(tried).await;
            tried += 1;
        }
    }

    /// All or nothing, once: the SDK's own repeats have the call's token. That one is drawn here, since the SDK seeds its
    /// tokens by the time since boot, and two functions that start in the same moment of theirs would draw the same ones:
    /// DynamoDB refuses the later write, or takes it for done. `Some`: the condition of the action at this place failed, nothing was written. A collision with
    /// another write of the same items is tried again after a while.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Option<usize>, StoreError> {
        let mut last = None;
        for tried in 0..TRIES {
            let call = self
                .client
                .transact_write_items()
                .client_request_token(Uuid::new_v4().to_string())
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = call else { return Ok(None) };
            let reasons: Vec<&str> = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled
                    .cancellation_reasons()
                    .iter()
                    .map(|reason| reason.code().unwrap_or_default())
                    .collect(),
                _ => vec![],
            };
            if let Some(place) = reasons.iter().position(|r| *r == "ConditionalCheckFailed") {
                return Ok(Some(place));
            }
            let collided = is_collision(code(&error))
                || reasons.iter().any(|reason| {
                    matches!(
                        *reason,
                        "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
                    )
                });
            let error = refused("TransactWriteItems", &error);
            if !collided {
                return Err(error);
            }
            last = Some(error);
            wait(tried).await;
        }
        Err(last.unwrap_or_else(|| StoreError::Unavailable {
            operation: "TransactWriteItems",
            message: "collided with other writers too often".into(),
        }))
    }
}

/// What became of a conditional write.
pub(super) enum Updated {
    /// Written; what the call asked to see of it.
    Done(Row),
    /// Its condition failed; what the call asked to see of the item.
    Refused(Row),
}
