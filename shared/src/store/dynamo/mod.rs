//! All state in one DynamoDB table. Keys by access path:
//!
//! | record | pk, sk | `list` | `by_owner` | `work` |
//! |---|---|---|---|---|
//! | account | `ACCOUNT#<id>`, `META` | `ACCOUNT`, id | | |
//! | request | `REQUEST#<id>`, `META` | `REQUEST#<status>#<shard>`, id | `ACCOUNT#<id>#REQUEST`, `<status>#<id>` | `WORK#<shard>`, wake time |
//! | certificate | `CERTIFICATE#<id>`, `META` | `CERTIFICATE#<status>#<source>#<wildcard or plain>`, id | | |
//! | older version | `CERTIFICATE#<id>`, `VERSION#<n>` | | | |
//! | renewal | `CERTIFICATE#<id>`, `RENEWAL` | `EXPIRY#<shard>`, end and id | | `RENEW#<shard>`, next look |
//! | binding | `CERTIFICATE#<id>`, `BINDING#<website>` | `BINDING#active` or `…#inactive`, ids | | |
//! | active binding of a website | `WEBSITE#<id>`, `BINDING` | | | |
//! | certificate by name | `NAME#<registered domain>`, name reversed and id | | | |
//! | CA in trouble | `PROVIDER`, id | | | |
//! | rate bucket | `RATE#<provider>#<kind>#<of whom>`, `META` (TTL) | | | |
//! | reservation | `RESERVED#<id>`, part (TTL one week) | | | |
//! | TXT value | `TXT#<fqdn>`, value | `TXT#<desired state>`, created | `REQUEST#<id>#TXT`, name and value | `CLEANUP#<shard>`, due time; once gone `FORGET#<shard>` |
//! | attempts | `ATTEMPTS`, `<attempts>#<request>` | | | |
//! | uniqueness | `UNIQUE#<what>`, `META` | | | |
//! | certificates of a set | `NAMES#<set>`, id | | | |
//! | key that others may have | `COMPROMISED#<SHA-256 of the public key>`, `META` | | | |
//! | newest request of a set | `INFLIGHT#<account>#<set>`, `META` (TTL) | | | |
//! | default account | `DEFAULT`, provider | | | |
//! | chore | `CHORE#<name>`, `META` | | | `CHORE`, due time |
//! | idempotency | `IDEMPOTENCY#<key>`, `META` (TTL one day) | | | |
//! | id counter | `COUNTER#<kind>`, `META` | | | |
//! | sealed secret (`vault/envelope.rs`) | `KEY#<name>`, `META` (TTL once deleted) | `KEY`, name | | |
//! | list counter | `COUNT#<list>`, `T#<shard>` and `B#<bucket>#<shard>` | | | |

mod account_keys;
mod account_lifecycle;
mod accounts;
mod bindings;
pub mod calls;
mod certificate_lifecycle;
mod certificates;
mod challenges;
mod chores;
mod counters;
mod fallback;
mod flight;
mod health;
mod names;
mod rates;
mod relations;
mod renewal_items;
mod renewals;
mod request_items;
mod request_lifecycle;
mod request_lists;
mod requests;
mod row;
mod succession;
mod write;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, KeysAndAttributes},
};

use futures::future::try_join_all;

use self::row::Row;
use super::StoreError;
use certmint_core::words::Timestamp;

/// DynamoDB quota: items in one BatchGetItem.
const BATCH: usize = 100;
/// Partitions a hot index key is spread over.
const SHARDS: u64 = 8;

/// The store.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

