//! The description has exactly the calls that the API answers.

use std::collections::BTreeSet;

use certmint_shared::api::routes;

use super::read;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The calls that the API answers.
fn answered() -> BTreeSet<String> {
    let calls = routes().into_iter();
    calls
        .map(|route| format!("{} {}", route.method, without_names(&route.path)))
        .collect()
}

fn without_names(path: &str) -> String {
    let parts = path.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn the_description_has_exactly_the_calls_of_the_api() {
    let description = read("infra/openapi.yaml");
    let mut described = BTreeSet::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations
            .as_object()
            .unwrap()
            .keys()
            .filter(|m| METHODS.contains(&m.as_str()))
        {
            described.insert(format!("{} {}", method.to_uppercase(), without_names(path)));
        }
    }
    let answered = answered();
    assert!(answered.len() > 30, "{answered:?}");
    let lacks: Vec<_> = answered.difference(&described).collect();
    assert!(lacks.is_empty(), "infra/openapi.yaml lacks {lacks:?}");
    let more: Vec<_> = described.difference(&answered).collect();
    assert!(
        more.is_empty(),
        "infra/openapi.yaml has {more:?}, which the API does not answer"
    );
}
