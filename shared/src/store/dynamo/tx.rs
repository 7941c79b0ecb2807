//! Transactions: actions on items, each with what it means when its condition fails, and counts.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update},
};

use super::{
    item::{Item, Row, n, size},
    keys::{Key, List},
    table::Table,
};
use crate::store::StoreError;

/// DynamoDB quota: actions in a transaction.
pub(super) const MOST: usize = 100;

/// DynamoDB quota: 4 MB of items in a transaction; the rest is for keys and expressions.
const MOST_BYTES: usize = 3_500_000;

/// Text of an expression with its values. A name with `#` before it is the attribute of that name.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    text: String,
    values: Vec<(String, AttributeValue)>,
}

impl Expression {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: vec![],
        }
    }

    /// A value that the text names, without its colon.
    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.push((format!(":{name}"), value));
        self
    }

    /// That there is no such item.
    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(pk)")
    }

    /// That there is one.
    pub(super) fn present() -> Self {
        Self::new("attribute_exists(pk)")
    }

    /// That an attribute has this value.
    pub(super) fn is(attribute: &str, value: AttributeValue) -> Self {
        Self::new(&format!("#{attribute} = :is_{attribute}")).with(&format!("is_{attribute}"), value)
    }

    /// That an attribute is as it was read, whether it could be read or not.
    pub(super) fn unchanged(row: &Row, attribute: &str) -> Self {
        match row.raw(attribute) {
            Some(value) => Self::is(attribute, value.clone()),
            None => Self::present().and(Self::new(&format!("attribute_not_exists(#{attribute})"))),
        }
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.text = format!("({}) AND ({})", self.text, other.text);
        self.values.extend(other.values);
        self
    }

    /// The attributes that the text names with `#`.
    fn names(&self) -> impl Iterator<Item = (String, String)> {
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        self.text.split('#').skip(1).map(move |rest| {
            let name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
            (format!("#{name}"), name.to_owned())
        })
    }
}

/// What DynamoDB takes beside an expression: names and values, or neither.
type Beside<T> = Option<HashMap<String, T>>;

fn beside(expressions: &[&Expression]) -> (Beside<String>, Beside<AttributeValue>) {
    let names: HashMap<_, _> = expressions.iter().flat_map(|e| e.names()).collect();
    let values: HashMap<_, _> = expressions.iter().flat_map(|e| e.values.clone()).collect();
    (
        Some(names).filter(|n| !n.is_empty()),
        Some(values).filter(|v| !v.is_empty()),
    )
}

enum What {
    Put(Item),
    Delete(Key),
    Check(Key),
    Update(Key, Expression),
}

struct Action<E> {
    what: What,
    /// What must hold, and what it means if it does not.
    condition: Option<(Expression, E)>,
}

