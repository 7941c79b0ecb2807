//! What no schema knows: that template.yaml and infra/openapi.yaml say what the code says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod least;
mod page;
mod roles;
mod stack;

use std::path::PathBuf;

use certmint_guards::{files, yaml};
use serde_json::Value;

fn file(path: &str) -> PathBuf {
    files::root().join(path)
}

fn read(path: &str) -> Value {
    yaml::read(&std::fs::read_to_string(file(path)).unwrap())
}

fn template() -> Value {
    read("template.yaml")
}

/// Adapters and what is above them; the tests of single files stand in the same files.
fn shared() -> Vec<PathBuf> {
    files::below(&file("shared/src"))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => vec![],
        other => panic!("{other} is no text"),
    }
}
