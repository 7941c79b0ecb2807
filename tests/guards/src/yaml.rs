//! YAML as JSON. A CloudFormation tag becomes its long form: `!Ref X` is `{"Ref": "X"}`, `!Sub` is `{"Fn::Sub": …}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

fn text(key: &Yaml<'_>) -> String {
    match json_of(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn json_of(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| (text(key), json_of(value)));
            Value::Object(entries.collect())
        }
        Yaml::Tagged(tag, inner) => {
            let name = match tag.suffix.as_str() {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            Value::Object(Map::from_iter([(name, json_of(inner))]))
        }
        other => panic!("{other:?} is not read"),
    }
}

/// Reads one document.
///
/// # Panics
/// If it is no YAML.
#[must_use]
pub fn read(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).expect("YAML");
    json_of(documents.first().expect("one document"))
}
