//! Queries and paths. Unknown query parameters are ignored, of repeated ones the first counts.

use std::{cell::RefCell, str::FromStr};

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::{error::ApiError, state::Capabilities};

/// The parameters of a query, decoded, in order, and those of them that were looked at.
pub(super) struct Params {
    all: Vec<(String, String)>,
    looked_at: RefCell<Vec<(String, String)>>,
}

impl Params {
    pub(super) fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self {
            all: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            looked_at: RefCell::default(),
        }
    }

    /// What was found so far.
    pub(super) fn looked_at(&self) -> Vec<(String, String)> {
        self.looked_at.borrow().clone()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.all.iter().find(|(n, v)| n == name && !v.is_empty());
        self.looked_at.borrow_mut().extend(found.cloned());
        found.map(|(_, value)| value.as_str())
    }

    /// A value that parses, or says itself why not.
    pub(super) fn parsed<T>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|why| ApiError::value(name, why))
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|_| ApiError::format(name, "must be a number"))
    }

    pub(super) fn word<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        self.get(name).map(|text| one_of(name, text, known)).transpose()
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

impl<T: FromQuery> FromRequestParts<Capabilities> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Capabilities) -> Result<Self, ApiError> {
        T::read(&Params::of(parts)).map(Self)
    }
}

/// The `{id}` of a path.
pub(super) struct Id(pub(super) u64);

impl FromRequestParts<Capabilities> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, all: &Capabilities) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, all).await.ok();
        let text = params
            .iter()
            .flatten()
            .find_map(|(name, text)| (name == "id").then_some(text));
        let id = text.and_then(|text| text.parse().ok()).filter(|id| *id > 0);
        id.map(Self)
            .ok_or_else(|| ApiError::format("id", "must be a positive integer"))
    }
}
