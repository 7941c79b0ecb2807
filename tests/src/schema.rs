//! Calls and answers against the API's own description, so that null, optional and every field that is there are as
//! `infra/openapi.yaml` says.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The description; `tests/openapi.rs` keeps the file the same.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(certmint_shared::api::openapi()).expect("JSON"));

type Checked = Result<(), String>;

/// A call and what was answered.
pub struct Exchange<'a> {
    /// `GET`, …
    pub method: &'a str,
    /// The path with its query.
    pub target: &'a str,
    /// What was sent.
    pub body: &'a [u8],
    /// The HTTP status.
    pub status: u16,
    /// What came back.
    pub answer: &'a str,
}

impl Exchange<'_> {
    /// Whether the answer fits the call's description and, if it was accepted, so does what was sent.
    ///
    /// # Errors
    /// The first place that does not fit.
    pub fn check(&self) -> Checked {
        if self.method == "HEAD" {
            return fits(self.answer.is_empty(), || "HEAD has no body".into());
        }
        let answer: Value = serde_json::from_str(self.answer).map_err(|e| e.to_string())?;
        // API Gateway's own, if the function did not answer.
        if self.status >= 500 && answer.get("message").is_some() && answer.get("code").is_none() {
            return Ok(());
        }
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let Some(operation) = operation(self.method, path) else {
            fits(matches!(self.status, 401 | 403 | 404 | 405), || {
                format!("{} {path} is not described", self.method)
            })?;
            return schema(&json!({"$ref": "#/components/schemas/Error"}), &answer, "answer");
        };
        let response = operation["responses"].get(self.status.to_string());
        let response = response.ok_or_else(|| format!("{} is not described", self.status))?;
        schema(json_of(resolved(response)), &answer, "answer")?;
        if self.status != 200 {
            return Ok(());
        }
        parameters(operation, query)?;
        match (&operation["requestBody"], self.body) {
            (Value::Null, _) => Ok(()),
            (wanted, []) => fits(wanted["required"] == false, || "a body is required".into()),
            (wanted, body) => {
                let body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
                schema(json_of(wanted), &body, "body")
            }
        }
    }
}

fn fits(holds: bool, why: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(why()) }
}

fn json_of(content: &Value) -> &Value {
    &content["content"]["application/json"]["schema"]
}

/// What a reference refers to.
fn resolved(value: &Value) -> &Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(at) => DOCUMENT
            .pointer(at.trim_start_matches('#'))
            .expect("a reference leads somewhere"),
        None => value,
    }
}

/// The operation of a path; a path without an id comes before one with.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    // As the API does, which leaves out what is empty.
    let given: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is = |template: &str| {
        let wanted: Vec<&str> = template.split('/').skip(1).collect();
        wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || *w == "{id}")
    };
    let found = paths.keys().filter(|template| is(template));
    let template = found.min_by_key(|template| template.contains("{id}"))?;
    paths[template].get(method.to_ascii_lowercase())
}

/// A parameter that is sent fits its schema; unknown ones are ignored.
fn parameters(operation: &Value, query: &str) -> Checked {
    let empty = Vec::new();
    for parameter in operation["parameters"].as_array().unwrap_or(&empty) {
        let parameter = resolved(parameter);
        let name = parameter["name"].as_str().unwrap_or_default();
        let sent = query.split('&').filter_map(|pair| pair.split_once('='));
        let sent = sent
            .filter(|(n, v)| *n == name && !v.is_empty())
            .map(|(_, v)| v)
            .next();
        if parameter["in"] == "query" && parameter["required"] == true {
            fits(sent.is_some(), || format!("{name} is required"))?;
        }
        if let Some(text) = sent {
            let is = |kind: &str| types(&parameter["schema"]).any(|t| t == kind);
            let value = match serde_json::from_str(text) {
                Ok(value) if is("integer") || is("boolean") => value,
                _ => Value::from(text),
            };
            schema(&parameter["schema"], &value, name)?;
        }
    }
    Ok(())
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema["type"].as_str();
    let several = schema["type"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    one.into_iter().chain(several)
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type of JSON: {other}"),
    }
}

/// A value that fits, no field of which is left undescribed.
fn schema(schema: &Value, value: &Value, at: &str) -> Checked {
    let mut described = Vec::new();
    part(schema, value, at, &mut described)?;
    match value {
        Value::Object(fields) if !described.is_empty() => {
            let unknown = fields.keys().find(|field| !described.contains(&field.as_str()));
            unknown.map_or(Ok(()), |field| Err(format!("{at}.{field} is not described")))
        }
        _ => Ok(()),
    }
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// The same of a part of a schema; the fields that it describes are added.
fn part<'a>(part_of: &'a Value, value: &Value, at: &str, described: &mut Vec<&'a str>) -> Checked {
    for (keyword, wanted) in fields(part_of) {
        let number = || value.as_f64().zip(wanted.as_f64());
        let count = |found: Option<usize>| found.zip(wanted.as_u64().and_then(|n| usize::try_from(n).ok()));
        let length = || count(value.as_str().map(|text| text.chars().count()));
        let items = || count(value.as_array().map(Vec::len));
        let holds = match keyword.as_str() {
            "$ref" => {
                part(resolved(part_of), value, at, described)?;
                true
            }
            "type" => types(part_of).any(|kind| is_of(kind, value)),
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => number().is_none_or(|(n, least)| n >= least),
            "maximum" => number().is_none_or(|(n, most)| n <= most),
            "minLength" => length().is_none_or(|(n, least)| n >= least),
            "maxLength" => length().is_none_or(|(n, most)| n <= most),
            "minItems" => items().is_none_or(|(n, least)| n >= least),
            "uniqueItems" => value
                .as_array()
                .is_none_or(|all| all.iter().enumerate().all(|(n, item)| !all[..n].contains(item))),
            "maxItems" => items().is_none_or(|(n, most)| n <= most),
            "minProperties" => count(value.as_object().map(Map::len)).is_none_or(|(n, least)| n >= least),
            "format" if wanted == "date-time" => value
                .as_str()
                .is_none_or(|text| text.ends_with('Z') && OffsetDateTime::parse(text, &Rfc3339).is_ok()),
            "required" => wanted
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .all(|name| !value.is_object() || value.get(name).is_some()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    schema(wanted, item, &format!("{at}[{index}]"))?;
                }
                true
            }
            "properties" => {
                for (name, wanted) in fields(wanted) {
                    described.push(name);
                    if let Some(field) = value.get(name) {
                        schema(wanted, field, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" if wanted.is_object() => {
                for (name, field) in fields(value) {
                    schema(wanted, field, &format!("{at}.{name}"))?;
                }
                true
            }
            "allOf" => {
                for one in wanted.as_array().into_iter().flatten() {
                    part(one, value, at, described)?;
                }
                true
            }
            "oneOf" => {
                let all = wanted.as_array().into_iter().flatten();
                let tried: Vec<Checked> = all.map(|one| schema(one, value, at)).collect();
                let fitting = tried.iter().filter(|one| one.is_ok()).count();
                fits(fitting == 1, || {
                    format!("{at} fits {fitting} of these: {tried:?}")
                })?;
                true
            }
            // What is left over is refused in any case.
            "additionalProperties" => *wanted == false,
            // These say nothing that can be checked here.
            "description" | "default" | "example" | "examples" | "format" | "pattern" | "writeOnly"
            | "propertyNames" => true,
            other => panic!("the schema's keyword {other} is not checked"),
        };
        fits(holds, || format!("{at} does not fit {keyword} {wanted}: {value}"))?;
    }
    Ok(())
}
