//! Bodies: the first thing wrong is named.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{error::ApiError, query::one_of};
use crate::store::Idempotency;
use certmint_core::words::{Email, hex};

/// Octets of a body. The largest call, 100 names of 253 octets, is half of that.
const MAX_BODY: usize = 64 * 1024;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A JSON object whose fields are taken one by one; what is left over is unknown.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    fn parse(bytes: &[u8], most: usize) -> Result<Self, ApiError> {
        if bytes.len() > most {
            return Err(ApiError::format("body", &format!("is over {most} bytes")));
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(ApiError::format("body", "must be a JSON object")),
            Err(_) => Err(ApiError::format("body", "is not JSON")),
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

    /// A text as it was pasted: white space around it is no part of it.
    pub(super) fn opt_pasted(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        if let Some(Value::String(text)) = self.0.get_mut(name) {
            *text = text.trim().to_owned();
        }
        self.opt_text(name)
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

    pub(super) fn email(&mut self, name: &str) -> Result<Email, ApiError> {
        let text = self.text(name)?;
        text.parse().map_err(|why| ApiError::value(name, why))
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

    /// The same of a word that must be there.
    pub(super) fn word<T: Copy>(&mut self, name: &str, known: &[(&str, T)]) -> Result<T, ApiError> {
        one_of(name, &self.text(name)?, known)
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

    fn end(self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            Some(name) => Err(ApiError::format(name, "is no field of this call")),
            None => Ok(()),
        }
    }
}

/// What a call takes from its body.
pub(super) trait FromBody: Sized {
    /// Octets of the body.
    const MOST: usize = MAX_BODY;
    /// Whether no body is an empty one.
    const OPTIONAL: bool = false;

    /// Takes its fields; what it leaves is refused.
    fn read(fields: &mut Fields) -> Result<Self, ApiError>;
}

fn read<T: FromBody>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut fields = match bytes {
        [] if T::OPTIONAL => Fields(Map::new()),
        bytes => Fields::parse(bytes, T::MOST)?,
    };
    let body = T::read(&mut fields)?;
    fields.end()?;
    Ok(body)
}

async fn bytes<S: Send + Sync>(request: Request, all: &S) -> Result<Bytes, ApiError> {
    let bytes = Bytes::from_request(request, all).await;
    bytes.map_err(|_| ApiError::format("body", "did not arrive whole"))
}

/// The body of a call.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: FromBody> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, all: &S) -> Result<Self, ApiError> {
        read(&bytes(request, all).await?).map(Self)
    }
}

/// A body whose call may be repeated under an `Idempotency-Key`.
pub(super) trait Repeatable: FromBody {
    /// Keys of different calls are different keys.
    const CALL: &'static str;
}

/// The body of such a call, and its key.
pub(super) struct Once<T> {
    pub(super) key: Option<Idempotency>,
    pub(super) body: T,
}

impl<S: Send + Sync, T: Repeatable> FromRequest<S> for Once<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, all: &S) -> Result<Self, ApiError> {
        let key = request.headers().get(IDEMPOTENCY_KEY);
        let key = key.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let fits = |key: &str| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        if key.as_deref().is_some_and(|key| !fits(key)) {
            let why = "must be 1 to 255 visible ASCII characters";
            return Err(ApiError::value("Idempotency-Key", why));
        }
        let bytes = bytes(request, all).await?;
        let hash = || hex(&Sha256::digest(&bytes));
        let key = key.map(|key| Idempotency {
            key: format!("{}#{key}", T::CALL),
            body_hash: hash(),
        });
        Ok(Self {
            key,
            body: read(&bytes)?,
        })
    }
}