impl<E> Action<E> {
    fn build(&self, table: &Table) -> Result<TransactWriteItem, BuildError> {
        let condition = self.condition.as_ref().map(|(condition, _)| condition);
        let text = condition.map(|condition| condition.text.clone());
        let expressions: Vec<&Expression> = match &self.what {
            What::Update(_, change) => condition.into_iter().chain([change]).collect(),
            _ => condition.into_iter().collect(),
        };
        let (names, values) = beside(&expressions);
        let item = TransactWriteItem::builder();
        Ok(match &self.what {
            What::Put(put) => item.put(
                Put::builder()
                    .table_name(table.name())
                    .set_item(Some(put.clone()))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
            What::Delete(key) => item.delete(
                Delete::builder()
                    .table_name(table.name())
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
            What::Check(key) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table.name())
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
            What::Update(key, change) => item.update(
                Update::builder()
                    .table_name(table.name())
                    .set_key(Some(key.attributes()))
                    .update_expression(&change.text)
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
        }
        .build())
    }
}

/// What happens to one item of counters.
struct Counts<E> {
    /// By list.
    deltas: BTreeMap<String, i64>,
    /// None of its lists may be closed, and what it means if one is.
    open: Option<E>,
}

impl<E> Counts<E> {
    /// All in one action; `None` if nothing changes.
    fn action(self, key: Key) -> Option<Action<E>> {
        let moved = self.deltas.into_iter().filter(|(_, delta)| *delta != 0);
        let moved: Vec<(String, i64)> = moved.collect();
        let parts = moved.iter().map(|(list, _)| format!("#{list} :{list}"));
        let text = parts.collect::<Vec<_>>().join(", ");
        let add = moved
            .iter()
            .fold(Expression::new(&format!("ADD {text}")), |add, (list, delta)| {
                add.with(list, n(delta))
            });
        let open = || Expression::new("attribute_not_exists(closed)");
        let condition = self.open.map(|failed| (open(), failed));
        let what = match (moved.is_empty(), condition.is_some()) {
            (false, _) => What::Update(key, add),
            (true, true) => What::Check(key),
            (true, false) => return None,
        };
        Some(Action { what, condition })
    }
}

/// A transaction in the making. `E` says what failed.
pub(super) struct Tx<E> {
    actions: Vec<Action<E>>,
    counts: BTreeMap<Key, Counts<E>>,
}

impl<E> Tx<E> {
    pub(super) const fn new() -> Self {
        Self {
            actions: vec![],
            counts: BTreeMap::new(),
        }
    }

    fn act(&mut self, what: What, condition: Option<(Expression, E)>) {
        self.actions.push(Action { what, condition });
    }

    pub(super) fn put(&mut self, item: Item) {
        self.act(What::Put(item), None);
    }

    pub(super) fn put_if(&mut self, item: Item, condition: Expression, failed: E) {
        self.act(What::Put(item), Some((condition, failed)));
    }

    pub(super) fn delete(&mut self, key: Key) {
        self.act(What::Delete(key), None);
    }

    pub(super) fn delete_if(&mut self, key: Key, condition: Expression, failed: E) {
        self.act(What::Delete(key), Some((condition, failed)));
    }

    pub(super) fn check(&mut self, key: Key, condition: Expression, failed: E) {
        self.act(What::Check(key), Some((condition, failed)));
    }

    pub(super) fn update_if(&mut self, key: Key, change: Expression, condition: Expression, failed: E) {
        self.act(What::Update(key, change), Some((condition, failed)));
    }

    /// A row with this id enters (`1`) or leaves (`-1`) a list. What a transaction does to one item of counters is one
    /// action; they are sharded so that neighbours do not collide.
    pub(super) fn count(&mut self, list: &List, id: u64, delta: i64) {
        let counts = self.counts(list, id);
        *counts.deltas.entry(list.member().to_owned()).or_default() += delta;
    }

    /// As [`count`](Self::count) with 1, unless the list was [closed](Self::close).
    pub(super) fn count_if_open(&mut self, list: &List, id: u64, failed: E) {
        self.count(list, id, 1);
        self.counts(list, id).open = Some(failed);
    }

    fn counts(&mut self, list: &List, id: u64) -> &mut Counts<E> {
        self.counts.entry(list.counter(id)).or_insert_with(|| Counts {
            deltas: BTreeMap::new(),
            open: None,
        })
    }

    /// Shuts an empty list for good, while `others` of the same counters are empty too.
    pub(super) fn close(&mut self, list: &List, others: &[List], failed: impl Fn() -> E) {
        for key in list.counters() {
            let shut = Expression::new("SET closed = :one").with("one", n(1));
            let all = others
                .iter()
                .fold(empty(list), |all, other| all.and(empty(other)));
            self.update_if(key, shut, all, failed());
        }
    }

    /// That a list is empty.
    pub(super) fn check_empty(&mut self, list: &List, failed: impl Fn() -> E) {
        for key in list.counters() {
            self.check(key, empty(list), failed());
        }
    }

    /// All or nothing. `Err` inside: the condition that failed, of the first such action.
    pub(super) async fn commit(mut self, table: &Table) -> Result<Result<(), E>, StoreError> {
        let counts = std::mem::take(&mut self.counts).into_iter();
        self.actions
            .extend(counts.filter_map(|(key, counts)| counts.action(key)));
        let actions = self.actions.len();
        if actions == 0 {
            return Ok(Ok(()));
        }
        let refused = |message| StoreError::Refused {
            operation: "TransactWriteItems",
            message,
        };
        if actions > MOST {
            return Err(refused(format!("{actions} actions; at most {MOST} fit")));
        }
        let puts = self.actions.iter().map(|action| match &action.what {
            What::Put(put) => size(put),
            _ => 0,
        });
        let bytes = puts.sum::<usize>();
        if bytes > MOST_BYTES {
            return Err(StoreError::TooLarge {
                what: "bytes in one transaction",
                found: bytes,
                most: MOST_BYTES,
            });
        }
        let items = self.actions.iter().map(|action| action.build(table));
        let items: Vec<TransactWriteItem> = items
            .collect::<Result<_, _>>()
            .map_err(|e| refused(e.to_string()))?;
        let place = match items.as_slice() {
            // Alone it costs half.
            [one] if one.condition_check.is_none() => (!table.write(one).await?).then_some(0),
            _ => table.transact(items).await?,
        };
        let Some(place) = place else {
            return Ok(Ok(()));
        };
        let failed = self.actions.into_iter().nth(place).and_then(|a| a.condition);
        match failed {
            Some((_, failed)) => Ok(Err(failed)),
            None => Err(refused(format!(
                "action {place} was refused for a condition that it has not"
            ))),
        }
    }
}

/// That a list has no rows among those that an item counts.
fn empty(list: &List) -> Expression {
    let list = list.member();
    Expression::new(&format!("attribute_not_exists(#{list}) OR #{list} = :zero")).with("zero", n(0))
}
