//! Typed reading of items.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use super::Item;
use crate::store::StoreError;
use certmint_core::words::Timestamp;

/// An item as it was read.
#[derive(Clone, Debug)]
pub(super) struct Row(pub(super) Item);

impl Row {
    fn corrupt(&self, name: &str, why: &str) -> StoreError {
        let id = self
            .0
            .get("pk")
            .and_then(|v| v.as_s().ok())
            .cloned()
            .unwrap_or_default();
        StoreError::Corrupt {
            kind: "item",
            id,
            why: format!("attribute {name} {why}"),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.opt_text(name)
            .ok_or_else(|| self.corrupt(name, "is missing or no text"))
    }

    pub(super) fn opt_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|v| v.as_s().ok()).map(String::as_str)
    }

    fn opt_integer<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        match self.0.get(name) {
            None | Some(AttributeValue::Null(_)) => Ok(None),
            Some(AttributeValue::N(text)) => text
                .parse()
                .map(Some)
                .map_err(|_| self.corrupt(name, "is out of range")),
            Some(_) => Err(self.corrupt(name, "is no number")),
        }
    }

    pub(super) fn opt_number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.opt_integer(name)
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, StoreError> {
        self.opt_number(name)?
            .ok_or_else(|| self.corrupt(name, "is missing"))
    }

    pub(super) fn opt_time(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_integer(name)?.map(Timestamp::from_millis))
    }

    pub(super) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.opt_time(name)?
            .ok_or_else(|| self.corrupt(name, "is missing"))
    }

    /// An attribute that holds JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(name)?).map_err(|e| self.corrupt(name, &format!("is not valid: {e}")))
    }

    /// An attribute that holds one of an enum's words.
    pub(super) fn word<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let word = self.text(name)?;
        serde_json::from_value(serde_json::Value::String(word.to_owned()))
            .map_err(|_| self.corrupt(name, &format!("has the unknown word {word}")))
    }
}

/// The records of a list. One that cannot be read is left out with an alarm, so that it stops nobody else.
pub(super) fn readable<'a, T>(
    rows: impl IntoIterator<Item = &'a Row>,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Vec<T> {
    let record = |row: &Row| {
        read(row)
            .inspect_err(|error| tracing::error!(%error, alarm = "quarantine", "left out of a list"))
            .ok()
    };
    rows.into_iter().filter_map(record).collect()
}
