//! Items: written attribute by attribute, read by the same names and rules.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};

use super::keys::{Key, PRIMARY, Place, TTL};
use crate::store::StoreError;
use certmint_core::words::Timestamp;

/// DynamoDB quota: 400 KB an item; what is left is for attribute names and indexes.
const MAX_ITEM: usize = 380 * 1024;
/// The same of an item that is new and will grow: what happens to it later must never fail for its size.
const MAX_NEW: usize = 340 * 1024;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

impl Key {
    /// As DynamoDB's calls take it.
    pub(super) fn attributes(&self) -> Item {
        Item::from([(PRIMARY.0.into(), s(&self.pk)), (PRIMARY.1.into(), s(&self.sk))])
    }
}

/// An item in the making. What is absent is not written.
pub(super) struct Writer {
    item: Item,
    wrong: Option<String>,
}

impl Writer {
    pub(super) fn new(key: &Key) -> Self {
        Self {
            item: key.attributes(),
            wrong: None,
        }
    }

    fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.item.insert(name.to_owned(), value);
        self
    }

    pub(super) fn placed(self, place: Place) -> Self {
        let (partition, sort) = place.index.attributes();
        self.with(partition, s(place.pk)).with(sort, s(place.sk))
    }

    pub(super) fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, s(text))
    }

    pub(super) fn opt_text(self, name: &str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub(super) fn number(self, name: &str, number: impl ToString) -> Self {
        self.with(name, n(number))
    }

    pub(super) fn opt_number(self, name: &str, number: Option<impl ToString>) -> Self {
        match number {
            Some(number) => self.number(name, number),
            None => self,
        }
    }

    pub(super) fn flag(self, name: &str, on: bool) -> Self {
        self.with(name, AttributeValue::Bool(on))
    }

    /// Not written if it is off.
    pub(super) fn only_if(self, name: &str, on: bool) -> Self {
        match on {
            true => self.flag(name, on),
            false => self,
        }
    }

    pub(super) fn time(self, name: &str, at: Timestamp) -> Self {
        self.number(name, at.millis())
    }

    pub(super) fn opt_time(self, name: &str, at: Option<Timestamp>) -> Self {
        self.opt_number(name, at.map(Timestamp::millis))
    }

    pub(super) fn json(mut self, name: &str, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => self.text(name, text),
            Err(error) => {
                self.wrong = Some(format!("attribute {name}: {error}"));
                self
            }
        }
    }

    /// DynamoDB may delete it then.
    pub(super) fn until(self, at: Timestamp) -> Self {
        self.number(TTL, at.millis() / 1000)
    }

    /// # Errors
    /// If it cannot be stored: DynamoDB would refuse it for its size.
    pub(super) fn finish(self) -> Result<Item, StoreError> {
        if let Some(message) = self.wrong {
            let operation = "PutItem";
            return Err(StoreError::Refused { operation, message });
        }
        fits(&self.item, MAX_ITEM)?;
        Ok(self.item)
    }
}

/// # Errors
/// If the item is new and leaves no room for what happens to it later.
pub(super) fn has_room_to_grow(item: &Item) -> Result<(), StoreError> {
    fits(item, MAX_NEW)
}

fn fits(item: &Item, most: usize) -> Result<(), StoreError> {
    match size(item) {
        found if found > most => Err(StoreError::TooLarge {
            what: "bytes",
            found,
            most,
        }),
        _ => Ok(()),
    }
}

/// As DynamoDB counts it.
pub(super) fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        _ => 8,
    };
    item.iter().map(|(name, held)| name.len() + value(held)).sum()
}

/// An item, or what an index holds of it, as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(pub(super) Item);

impl Row {
    /// Its size, as DynamoDB counts it.
    pub(super) fn bytes(&self) -> usize {
        size(&self.0)
    }

    /// Its primary key.
    pub(super) fn key(&self) -> Key {
        let text = |name| self.opt_text(name).unwrap_or_default().to_owned();
        Key {
            pk: text(PRIMARY.0),
            sk: text(PRIMARY.1),
        }
    }

    pub(super) fn corrupt(&self, why: impl Into<String>) -> StoreError {
        let Key { pk, sk } = self.key();
        StoreError::Corrupt {
            kind: "item",
            id: format!("{pk}, {sk}"),
            why: why.into(),
        }
    }

    fn wrong(&self, name: &str, why: &str) -> StoreError {
        self.corrupt(format!("attribute {name} {why}"))
    }

    /// An attribute as it stands, also where it cannot be read.
    pub(super) fn raw(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.opt_text(name)
            .ok_or_else(|| self.wrong(name, "is missing or no text"))
    }

    pub(super) fn opt_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|v| v.as_s().ok()).map(String::as_str)
    }

    pub(super) fn opt_number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(text)) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.wrong(name, "is out of range")),
            },
            Some(_) => Err(self.wrong(name, "is no number")),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.opt_number(name)?
            .ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// Off if it is not there.
    pub(super) fn opt_flag(&self, name: &str) -> Result<bool, StoreError> {
        match self.0.contains_key(name) {
            true => self.flag(name),
            false => Ok(false),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, StoreError> {
        let flag = self.0.get(name).and_then(|v| v.as_bool().ok()).copied();
        flag.ok_or_else(|| self.wrong(name, "is neither true nor false"))
    }

    pub(super) fn opt_time(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_number(name)?.map(Timestamp::from_millis))
    }

    pub(super) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.number(name).map(Timestamp::from_millis)
    }

    /// An attribute that holds JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(name)?).map_err(|e| self.wrong(name, &format!("is not valid: {e}")))
    }

    pub(super) fn opt_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        match self.0.contains_key(name) {
            true => self.json(name).map(Some),
            false => Ok(None),
        }
    }

    pub(super) fn opt_word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        match self.0.contains_key(name) {
            true => self.word(name).map(Some),
            false => Ok(None),
        }
    }

    /// An attribute that holds one of an enum's words.
    pub(super) fn word<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let word = self.text(name)?;
        serde_json::from_value(serde_json::Value::String(word.to_owned()))
            .map_err(|_| self.wrong(name, &format!("has the unknown word {word}")))
    }
}

/// The records of a list or a batch. One that cannot be read is left out with an alarm, so that it stops nobody else.
pub(super) fn readable<'a, T>(
    rows: impl IntoIterator<Item = &'a Row>,
    from_item: impl Fn(&Row) -> Result<T, StoreError>,
) -> Vec<T> {
    let record = |row: &Row| {
        from_item(row)
            .inspect_err(|error| tracing::error!(%error, alarm = "quarantine", "left out of a list"))
            .ok()
    };
    rows.into_iter().filter_map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dynamo::keys;

    #[test]
    fn an_item_that_is_too_large_is_refused_in_time() {
        let item = |bytes: usize| {
            Writer::new(&keys::fallback())
                .text("text", "x".repeat(bytes))
                .finish()
        };
        assert!(item(300 * 1024).is_ok());
        let large = item(350 * 1024).expect("an item may grow to it");
        assert!(has_room_to_grow(&large).is_err(), "none begins with it");
        let refused = item(390 * 1024);
        assert!(
            matches!(&refused, Err(StoreError::TooLarge { found, .. }) if *found > 390 * 1024),
            "{refused:?}"
        );
    }
}