type Item = HashMap<String, AttributeValue>;

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Fixed-width text that sorts as the number does.
fn pad(id: u64) -> String {
    format!("{id:012}")
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// By code: what another try may mend, and what not.
fn refused<E, R>(operation: &'static str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let message = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
        .map(str::to_owned);
    let message = message
        .or_else(|| code(error).map(str::to_owned))
        .unwrap_or_else(|| error.to_string());
    match code(error) {
        Some(
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "ResourceNotFoundException"
            | "ValidationException"
            | "ItemCollectionSizeLimitExceededException",
        ) => StoreError::Refused { operation, message },
        _ => StoreError::Unavailable { operation, message },
    }
}

/// One range of an index (`None`: the table) to read.
struct Range<'a> {
    index: Option<&'a str>,
    /// Attribute names of partition and sort key.
    keys: (&'a str, &'a str),
    partition: String,
    /// Lowest and highest sort key, both included.
    from: String,
    to: String,
    forward: bool,
}

const LIST: (&str, &str) = ("list_pk", "list_sk");
const OWNER: (&str, &str) = ("owner_pk", "owner_sk");
const WORK: (&str, &str) = ("work_pk", "work_sk");
const TABLE: (&str, &str) = ("pk", "sk");
/// Above every sort key that starts with a printable character.
const END: &str = "\u{10FFFF}";

impl DynamoStore {
    /// A store over a table with the keys of [`schema`](super::schema).
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// One consistent read.
    async fn get(&self, pk: &str, sk: &str) -> Result<Option<Row>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk));
        let answer = call
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| refused("GetItem", &e))?;
        Ok(answer.item.map(Row))
    }

    /// Items by partition and sort key, in no order; those that are not there are left out. One consistent batch read for
    /// 100 keys; what DynamoDB leaves unprocessed is asked for again.
    async fn batch(&self, keys: &[(String, &str)]) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for chunk in keys.chunks(BATCH) {
            let item = |(pk, sk): &(String, &str)| Item::from([("pk".into(), s(pk)), ("sk".into(), s(*sk))]);
            let mut pending: Vec<Item> = chunk.iter().map(item).collect();
            while !pending.is_empty() {
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(pending))
                    .consistent_read(true)
                    .build()
                    .map_err(|e| StoreError::Refused {
                        operation: "BatchGetItem",
                        message: e.to_string(),
                    })?;
                let call = self.client.batch_get_item().request_items(&self.table, keys);
                let answer = call.send().await.map_err(|e| refused("BatchGetItem", &e))?;
                rows.extend(
                    answer
                        .responses
                        .unwrap_or_default()
                        .into_values()
                        .flatten()
                        .map(Row),
                );
                let left = answer.unprocessed_keys.and_then(|mut u| u.remove(&self.table));
                pending = left.map(|k| k.keys).unwrap_or_default();
            }
        }
        Ok(rows)
    }

    /// What is due of one kind of work: at most `limit` rows of each shard, the earliest first in each. Eight small index
    /// reads.
    async fn due(&self, work: &str, now: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let ranges: Vec<Range<'_>> = (0..SHARDS)
            .map(|shard| Range {
                index: Some("work"),
                keys: WORK,
                partition: format!("{work}#{shard}"),
                from: "0".into(),
                to: now.sort_key(),
                forward: true,
            })
            .collect();
        let reads = try_join_all(ranges.iter().map(|range| self.range(range, limit))).await?;
        Ok(reads.into_iter().flatten().collect())
    }

    /// At most `limit` rows of a range; reads no more than that.
    async fn range(&self, range: &Range<'_>, limit: usize) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut start: Option<Item> = None;
        while rows.len() < limit {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .set_index_name(range.index.map(str::to_owned))
                .consistent_read(range.index.is_none())
                .key_condition_expression("#p = :p AND #s BETWEEN :from AND :to")
                .expression_attribute_names("#p", range.keys.0)
                .expression_attribute_names("#s", range.keys.1)
                .expression_attribute_values(":p", s(&range.partition))
                .expression_attribute_values(":from", s(&range.from))
                .expression_attribute_values(":to", s(&range.to))
                .scan_index_forward(range.forward)
                .limit(i32::try_from(limit - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(|e| refused("Query", &e))?;
            rows.extend(answer.items.unwrap_or_default().into_iter().map(Row));
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}
