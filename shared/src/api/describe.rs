//! What a handler's arguments and its answer say about its call in OpenAPI.

use std::collections::BTreeMap;

use axum::extract::State;
use serde_json::json;
use utoipa::{
    IntoParams, IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        path::{Operation, Parameter, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{AllOfBuilder, ArrayBuilder, KnownFormat, SchemaFormat, SchemaType, Type},
        security::SecurityRequirement,
    },
};

use super::{
    auth::Scope,
    body::FromBody,
    envelope::Answer,
    error::ApiError,
    paging::Paged,
    payload::{Json, NoBody, Once, Repeatable},
    query::{FromQuery, Id, Query},
    state::Now,
};
use certmint_core::issuance::Fallback;

/// The name of the security scheme.
pub(super) const TOKEN: &str = "token";
const JSON: &str = "application/json";

/// Schemas by name.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// A kind of refusal.
pub(super) struct Failure {
    name: &'static str,
    status: &'static str,
    description: &'static str,
    example: Option<(u16, &'static str)>,
}

impl Failure {
    const fn new(name: &'static str, status: &'static str, description: &'static str) -> Self {
        Self {
            name,
            status,
            description,
            example: None,
        }
    }

    const fn with_example(self, code: u16, message: &'static str) -> Self {
        Self {
            example: Some((code, message)),
            ..self
        }
    }

    fn at(&self) -> (String, RefOr<Response>) {
        (self.status.into(), Ref::from_response_name(self.name).into())
    }

    pub(super) fn response(&self) -> (String, RefOr<Response>) {
        let example = |(code, message)| json!({ "code": code, "message": message, "data": null });
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Error")))
            .example(self.example.map(example));
        let response = ResponseBuilder::new()
            .description(self.description)
            .content(JSON, content.build());
        (self.name.into(), response.build().into())
    }
}

const BAD_INPUT: Failure = Failure::new(
    "BadInput",
    "400",
    "2001 missing, 2002 wrong format, 2003 value not allowed",
)
.with_example(2001, "accountId is missing");
const UNAUTHORIZED: Failure = Failure::new(
    "Unauthorized",
    "401",
    "1001 no token, 1002 not valid, 1003 expired",
)
.with_example(1002, "the token is not valid");
const OUT_OF_SCOPE: Failure = Failure::new(
    "OutOfScope",
    "403",
    "1004 the token has not the scope of this call",
);
const NOT_FOUND: Failure = Failure::new("NotFound", "404", "3001 there is no such record or call")
    .with_example(3001, "request 7 does not exist");
const CONFLICT: Failure = Failure::new(
    "Conflict",
    "409",
    "3002 exists already, 3003 the present state does not allow it",
);
const INTERNAL: Failure = Failure::new("Internal", "500", "5001 internal, 5002 the store");
const OUTSIDE: Failure = Failure::new(
    "OutsideService",
    "502",
    "5003 the key vault (Secrets Manager or KMS)",
);
pub(super) const FAILURES: [Failure; 7] = [
    BAD_INPUT,
    UNAUTHORIZED,
    OUT_OF_SCOPE,
    NOT_FOUND,
    CONFLICT,
    INTERNAL,
    OUTSIDE,
];

/// What a call speaks of may not exist.
pub(super) struct NotFound;

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [NOT_FOUND.at()].into()
    }
}

/// What a call speaks of may be in a state that does not allow it.
pub(super) struct Conflict;

impl IntoResponses for Conflict {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [CONFLICT.at()].into()
    }
}

/// A call as its handler's arguments describe it.
pub(super) struct Description<'a> {
    operation: &'a mut Operation,
    /// The schemas of its body.
    pub(super) taken: Schemas,
    /// The schemas of its answer.
    pub(super) given: Schemas,
}

impl<'a> Description<'a> {
    pub(super) fn new(operation: &'a mut Operation) -> Self {
        Self {
            operation,
            taken: Vec::new(),
            given: Vec::new(),
        }
    }

    pub(super) fn needs(&mut self, scope: Scope) {
        self.operation.security = Some(vec![SecurityRequirement::new(TOKEN, [scope.as_str()])]);
        for failure in [UNAUTHORIZED, OUT_OF_SCOPE, INTERNAL, OUTSIDE] {
            self.may_fail(&failure);
        }
    }

