//! The description has exactly the calls that the API answers.

use std::collections::BTreeSet;

use certmint_guards::source::parse;
use syn::{Expr, Lit, Pat, visit::Visit};

use super::{file, read};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// `method path` of each arm `("GET", ["certificates", id])`.
#[derive(Default)]
struct Arms(BTreeSet<String>);

fn text(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Pat::Ident(_) => Some("{id}".into()),
        _ => None,
    }
}

impl Visit<'_> for Arms {
    fn visit_pat_tuple(&mut self, pattern: &syn::PatTuple) {
        let mut parts = pattern.elems.iter();
        if let (Some(Pat::Lit(method)), Some(Pat::Slice(path))) = (parts.next(), parts.next())
            && let Lit::Str(method) = &method.lit
        {
            let path: Vec<String> = path.elems.iter().filter_map(text).collect();
            self.0
                .insert(format!("{} /api/v1/{}", method.value(), path.join("/")));
        }
    }

    fn visit_expr_binary(&mut self, compared: &syn::ExprBinary) {
        // `(method, parts.as_slice()) == ("GET", &["health"])`
        if let Expr::Tuple(tuple) = &*compared.right
            && let (Some(Expr::Lit(method)), Some(Expr::Reference(path))) =
                (tuple.elems.first(), tuple.elems.last())
            && let (Lit::Str(method), Expr::Array(path)) = (&method.lit, &*path.expr)
        {
            let word = |expr: &Expr| match expr {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            };
            let path: Vec<String> = path.elems.iter().filter_map(word).collect();
            self.0
                .insert(format!("{} /api/v1/{}", method.value(), path.join("/")));
        }
        syn::visit::visit_expr_binary(self, compared);
    }
}

/// The calls that the API answers. When `certmint_shared::api::routes()` exists, it says so itself.
fn answered() -> BTreeSet<String> {
    let mut arms = Arms::default();
    arms.visit_file(&parse(&file("shared/src/api/mod.rs")));
    arms.0
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
