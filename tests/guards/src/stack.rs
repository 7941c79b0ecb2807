//! A template as a stack of it is: parameters, conditions and intrinsic functions worked out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The account, the region and the partition of every stack here.
pub const ACCOUNT: &str = "000000000000";
/// See [`ACCOUNT`].
pub const REGION: &str = "us-east-1";

/// A template with its parameters' values.
pub struct Stack {
    template: Value,
    /// What `Ref` gives: of parameters, of pseudo parameters, of resources that the caller names.
    known: BTreeMap<String, Value>,
}

/// What is left out of lists and fields, as `AWS::NoValue` is.
const LEFT_OUT: Value = Value::Null;

impl Stack {
    /// The template with its defaults, but for what is given: parameters, and physical ids of resources. A list has commas.
    ///
    /// # Panics
    /// If the template has no parameters.
    #[must_use]
    pub fn new(template: Value, given: &[(&str, &str)]) -> Self {
        let parameters = template["Parameters"].as_object().unwrap().clone();
        let is_list = |name: &str| {
            parameters
                .get(name)
                .is_some_and(|p| p["Type"] == "CommaDelimitedList")
        };
        let value = |name: &str, text: &str| match is_list(name) {
            true => text.split(',').map(Value::from).collect(),
            false => Value::from(text),
        };
        let default = |parameter: &Value| match &parameter["Default"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut known: BTreeMap<String, Value> = [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Region", REGION),
            ("AWS::Partition", "aws"),
            ("AWS::URLSuffix", "amazonaws.com"),
            ("AWS::StackName", "certmint"),
        ]
        .map(|(name, text)| (name.to_owned(), text.into()))
        .into();
        known.insert("AWS::NoValue".into(), LEFT_OUT);
        known.extend(
            parameters
                .iter()
                .map(|(name, p)| (name.clone(), value(name, &default(p)))),
        );
        known.extend(
            given
                .iter()
                .map(|(name, text)| ((*name).to_owned(), value(name, text))),
        );
        Self { template, known }
    }

    /// The resources that the stack has, by their names, as written.
    ///
    /// # Panics
    /// If the template has none.
    #[must_use]
    pub fn resources(&self) -> Vec<(&str, &Value)> {
        let all = self.template["Resources"].as_object().unwrap();
        let here = |resource: &Value| match resource["Condition"].as_str() {
            Some(name) => self.holds(&self.template["Conditions"][name]),
            None => true,
        };
        let all = all.iter().filter(|(_, resource)| here(resource));
        all.map(|(name, resource)| (name.as_str(), resource)).collect()
    }

    fn holds(&self, condition: &Value) -> bool {
        let (function, of) = call(condition).unwrap_or_else(|| panic!("{condition} is no condition"));
        let all = || of.as_array().unwrap().iter();
        match function {
            "Condition" => self.holds(&self.template["Conditions"][of.as_str().unwrap()]),
            "Fn::Not" => !all().any(|inner| self.holds(inner)),
            "Fn::Or" => all().any(|inner| self.holds(inner)),
            "Fn::And" => all().all(|inner| self.holds(inner)),
            "Fn::Equals" => {
                let texts: Vec<String> = all().map(|side| text(&self.value(side))).collect();
                texts[0] == texts[1]
            }
            other => panic!("{other} is no condition"),
        }
    }

    /// A value of the template, worked out.
    ///
    /// # Panics
    /// At a function that no template of ours uses.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        if let Some((function, of)) = call(value) {
            return self.called(function, of);
        }
        match value {
            Value::Array(values) => {
                let values = values.iter().map(|v| self.value(v));
                values.filter(|v| *v != LEFT_OUT).collect()
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, v)| (name.clone(), self.value(v)));
                Value::Object(fields.filter(|(_, v)| *v != LEFT_OUT).collect())
            }
            other => other.clone(),
        }
    }

    fn called(&self, function: &str, of: &Value) -> Value {
        match function {
            "Ref" => self.reference(of.as_str().unwrap()),
            "Fn::GetAtt" => self.attribute(of),
            "Fn::If" => {
                let condition = &self.template["Conditions"][of[0].as_str().unwrap()];
                self.value(if self.holds(condition) { &of[1] } else { &of[2] })
            }
            "Fn::Join" => {
                let parts = self.value(&of[1]);
                let parts: Vec<String> = parts.as_array().unwrap().iter().map(text).collect();
                parts.join(of[0].as_str().unwrap()).into()
            }
            "Fn::Sub" => match of {
                Value::String(text) => self.substituted(text, &Map::new()).into(),
                _ => self
                    .substituted(of[0].as_str().unwrap(), of[1].as_object().unwrap())
                    .into(),
            },
            other => panic!("{other} is not worked out"),
        }
    }

    fn reference(&self, name: &str) -> Value {
        self.known.get(name).cloned().unwrap_or_else(|| name.into())
    }

    /// `X.Arn`, in the form of the resource's kind.
    fn attribute(&self, of: &Value) -> Value {
        let path = of.as_str().unwrap();
        let name = path.strip_suffix(".Arn").unwrap_or_else(|| panic!("{path}"));
        let kind = self.template["Resources"][name]["Type"].as_str().unwrap();
        let id = text(&self.reference(name));
        let arn = match kind {
            "AWS::Logs::LogGroup" => format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{id}:*"),
            "AWS::SQS::Queue" => format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{id}"),
            "AWS::KMS::Key" => format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}"),
            "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{id}"),
            other => panic!("the ARN of {other} is not known"),
        };
        arn.into()
    }

    fn substituted(&self, pattern: &str, own: &Map<String, Value>) -> String {
        let mut parts = pattern.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            let value = own
                .get(name)
                .map_or_else(|| self.value(&json!({ "Ref": name })), |v| self.value(v));
            whole.push_str(&text(&value));
            whole.push_str(rest);
        }
        whole
    }
}

