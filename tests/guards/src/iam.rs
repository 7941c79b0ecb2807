//! Whether a role's policies allow a call (AWS, *IAM User Guide*, policy evaluation logic and condition operators), as far as
//! template.yaml uses them. A form that is not known here is an error, never a yes.

use std::collections::BTreeMap;

use serde_json::Value;

/// One thing that a call asks leave for. A call may ask for several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `service:Action`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// Condition keys with their values.
    pub context: BTreeMap<String, Vec<String>>,
}

impl Asked {
    /// An action on a resource.
    #[must_use]
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: BTreeMap::new(),
        }
    }

    /// With a condition key's values.
    #[must_use]
    pub fn with(mut self, key: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.context.insert(key.to_owned(), values);
        self
    }
}

/// Whether a text fits a pattern with `*` and `?`.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // What follows the last star, and where it was tried.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The texts of one value or of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => vec![],
        other => vec![other.to_string()],
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

/// One value against one of the policy's.
fn compares(operator: &str, wanted: &str, found: &str) -> bool {
    match operator {
        "StringEquals" | "Bool" => wanted == found,
        "StringLike" | "ArnLike" => fits(wanted, found),
        "NumericGreaterThanEquals" => number(found) >= number(wanted),
        other => panic!("the condition operator {other} is not known here"),
    }
}

fn condition_holds(operator: &str, key: &str, wanted: &Value, asked: &Asked) -> bool {
    let wanted = texts(wanted);
    let found = asked.context.get(key).filter(|found| !found.is_empty());
    if operator == "Null" {
        return wanted == [found.is_none().to_string()];
    }
    let one_fits = |operator: &str, found: &String| wanted.iter().any(|w| compares(operator, w, found));
    if let Some(operator) = operator.strip_prefix("ForAllValues:") {
        return found.is_none_or(|found| found.iter().all(|f| one_fits(operator, f)));
    }
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    match found {
        None => if_exists,
        Some(found) => {
            assert_eq!(found.len(), 1, "{key} has one value, or the operator names a set");
            one_fits(operator, &found[0])
        }
    }
}

/// A statement that allows something, its values worked out.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its name.
    pub sid: String,
    /// What it allows.
    pub actions: Vec<String>,
    resources: Vec<String>,
    conditions: Value,
}

impl Statement {
    /// Reads one.
    ///
    /// # Panics
    /// If it has another form.
    #[must_use]
    pub fn read(statement: &Value) -> Self {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        for field in statement.as_object().unwrap().keys() {
            let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
            assert!(known.contains(&field.as_str()), "{field} is not known here");
        }
        Self {
            sid: statement["Sid"].as_str().unwrap_or_default().to_owned(),
            actions: texts(&statement["Action"]),
            resources: texts(&statement["Resource"]),
            conditions: statement["Condition"].clone(),
        }
    }

    /// Whether it allows that.
    #[must_use]
    pub fn allows(&self, asked: &Asked) -> bool {
        let operators = self.conditions.as_object().into_iter().flatten();
        let mut conditions = operators
            .flat_map(|(operator, keys)| keys.as_object().unwrap().iter().map(move |k| (operator, k)));
        self.actions.contains(&asked.action)
            && self
                .resources
                .iter()
                .any(|pattern| fits(pattern, &asked.resource))
            && conditions.all(|(operator, (key, wanted))| condition_holds(operator, key, wanted, asked))
    }

    /// The values that a condition key may have, whatever the operator.
    #[must_use]
    pub fn allowed_values(&self, key: &str) -> Vec<String> {
        let operators = self.conditions.as_object().into_iter().flatten();
        let of_key = operators
            .filter(|(operator, _)| *operator != "Null")
            .filter_map(|(_, keys)| keys.get(key));
        of_key.flat_map(texts).collect()
    }

    /// The same without some of them.
    #[must_use]
    pub fn without_value(&self, key: &str, value: &str) -> Self {
        let mut less = self.clone();
        for (_, keys) in less.conditions.as_object_mut().into_iter().flatten() {
            if let Some(Value::Array(values)) = keys.get_mut(key) {
                values.retain(|v| v != value);
            }
        }
        less
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("secret:p/api-tokens-??????", "secret:p/api-tokens-AbCdEf", true),
            ("secret:p/api-tokens-??????", "secret:p/api-tokens", false),
            ("NAME#*", "NAMES#x", false),
            ("*:x*y", "a:xxy", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    fn allowed(condition: &Value, asked: &Asked) -> bool {
        let statement = json!({"Effect": "Allow", "Action": "s:A", "Resource": "r*", "Condition": condition});
        Statement::read(&statement).allows(asked)
    }

    #[test]
    fn conditions() {
        let asked = || Asked::new("s:A", "r1");
        let keys = json!({"ForAllValues:StringLike": {"k": ["A#*", "B"]}, "Null": {"k": "false"}});
        for (values, expected) in [
            (vec!["A#1"], true),
            (vec!["A#1", "B"], true),
            (vec!["A#1", "C"], false),
            (vec!["BB"], false),
            (vec![], false),
        ] {
            assert_eq!(
                allowed(&keys, &asked().with("k", values.clone())),
                expected,
                "{values:?}"
            );
        }
        assert!(!allowed(&keys, &asked()), "the key must be there");
        let window = json!({"NumericGreaterThanEquals": {"days": "7"}, "BoolIfExists": {"force": "false"}});
        assert!(allowed(&window, &asked().with("days", ["7"])));
        assert!(allowed(
            &window,
            &asked().with("days", ["30"]).with("force", ["false"])
        ));
        assert!(!allowed(&window, &asked().with("days", ["6"])));
        assert!(!allowed(
            &window,
            &asked().with("days", ["7"]).with("force", ["true"])
        ));
        assert!(!allowed(&window, &asked()), "without a window it is not said");
        assert!(!allowed(&json!(null), &Asked::new("s:B", "r1")));
        assert!(!allowed(&json!(null), &Asked::new("s:A", "q1")));
    }
}
