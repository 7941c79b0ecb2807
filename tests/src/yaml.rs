//! JSON as YAML that a person can read, fields in their order.

use std::fmt::{self, Write};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

enum Node {
    /// As JSON writes it, which YAML reads the same.
    Scalar(String),
    /// A text of several lines.
    Lines(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar("null".into()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(match value.contains('\n') {
            true => Node::Lines(value.to_owned()),
            false => Node::Scalar(scalar(value)),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some((name, node)) = access.next_entry::<String, Node>()? {
            map.push((scalar(&name), node));
        }
        Ok(Node::Map(map))
    }
}

/// A text, plain where no reader takes it for anything else.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_-.{}$ ,;()".contains(c))
        && !text.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    match is_word {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

impl Node {
    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Scalar(text) => {
                let _ = writeln!(out, " {text}");
            }
            Self::Lines(text) => {
                out.push_str(" |-\n");
                for line in text.lines() {
                    let indent = if line.is_empty() { 0 } else { depth };
                    let _ = writeln!(out, "{}{line}", "  ".repeat(indent));
                }
            }
            Self::List(list) if list.iter().all(|node| matches!(node, Self::Scalar(_))) => {
                let words = list.iter().filter_map(|node| match node {
                    Self::Scalar(text) => Some(text.as_str()),
                    _ => None,
                });
                // A comma would end a plain word here.
                let quoted = words.map(|w| {
                    if w.contains([',', '{', '}']) {
                        format!("{w:?}")
                    } else {
                        w.into()
                    }
                });
                let _ = writeln!(out, " [{}]", quoted.collect::<Vec<String>>().join(", "));
            }
            Self::Map(map) if map.is_empty() => out.push_str(" {}\n"),
            Self::List(list) => {
                out.push('\n');
                for node in list {
                    let start = out.len();
                    let _ = write!(out, "{}-", "  ".repeat(depth));
                    node.write(out, depth + 1);
                    // A map begins on the line of its dash.
                    let indent = format!("-\n{}", "  ".repeat(depth + 1));
                    if let Some(at) = out[start..].find(&indent).filter(|at| *at == depth * 2) {
                        out.replace_range(start + at..start + at + indent.len(), "- ");
                    }
                }
            }
            Self::Map(map) => {
                if !out.is_empty() {
                    out.push('\n');
                }
                for (name, node) in map {
                    let _ = write!(out, "{}{name}:", "  ".repeat(depth));
                    node.write(out, depth + 1);
                }
            }
        }
    }
}

/// The YAML of a JSON text.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn of_json(text: &str) -> String {
    let node: Node = serde_json::from_str(text).expect("JSON");
    let mut out = String::new();
    node.write(&mut out, 0);
    out
}