/// A value that calls an intrinsic function.
fn call(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (name, of) = fields.iter().next()?;
    let known = name.starts_with("Fn::") || name == "Ref" || (name == "Condition" && of.is_string());
    known.then_some((name.as_str(), of))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The names that a value refers to, whatever its conditions are.
#[must_use]
pub fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => match fields.get("Ref") {
            Some(name) => name.as_str().into_iter().collect(),
            None => fields.values().flat_map(references).collect(),
        },
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => vec![],
    }
}

/// The statements of a role or a policy, as written.
#[must_use]
pub fn statements(resource: &Value) -> Vec<&Value> {
    let properties = &resource["Properties"];
    let inline = properties["Policies"].as_array().into_iter().flatten();
    let documents = inline
        .map(|policy| &policy["PolicyDocument"])
        .chain([&properties["PolicyDocument"]]);
    documents
        .filter_map(|document| document["Statement"].as_array())
        .flatten()
        .collect()
}

/// The statements of a role: its own, and those of the policies on either side's list.
#[must_use]
pub fn of_role<'a>(resources: &[(&'a str, &'a Value)], role: &str) -> Vec<&'a Value> {
    let own = resources.iter().find(|(name, _)| *name == role);
    let lists = own.map(|(_, own)| references(&own["Properties"]["ManagedPolicyArns"]));
    let lists = lists.unwrap_or_default();
    let is_of_role = |(name, resource): &&(&str, &Value)| {
        let policy = matches!(
            resource["Type"].as_str(),
            Some("AWS::IAM::Role" | "AWS::IAM::ManagedPolicy")
        );
        let here = *name == role
            || lists.contains(name)
            || references(&resource["Properties"]["Roles"]).contains(&role);
        policy && here
    };
    let found = resources.iter().filter(is_of_role);
    found.flat_map(|(_, resource)| statements(resource)).collect()
}
