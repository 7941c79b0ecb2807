//! Lists, a page at a time.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Schema, Type,
        path::{Parameter, ParameterIn},
    },
};

use super::{
    cursor::ListName,
    error::ApiError,
    query::{FromQuery, Params},
};
use certmint_core::words::{NumberRange, Page, PageRequest};

/// The page of a list that a call asks for, and the list's filter.
pub(super) struct Paged<F = Everything> {
    pub(super) page: PageRequest,
    pub(super) asked: F,
    list: ListName,
}

/// The filter of a list that has none.
pub(super) struct Everything;

impl FromQuery for Everything {
    fn read(_: &Params) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

impl IntoParams for Everything {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![]
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by `Paged`, described here")]
pub(super) struct PageParams {
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by `Paged`, described here")]
pub(super) struct CursorParam {
    /// nextCursor of an earlier page of this list with the same filter; wins over page. Steady while rows are added, and
    /// as fast on page 1,000.
    cursor: Option<String>,
}

fn numbers(params: &Params) -> Result<PageRequest, ApiError> {
    let number = |name, most: u32, default: u32| -> Result<u32, ApiError> {
        let found = params.number(name, NumberRange::new(1, most.into()))?;
        Ok(found.and_then(|n| u32::try_from(n).ok()).unwrap_or(default))
    };
    Ok(PageRequest {
        page: number("page", 1_000_000, 1)?,
        page_size: number("pageSize", 100, 20)?,
        cursor: None,
    })
}

impl<S: Send + Sync, F: FromQuery> FromRequestParts<S> for Paged<F> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let page = numbers(&Params::of(parts))?;
        let params = Params::of(parts);
        let asked = F::read(&params)?;
        let list = ListName::new(parts.uri.path(), params.looked_at());
        let cursor = params
            .get("cursor")?
            .map(|cursor| list.place(cursor))
            .transpose()?;
        let page = PageRequest { cursor, ..page };
        Ok(Self { page, asked, list })
    }
}

impl<F> Paged<F> {
    /// The answer with a page of this list.
    pub(super) fn answer<R, T>(&self, page: Page<R>, row: impl FnMut(R) -> T) -> List<T> {
        List {
            list: page.list.into_iter().map(row).collect(),
            total: page.total,
            page: self.page.page,
            page_size: self.page.page_size,
            next_cursor: page.next_cursor.map(|place| self.list.cursor(&place)),
        }
    }
}

/// A page of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    list: Vec<T>,
    total: u64,
    page: u32,
    page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let text = ObjectBuilder::new().schema_type(Type::String);
        let rows = Ref::from_schema_name(T::name()).to_array_builder();
        let of_list = "Where the next page starts; the list ends where there is none";
        let list = ObjectBuilder::new()
            .property("list", rows)
            .property("total", number().description(Some("Rows in the whole list")))
            .property("page", number())
            .property("pageSize", number())
            .property("nextCursor", text.description(Some(of_list)));
        let always = ["list", "total", "page", "pageSize"];
        always.into_iter().fold(list, ObjectBuilder::required).into()
    }
}

/// Named after its rows.
impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}
