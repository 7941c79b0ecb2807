//! Queries and paths. Unknown query parameters are ignored; one that is known is read whole or refused, and an empty one
//! counts as not sent.

use std::{cell::RefCell, str::FromStr};

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::error::ApiError;
use certmint_core::words::{NumberRange, line};

/// The parameters of a query, in order, and those of them that were looked at. A value whose percent-encoding leads to no
/// text is `None`.
pub(super) struct Params {
    all: Vec<(String, Option<String>)>,
    looked_at: RefCell<Vec<(String, String)>>,
}

/// A part of a query (application/x-www-form-urlencoded, as browsers and curl write it).
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            octet => octet,
        });
    }
    String::from_utf8(octets).ok()
}

impl Params {
    pub(super) fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A name that leads to no text is none that we know.
            Some((decoded(name)?, decoded(value)))
        };
        Self {
            all: query.split('&').filter_map(pair).collect(),
            looked_at: RefCell::default(),
        }
    }

    /// What was found so far.
    pub(super) fn looked_at(&self) -> Vec<(String, String)> {
        self.looked_at.borrow().clone()
    }

    /// The one way to a value. Blank is not empty: somebody meant something.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut found = self.all.iter().filter(|(n, _)| n == name).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(ApiError::value(name, "is there twice; send it once")),
            (Some(None), None) => Err(ApiError::format(
                name,
                "cannot be read; write other characters as UTF-8 in percent-encoding, such as %C3%BC",
            )),
            (Some(Some(value)), None) if value.is_empty() => Ok(None),
            (Some(Some(value)), None) => {
                self.looked_at.borrow_mut().push((name.to_owned(), value.clone()));
                line(value).map(Some).map_err(|why| ApiError::value(name, why))
            }
        }
    }

    /// Whether it is there, whatever it says.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all
            .iter()
            .any(|(n, value)| n == name && value.as_deref() != Some(""))
    }

    /// A value that parses, or says itself why not.
    pub(super) fn parsed<T>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let parsed = self.get(name)?.map(str::parse).transpose();
        parsed.map_err(|why| ApiError::value(name, why))
    }

    pub(super) fn number(&self, name: &str, range: NumberRange) -> Result<Option<u64>, ApiError> {
        let number = self.get(name)?.map(|text| range.read(text)).transpose();
        number.map_err(|why| ApiError::number(name, why))
    }

    pub(super) fn id(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.number(name, NumberRange::IDS)
    }

    pub(super) fn word<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        self.get(name)?.map(|text| one_of(name, text, known)).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.word(name, &[("true", true), ("false", false)])
    }
}

/// The value of a word.
pub(super) fn one_of<T: Copy>(name: &str, text: &str, known: &[(&str, T)]) -> Result<T, ApiError> {
    let words = || known.iter().map(|(w, _)| *w).collect::<Vec<_>>().join(", ");
    let found = known.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| ApiError::value(name, format!("must be one of {}", words())))
}

/// What a call takes from its query.
pub(super) trait FromQuery: Sized {
    fn read(params: &Params) -> Result<Self, ApiError>;
}

/// The query of a call.
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: FromQuery> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        T::read(&Params::of(parts)).map(Self)
    }
}

/// The `{id}` of a path.
pub(super) struct Id(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, all: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, all).await.ok();
        let text = params
            .iter()
            .flatten()
            .find_map(|(name, text)| (name == "id").then_some(text));
        // One that cannot be decoded is no number either.
        let id = NumberRange::IDS.read(text.unwrap_or_default());
        id.map(Self).map_err(|why| ApiError::number("id", why))
    }
}