    fn may_fail(&mut self, failure: &Failure) {
        let (status, response) = failure.at();
        self.operation.responses.responses.insert(status, response);
    }

    fn parameters(&mut self, some: impl IntoIterator<Item = RefOr<Parameter>>) {
        self.may_fail(&BAD_INPUT);
        self.operation.parameters.get_or_insert_default().extend(some);
    }

    fn shared(&mut self, names: &[&str]) {
        let at = |name: &&str| RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")));
        self.parameters(names.iter().map(at));
    }

    fn body<T: FromBody + ToSchema>(&mut self) {
        self.may_fail(&BAD_INPUT);
        let content = ContentBuilder::new().schema(Some(named::<T>(&mut self.taken)));
        let required = if T::OPTIONAL {
            Required::False
        } else {
            Required::True
        };
        let body = RequestBodyBuilder::new()
            .content(JSON, content.build())
            .required(Some(required));
        self.operation.request_body = Some(body.build().into());
    }
}

/// A reference to a type's schema, which is written down with those that it refers to.
fn named<T: ToSchema>(schemas: &mut Schemas) -> Ref {
    let name = T::name();
    schemas.push((name.to_string(), T::schema()));
    T::schemas(schemas);
    Ref::from_schema_name(name)
}

/// What an argument or an answer of a handler says about its call.
pub(super) trait Part {
    fn describe(call: &mut Description<'_>);
}

impl<T> Part for State<T> {
    fn describe(_: &mut Description<'_>) {}
}

impl Part for Now {
    fn describe(_: &mut Description<'_>) {}
}

impl Part for NoBody {
    fn describe(call: &mut Description<'_>) {
        call.may_fail(&BAD_INPUT);
    }
}

impl Part for Id {
    fn describe(call: &mut Description<'_>) {
        call.shared(&["PathId"]);
    }
}

impl<F: FromQuery + IntoParams> Part for Paged<F> {
    fn describe(call: &mut Description<'_>) {
        call.shared(&["Page", "PageSize", "Cursor"]);
        let filter = F::into_params(|| Some(ParameterIn::Query));
        call.parameters(filter.into_iter().map(RefOr::T));
    }
}

impl<T: FromQuery + IntoParams> Part for Query<T> {
    fn describe(call: &mut Description<'_>) {
        let parameters = T::into_params(|| Some(ParameterIn::Query));
        call.parameters(parameters.into_iter().map(RefOr::T));
    }
}

impl<T: FromBody + ToSchema> Part for Json<T> {
    fn describe(call: &mut Description<'_>) {
        call.body::<T>();
    }
}

impl<T: Repeatable + ToSchema> Part for Once<T> {
    fn describe(call: &mut Description<'_>) {
        call.shared(&["IdempotencyKey"]);
        call.body::<T>();
    }
}

impl<T: ToSchema> Part for Result<Answer<T>, ApiError> {
    fn describe(call: &mut Description<'_>) {
        let data = ObjectBuilder::new().property("data", named::<T>(&mut call.given));
        let envelope = AllOfBuilder::new()
            .item(Ref::from_schema_name("Success"))
            .item(data);
        let content = ContentBuilder::new().schema(Some(envelope));
        let response = ResponseBuilder::new()
            .description("Done")
            .content(JSON, content.build());
        let responses = &mut call.operation.responses.responses;
        responses.insert("200".into(), response.build().into());
    }
}

/// A schema of one of some words.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
}

/// The same, or null.
pub(super) fn words_or_null<'a>(words: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    let values = words.into_iter().map(|word| json!(word)).chain([json!(null)]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values))
}

/// Ids of accounts, each once, or null.
pub(super) fn ids_or_null() -> ArrayBuilder {
    let kinds = SchemaType::from_iter([Type::Array, Type::Null]);
    ids().schema_type(kinds)
}

/// Ids of accounts, each once.
pub(super) fn ids() -> ArrayBuilder {
    let id = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1));
    ArrayBuilder::new()
        .items(id)
        .unique_items(true)
        .max_items(Some(Fallback::MOST))
        .description(Some("Accounts to go on with, in this order, each once"))
}

/// No data.
#[derive(serde::Serialize)]
pub(super) struct Nothing;

impl utoipa::PartialSchema for Nothing {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Null).into()
    }
}

impl ToSchema for Nothing {}
