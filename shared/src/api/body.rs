//! Bodies, field by field: the first thing wrong is named, and what nobody takes is refused.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::{error::ApiError, query::one_of};
use certmint_core::words::{Email, NumberError, NumberRange, TextError, line, lines};

/// A JSON object whose fields are taken one by one; what is left over is unknown.
pub(super) struct Fields(Map<String, Value>);

/// The fields of an object as they came: of two with one name JSON readers keep either (RFC 8259 §4).
struct Written(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> de::Visitor<'de> for Reader {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Written(fields))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

impl Fields {
    pub(super) fn none() -> Self {
        Self(Map::new())
    }

    /// Reads a JSON object. A byte order mark in front is no part of it (RFC 8259 §8.1).
    pub(super) fn parse(bytes: &[u8], most: usize) -> Result<Self, ApiError> {
        if bytes.len() > most {
            return Err(ApiError::format("body", &format!("is over {most} bytes")));
        }
        let text = str::from_utf8(bytes).map_err(|_| ApiError::format("body", "is not JSON in UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Ok(Written(written)) = serde_json::from_str(text) else {
            let is_json = serde_json::from_str::<de::IgnoredAny>(text).is_ok();
            return Err(ApiError::format(
                "body",
                if is_json {
                    "must be a JSON object"
                } else {
                    "is not JSON"
                },
            ));
        };
        let mut fields = Map::new();
        for (name, value) in written {
            if fields.contains_key(&name) {
                return Err(ApiError::format(&shown(&name), "is there twice; send it once"));
            }
            fields.insert(name, value);
        }
        Ok(Self(fields))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// The one way to a text. An empty one counts as missing; of one that is there `read` says whether it can be used.
    fn read_text(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<&str, TextError>,
    ) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => {
                let text = read(&text).map_err(|why| ApiError::value(name, why))?;
                Ok(Some(text.to_owned()))
            }
            Some(_) => Err(ApiError::format(name, "must be a string")),
        }
    }

    /// A text of one line.
    pub(super) fn opt_text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.read_text(name, line)
    }

    /// A text as it was pasted: white space around it is no part of it.
    pub(super) fn opt_pasted(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.read_text(name, |text| line(text.trim()))
    }

    /// A text of several lines.
    pub(super) fn opt_pem(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.read_text(name, lines)
    }

    pub(super) fn pem(&mut self, name: &str) -> Result<String, ApiError> {
        self.opt_pem(name)?.ok_or_else(|| ApiError::missing(name))
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

    pub(super) fn opt_email(&mut self, name: &str) -> Result<Option<Email>, ApiError> {
        let text = self.opt_pasted(name)?;
        let email = text.map(|text| text.parse()).transpose();
        email.map_err(|why| ApiError::value(name, why))
    }

    pub(super) fn email(&mut self, name: &str) -> Result<Email, ApiError> {
        self.opt_email(name)?.ok_or_else(|| ApiError::missing(name))
    }

    pub(super) fn id(&mut self, name: &str) -> Result<u64, ApiError> {
        let value = self.take(name).ok_or_else(|| ApiError::missing(name))?;
        whole_number(&value, NumberRange::IDS).map_err(|why| ApiError::number(name, why))
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

    /// The same of a word that must be there.
    pub(super) fn word<T: Copy>(&mut self, name: &str, known: &[(&str, T)]) -> Result<T, ApiError> {
        one_of(name, &self.text(name)?, known)
    }

    /// Texts that are parsed as names, which take no character that a name has not.
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
        let wrong = "must be an array of positive integers";
        let id = |(index, value): (usize, Value)| {
            whole_number(&value, NumberRange::IDS).map_err(|why| match why.is_of_form() {
                true => ApiError::format(name, &format!("{wrong}; [{index}] is none")),
                false => ApiError::number(&format!("{name}[{index}]"), why),
            })
        };
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(list)) => {
                let ids = list.into_iter().enumerate().map(id).collect::<Result<_, _>>();
                ids.map(Some)
            }
            Some(_) => Err(ApiError::format(name, wrong)),
        }
    }

    pub(super) fn end(self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            Some(name) => Err(ApiError::format(&shown(name), "is no field of this call")),
            None => Ok(()),
        }
    }
}

/// A field's name in a message, whatever a client made it of.
fn shown(name: &str) -> String {
    match line(name) {
        Ok(_) => certmint_core::words::clip(name, 64),
        Err(_) => "a field whose name cannot be shown".to_owned(),
    }
}

/// A number as JSON has it. A fraction is none, nor is a text; one that is too long for any type is still large or small.
fn whole_number(value: &Value, range: NumberRange) -> Result<u64, NumberError> {
    let Value::Number(number) = value else {
        return Err(NumberError::NotWhole(range));
    };
    match (number.as_u64(), number.as_f64()) {
        (Some(number), _) => range.check(number),
        (None, Some(float)) if number.is_i64() || float <= -TOO_LONG => range.read("-1"),
        (None, Some(float)) if float >= TOO_LONG => Err(NumberError::TooLarge(range)),
        _ => Err(NumberError::NotWhole(range)),
    }
}

/// 2^64: digits that pass this are read as a float.
const TOO_LONG: f64 = 18_446_744_073_709_551_616.0;

/// What a call takes from its body.
pub(super) trait FromBody: Sized {
    /// Octets of the body. The largest call, 100 names of 253 octets, is half of that.
    const MOST: usize = 64 * 1024;
    /// Whether no body is an empty one.
    const OPTIONAL: bool = false;

    /// Takes its fields; what it leaves is refused.
    fn read(fields: &mut Fields) -> Result<Self, ApiError>;
}
