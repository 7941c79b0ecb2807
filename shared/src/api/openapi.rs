//! The description of the API in OpenAPI 3.1, from the handlers. It is made for `infra/openapi.yaml` and for tests,
//! never by a function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use utoipa::{
    IntoParams, OpenApi as _, Path,
    openapi::{
        ObjectBuilder, OpenApi, RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{KnownFormat, SchemaFormat, SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    describe::{Description, FAILURES, Failure, TOKEN},
    error::CODES,
    paging::{CursorParam, PageParams},
    route::Call,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "certmint",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
        description = "TLS certificates through ACME DNS-01.\n\n\
            Every answer is `{\"code\": …, \"message\": …, \"data\": …}`. `code` is 0 on success; `message` names the \
            field and the fix.\nThe calls under `/acme/account/create` and `/acme/certificate/…` speak snake_case, all \
            others camelCase. A path that is none\nof these is 404 with code 3001; a method that a path does not take \
            is 405 with code 3001 and `Allow`.\ndocs/api.md says the same in words, with the query behind each call.",
    ),
    servers((
        url = "{base}",
        description = "The stack's output ApiUrl",
        variables(("base" = (default = "http://localhost:3000"))),
    )),
    security(("token" = [])),
    tags(
        (name = "accounts", description = "Accounts with CAs, and the CAs"),
        (name = "requests", description = "Requests for certificates"),
        (name = "certificates", description = "Certificates and where they are used"),
        (name = "challenges", description = "TXT values of DNS-01 challenges"),
        (name = "service", description = "The service itself"),
    ),
)]
struct Frame;

/// The document as far as it is made.
pub(super) struct Document {
    document: OpenApi,
    schemas: BTreeMap<String, RefOr<Schema>>,
    /// The schemas of answers.
    answered: BTreeSet<String>,
}

impl Document {
    pub(super) fn new() -> Self {
        Self {
            document: Frame::openapi(),
            schemas: [success(), error()].into(),
            answered: BTreeSet::new(),
        }
    }

    pub(super) fn add<P: Path, T, S, H: Call<T, S>>(&mut self, tag: &str, _: H) {
        let mut operation = P::operation();
        operation.tags = Some(vec![tag.to_owned()]);
        let mut call = Description::new(&mut operation);
        H::describe(&mut call);
        let (taken, given) = (call.taken, call.given);
        self.answered.extend(given.iter().map(|(name, _)| name.clone()));
        self.schemas.extend(taken.into_iter().chain(given));
        if H::SCOPE.is_none() {
            operation.security = Some(Vec::new());
        }
        let paths = &mut self.document.paths;
        paths.add_path_operation(P::path(), P::methods(), operation);
    }

    pub(super) fn finish(self) -> OpenApi {
        let Self {
            mut document,
            mut schemas,
            answered,
        } = self;
        for (_, schema) in schemas.iter_mut().filter(|(name, _)| answered.contains(*name)) {
            require_nullable(schema);
        }
        let components = document.components.get_or_insert_default();
        components.schemas = schemas;
        components.parameters = parameters();
        components.responses = FAILURES.iter().map(Failure::response).collect();
        components.add_security_scheme(TOKEN, token());
        document
    }
}

/// A field of an answer that may be null is always there; one that may be missing is never null.
fn require_nullable(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else {
        return;
    };
    for (name, property) in &object.properties {
        let is_null = |t: &SchemaType| matches!(t, SchemaType::Array(types) if types.contains(&Type::Null));
        let may_be_null = match property {
            RefOr::T(Schema::Object(object)) => is_null(&object.schema_type),
            RefOr::T(Schema::Array(array)) => is_null(&array.schema_type),
            RefOr::T(Schema::OneOf(one)) => one.items.iter().any(|item| {
                matches!(item, RefOr::T(Schema::Object(o)) if o.schema_type == SchemaType::Type(Type::Null))
            }),
            _ => false,
        };
        if may_be_null && !object.required.contains(name) {
            object.required.push(name.clone());
        }
    }
}

fn token() -> SecurityScheme {
    let description = "A call names the scope that its token must have: `read`, `write` or `keys`. A token without \
        scopes has read and write. The scope keys, which the downloads need, must be named.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    SecurityScheme::Http(scheme.description(Some(description)).build())
}

fn success() -> (String, RefOr<Schema>) {
    let of = |kind, value| ObjectBuilder::new().schema_type(kind).enum_values(Some([value]));
    let schema = ObjectBuilder::new()
        .property("code", of(Type::Integer, json!(0)))
        .property("message", of(Type::String, json!("success")))
        .property("data", ObjectBuilder::new().schema_type(SchemaType::AnyValue));
    let schema = ["code", "message", "data"]
        .into_iter()
        .fold(schema, ObjectBuilder::required);
    ("Success".into(), schema.into())
}

fn error() -> (String, RefOr<Schema>) {
    let code = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some(CODES));
    let message = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("A sentence that names the field and the fix"));
    let schema = ObjectBuilder::new()
        .property("code", code)
        .property("message", message)
        .property("data", ObjectBuilder::new().schema_type(SchemaType::AnyValue));
    let schema = ["code", "message", "data"]
        .into_iter()
        .fold(schema, ObjectBuilder::required);
    ("Error".into(), schema.into())
}

fn parameters() -> BTreeMap<String, RefOr<Parameter>> {
    let query = || Some(ParameterIn::Query);
    let mut found = BTreeMap::new();
    for parameter in PageParams::into_params(query)
        .into_iter()
        .chain(CursorParam::into_params(query))
    {
        let name = parameter.name.clone();
        let (first, rest) = name.split_at(1);
        found.insert(format!("{}{rest}", first.to_uppercase()), parameter.into());
    }
    let id = ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(1)),
        ));
    found.insert("PathId".into(), id.build().into());
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 255 visible ASCII characters. Within a day the same key with the same body gives the record of the \
             first call, with another body 409.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]+$")),
        ));
    found.insert("IdempotencyKey".into(), key.build().into());
    found
}
