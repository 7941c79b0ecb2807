//! Reading bodies and queries: the first thing wrong is named.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::error::ApiError;
use certmint_core::words::PageRequest;

/// Octets of a body. The largest call, 100 names of 253 octets, is half of that.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// A JSON object whose fields are taken one by one; what is left over is unknown.
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        Self::parse_up_to(bytes, MAX_BODY)
    }

    pub(super) fn parse_up_to(bytes: &[u8], most: usize) -> Result<Self, ApiError> {
        if bytes.len() > most {
            return Err(ApiError::format("body", &format!("is over {most} bytes")));
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(ApiError::format("body", "must be a JSON object")),
            Err(_) => Err(ApiError::format("body", "is not JSON")),
        }
    }

    /// The same where no body is an empty one.
    pub(super) fn parse_optional(bytes: &[u8]) -> Result<Self, ApiError> {
        match bytes {
            [] => Ok(Self(Map::new())),
            bytes => Self::parse(bytes),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text; an empty one counts as missing.
    pub(super) fn opt_text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                Err(ApiError::value(name, "holds a control character"))
            }
            Some(Value::String(text)) if text.len() > 4096 => {
                Err(ApiError::value(name, "is over 4096 octets"))
            }
            Some(Value::String(text)) => Ok(Some(text).filter(|t| !t.is_empty())),
            Some(_) => Err(ApiError::format(name, "must be a string")),
        }
    }

    /// A text, or a number as one.
    pub(super) fn opt_word_or_number(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.0.get(name) {
            Some(Value::Number(number)) => {
                let text = number.to_string();
                self.0.remove(name);
                Ok(Some(text))
            }
            Some(Value::String(_) | Value::Null) | None => self.opt_text(name),
            Some(_) => Err(ApiError::format(name, "must be a string or a number")),
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, ApiError> {
        self.opt_text(name)?.ok_or_else(|| ApiError::missing(name))
    }

    /// A text of several lines; an empty one counts as missing.
    pub(super) fn opt_pem(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let stray = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().any(stray) => {
                Err(ApiError::value(name, "holds a control character"))
            }
            Some(Value::String(text)) => Ok(Some(text).filter(|t| !t.trim().is_empty())),
            Some(_) => Err(ApiError::format(name, "must be a string")),
        }
    }

    pub(super) fn pem(&mut self, name: &str) -> Result<String, ApiError> {
        self.opt_pem(name)?.ok_or_else(|| ApiError::missing(name))
    }

    pub(super) fn id(&mut self, name: &str) -> Result<u64, ApiError> {
        match self.take(name) {
            None => Err(ApiError::missing(name)),
            Some(value) => value
                .as_u64()
                .filter(|id| *id > 0)
                .ok_or_else(|| ApiError::format(name, "must be a positive integer")),
        }
    }

    /// A switch; missing is off.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        self.opt_flag(name).map(|on| on.unwrap_or(false))
    }

    /// A switch that may stay as it is.
    pub(super) fn opt_flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(on)),
            Some(_) => Err(ApiError::format(name, "must be true or false")),
        }
    }

    /// One of some words.
    pub(super) fn opt_word<T: Copy>(
        &mut self,
        name: &str,
        known: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        let text = self.opt_text(name)?;
        text.map(|text| one_of(name, &text, known)).transpose()
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, ApiError> {
        let wrong = || ApiError::format(name, "must be an array of strings");
        match self.take(name) {
            None => Err(ApiError::missing(name)),
            Some(Value::Array(list)) => list
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => Ok(text),
                    _ => Err(wrong()),
                })
                .collect(),
            Some(_) => Err(wrong()),
        }
    }

    pub(super) fn opt_ids(&mut self, name: &str) -> Result<Option<Vec<u64>>, ApiError> {
        let wrong = || ApiError::format(name, "must be an array of positive integers");
        let id = |value: Value| value.as_u64().filter(|id| *id > 0).ok_or_else(wrong);
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(list)) => list.into_iter().map(id).collect::<Result<_, _>>().map(Some),
            Some(_) => Err(wrong()),
        }
    }

    /// To be called last.
    pub(super) fn end(self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            Some(name) => Err(ApiError::format(name, "is no field of this call")),
            None => Ok(()),
        }
    }
}

/// The value of a word.
fn one_of<T: Copy>(name: &str, text: &str, known: &[(&str, T)]) -> Result<T, ApiError> {
    let words = || known.iter().map(|(w, _)| *w).collect::<Vec<_>>().join(", ");
    let found = known.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| ApiError::value(name, format!("must be one of {}", words())))
}

/// An id that stands in a path.
pub(super) fn id_in_path(text: &str) -> Result<u64, ApiError> {
    text.parse()
        .ok()
        .filter(|id| *id > 0)
        .ok_or_else(|| ApiError::format("id", "must be a positive integer"))
}

/// Query parameters; unknown ones are ignored, of repeated ones the first counts.
pub(super) struct Params<'a>(pub(super) &'a [(String, String)]);

impl Params<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| ApiError::format(name, "must be a number"))
            })
            .transpose()
    }

    pub(super) fn word<T>(&self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, ApiError>
    where
        T: Copy,
    {
        self.get(name).map(|text| one_of(name, text, known)).transpose()
    }

    pub(super) fn page(&self) -> Result<PageRequest, ApiError> {
        let page = self.number("page")?.unwrap_or(1);
        let page_size = self.number("pageSize")?.unwrap_or(20);
        if !(1..=1_000_000).contains(&page) {
            return Err(ApiError::value("page", "must be 1 or more"));
        }
        if !(1..=100).contains(&page_size) {
            return Err(ApiError::value("pageSize", "must be 1 to 100"));
        }
        Ok(PageRequest {
            page,
            page_size,
            cursor: self.get("cursor").map(str::to_owned),
        })
    }
}
