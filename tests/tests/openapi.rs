//! The description of the API: the file is what the code says, and the check of answers can fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use certmint_shared::api::{openapi, routes};
use certmint_tests::{schema::Exchange, yaml};
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/openapi.yaml");

#[test]
fn the_file_is_what_the_code_says() {
    let made = format!(
        "# Made from the handlers in shared/src/api by\n\
         #   CERTMINT_BLESS=1 cargo test -p certmint-tests --test openapi\n{}",
        yaml::of_json(&serde_json::to_string(&openapi()).unwrap())
    );
    if std::env::var_os("CERTMINT_BLESS").is_some() {
        std::fs::write(FILE, &made).unwrap();
    }
    let found = std::fs::read_to_string(FILE).unwrap();
    let differs = found.lines().zip(made.lines()).find(|(a, b)| a != b);
    assert!(
        found == made,
        "infra/openapi.yaml is stale ({differs:?}); its first lines say how it is made"
    );
}

#[test]
fn every_route_is_described_with_its_scope() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut ids = BTreeSet::new();
    let table = routes();
    for route in &table {
        let operation = &document["paths"][&route.path][route.method.to_ascii_lowercase()];
        let scope = match route.scope {
            Some(scope) => json!([{"token": [scope.as_str()]}]),
            None => json!([]),
        };
        assert_eq!(operation["security"], scope, "{} {}", route.method, route.path);
        assert!(
            operation["summary"].is_string(),
            "{} {}",
            route.method,
            route.path
        );
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
    }
    let paths = document["paths"].as_object().unwrap().values();
    let described: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, table.len());
    let public: Vec<_> = table
        .iter()
        .filter(|r| r.scope.is_none())
        .map(|r| &r.path)
        .collect();
    assert_eq!(public, ["/api/v1/health"]);
}

/// An account as the API answers it, with one field changed or, without a value, left out.
fn account(field: &str, value: Option<Value>) -> String {
    let mut account = json!({
        "id": 1, "providerId": 1, "providerName": "letsencrypt", "email": "ops@example.com", "status": "pending",
        "registrationUri": null, "eabKid": null, "eabExpiresAt": null, "eabStatus": "none", "lastError": null,
        "isDefault": false, "keyVersion": 1, "keyChangedAt": null, "keyRollover": null,
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
    });
    let fields = account.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(field.into(), value),
        None => fields.remove(field),
    };
    json!({"code": 0, "message": "success", "data": account}).to_string()
}

#[test]
fn an_answer_that_does_not_fit_is_found() {
    let check = |method, target, body: &str, status, answer: &str| {
        let body = body.as_bytes();
        Exchange {
            method,
            target,
            body,
            status,
            answer,
        }
        .check()
    };
    let get = |answer: &str| check("GET", "/api/v1/acme/accounts/1", "", 200, answer);
    assert_eq!(get(&account("id", Some(json!(1)))), Ok(()));
    for (field, value) in [
        ("id", Some(json!("1"))),
        ("id", None),
        ("providerName", Some(json!(null))),
        ("eabKid", None),
        ("status", Some(json!("asleep"))),
        ("createdAt", Some(json!("yesterday"))),
        (
            "keyRollover",
            Some(json!({"status": "done", "askedAt": "2026-01-01T00:00:00Z"})),
        ),
        ("extra", Some(json!(1))),
    ] {
        assert!(get(&account(field, value.clone())).is_err(), "{field} {value:?}");
    }
    let refusal = r#"{"code":3001,"message":"account 1 does not exist","data":null}"#;
    let accounts = "/api/v1/acme/accounts";
    assert_eq!(check("GET", "/api/v1/acme/accounts/1", "", 404, refusal), Ok(()));
    assert!(
        check("GET", accounts, "", 404, refusal).is_err(),
        "a list is always there"
    );
    assert!(check("GET", "/api/v1/nothing", "", 200, refusal).is_err());
    let page = r#"{"code":0,"message":"success","data":{"list":[],"total":0,"page":1,"pageSize":20}}"#;
    assert_eq!(
        check("GET", "/api/v1/acme/accounts?status=active", "", 200, page),
        Ok(())
    );
    assert!(check("GET", "/api/v1/acme/accounts?status=asleep", "", 200, page).is_err());
    let done = account("id", Some(json!(1)));
    let enable = |body| check("POST", "/api/v1/acme/accounts/enable", body, 200, &done);
    assert_eq!(enable(r#"{"id":1}"#), Ok(()));
    for body in ["", "{}", r#"{"id":0}"#, r#"{"id":1,"x":1}"#] {
        assert!(enable(body).is_err(), "{body}");
    }
}
