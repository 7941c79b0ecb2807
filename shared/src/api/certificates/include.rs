//! What a list has beside its rows' own fields, if it is asked for.

use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use crate::api::{
    describe::words,
    error::ApiError,
    query::{FromQuery, Params},
};

const PEM: &str = "pem";

/// Whether rows have their PEM.
pub(in crate::api) struct Include {
    pub(in crate::api) pem: bool,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read as `Include`, described here")]
struct Written {
    /// `pem`: rows have `certificatePem` too; such a page is cut by its bytes sooner.
    #[param(schema_with = include_words)]
    include: Option<String>,
}

fn include_words() -> utoipa::openapi::ObjectBuilder {
    words([PEM])
}

impl IntoParams for Include {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Written::into_params(place)
    }
}

impl FromQuery for Include {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let pem = params.word("include", &[(PEM, true)])?;
        Ok(Self {
            pem: pem.unwrap_or(false),
        })
    }
}
