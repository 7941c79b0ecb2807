//! Numbers in queries, paths and bodies: each is told what is wrong with it and what it may be. What a query cannot say is
//! refused too.

use certmint_shared::api::openapi;
use serde_json::{Value, json};

use super::client::{Client, data, refused};

#[tokio::test]
async fn a_number_in_a_query_is_told_its_limits() {
    let client = Client::new().await;
    client.account().await;
    let requests = "/acme/certificate/requests";
    let candidates = "/certificates/renewal/candidates";
    for (path, name, value, code, words) in [
        (
            requests,
            "page",
            "1000001",
            2003,
            "page is too large: it must be from 1 to 1000000",
        ),
        (
            requests,
            "page",
            "-1",
            2003,
            "page is too small: it must be from 1 to 1000000",
        ),
        (
            requests,
            "page",
            "0",
            2003,
            "page is too small: it must be from 1 to 1000000",
        ),
        (
            requests,
            "page",
            "one",
            2002,
            "page must be a whole number from 1 to 1000000",
        ),
        (requests, "page", "1.0", 2002, "page must be a whole number"),
        (requests, "page", "01", 2002, "page must be a whole number"),
        (requests, "page", "%2B1", 2002, "page must be a whole number"),
        (requests, "page", "+1", 2002, "page must be a whole number"),
        (
            requests,
            "page",
            "99999999999999999999999",
            2003,
            "page is too large",
        ),
        (
            requests,
            "pageSize",
            "0",
            2003,
            "pageSize is too small: it must be from 1 to 100",
        ),
        (
            requests,
            "pageSize",
            "101",
            2003,
            "pageSize is too large: it must be from 1 to 100",
        ),
        (
            requests,
            "pageSize",
            "1e2",
            2002,
            "pageSize must be a whole number from 1 to 100",
        ),
        (
            requests,
            "accountId",
            "0",
            2002,
            "accountId must be a positive integer",
        ),
        (
            requests,
            "accountId",
            "-7",
            2002,
            "accountId must be a positive integer",
        ),
        (
            requests,
            "accountId",
            "x",
            2002,
            "accountId must be a positive integer",
        ),
        (
            requests,
            "accountId",
            "18446744073709551616",
            2003,
            "accountId is too large",
        ),
        (
            requests,
            "minAttempts",
            "-1",
            2003,
            "minAttempts is too small: it must be from 0 to 1000000",
        ),
        (
            requests,
            "minAttempts",
            "1000001",
            2003,
            "minAttempts is too large",
        ),
        (
            candidates,
            "renewBeforeDays",
            "-1",
            2003,
            "renewBeforeDays is too small: it must be from 0 to 3650",
        ),
        (
            candidates,
            "renewBeforeDays",
            "3651",
            2003,
            "renewBeforeDays is too large: it must be from 0 to 3650",
        ),
        (
            candidates,
            "renewBeforeDays",
            "soon",
            2002,
            "renewBeforeDays must be a whole number from 0 to 3650",
        ),
        (
            "/acme/accounts",
            "providerId",
            "1,2",
            2002,
            "providerId must be a positive integer",
        ),
        (
            "/certificates/bindings",
            "certificateId",
            "0x1",
            2002,
            "certificateId must be a positive integer",
        ),
        ("/acme/limits", "accountId", "", 2001, "accountId is missing"),
    ] {
        let answer = client.get(&format!("{path}?{name}={value}")).await;
        refused(&answer, 400, code, words);
    }
    for query in [
        "page=1000000",
        "pageSize=100&minAttempts=0",
        "minAttempts=1000000",
        "accountId=9223372036854775807",
    ] {
        let answer = client.get(&format!("{requests}?{query}")).await;
        // That page is beyond the depth of the list, which is another matter.
        assert!(
            answer.status == 200 || answer.body.contains("follow nextCursor"),
            "{query}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_number_in_a_path_or_body_is_one_number_written_in_one_way() {
    let client = Client::new().await;
    client.account().await;
    for id in [
        "01", "+1", "1.0", "-1", "0", "1e0", "%31x", "%FF", "0x1", "1%20", "١",
    ] {
        let id: String = id
            .chars()
            .map(|c| {
                if c.is_ascii() {
                    c.to_string()
                } else {
                    "%D9%A1".into()
                }
            })
            .collect();
        for path in [
            format!("/acme/accounts/{id}"),
            format!("/certificates/{id}/versions"),
        ] {
            refused(
                &client.get(&path).await,
                400,
                2002,
                "id must be a positive integer",
            );
        }
    }
    let huge = "/acme/accounts/99999999999999999999";
    refused(
        &client.get(huge).await,
        400,
        2003,
        "id is too large: it must be from 1 to 9223372036854775807",
    );
    assert_eq!(
        client.get("/acme/accounts/%31").await.status,
        200,
        "a digit in another writing"
    );

    for (id, code, words) in [
        ("0", 2002, "id must be a positive integer"),
        ("-1", 2002, "id must be a positive integer"),
        ("-9999999999999999999999", 2002, "id must be a positive integer"),
        ("1.0", 2002, "id must be a positive integer"),
        ("1e0", 2002, "id must be a positive integer"),
        ("0.5", 2002, "id must be a positive integer"),
        ("\"1\"", 2002, "id must be a positive integer"),
        ("true", 2002, "id must be a positive integer"),
        ("[1]", 2002, "id must be a positive integer"),
        ("18446744073709551616", 2003, "id is too large"),
        ("1e30", 2003, "id is too large"),
        ("null", 2001, "id is missing"),
    ] {
        let answer = client
            .post("/acme/accounts/enable", &format!(r#"{{"id":{id}}}"#))
            .await;
        refused(&answer, 400, code, words);
    }
    for (list, code, words) in [
        (
            "[0]",
            2002,
            "accountIds must be an array of positive integers; [0] is none",
        ),
        (
            "[1,\"2\"]",
            2002,
            "accountIds must be an array of positive integers; [1] is none",
        ),
        ("[1.0]", 2002, "[0] is none"),
        ("[1,18446744073709551616]", 2003, "accountIds[1] is too large"),
        ("{}", 2002, "accountIds must be an array of positive integers"),
    ] {
        let body = format!(r#"{{"accountIds":{list}}}"#);
        refused(
            &client.post("/acme/accounts/fallback", &body).await,
            400,
            code,
            words,
        );
    }
}

/// Every parameter of every list, as the API describes it.
#[tokio::test]
async fn every_query_parameter_is_read_whole_or_refused_and_empty_is_not_sent() {
    let client = Client::new().await;
    client.account().await;
    let document: Value = serde_json::to_value(openapi()).unwrap();
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let operation = &operations["get"];
        let needs_keys = operation["security"] == json!([{"token": ["keys"]}]);
        let parameters = operation["parameters"].as_array().filter(|_| !needs_keys);
        for parameter in parameters.into_iter().flatten() {
            let shared = parameter["$ref"].as_str().map(|at| at.trim_start_matches('#'));
            let parameter = shared.map_or(parameter, |at| document.pointer(at).unwrap());
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let path = path.replace("/api/v1", "").replace("{id}", "1");
            let first = match path == "/acme/limits" && name != "accountId" {
                true => "accountId=1&",
                false => "",
            };
            let ask = async |query: &str| client.get(&format!("{path}?{first}{query}")).await;
            let cannot = format!("{name} cannot be read");
            for broken in ["%ff", "%", "%2", "%zz", "a%e2%28", "%+1"] {
                refused(&ask(&format!("{name}={broken}")).await, 400, 2002, &cannot);
            }
            for odd in [
                "a%00",
                "%0a",
                "%e2%80%ae1",
                "1%e2%80%8b",
                "%20",
                "%e3%80%80",
                "%ef%bb%bf1",
            ] {
                refused(&ask(&format!("{name}={odd}")).await, 400, 2003, name);
            }
            let twice = format!("{name} is there twice");
            for double in [
                format!("{name}=1&{name}=1"),
                format!("{name}=&{name}=1"),
                format!("{name}=1&{name}=%ff"),
            ] {
                refused(&ask(&double).await, 400, 2003, &twice);
            }
            let without = ask("").await;
            for empty in [
                format!("{name}="),
                name.to_owned(),
                format!("{name}=&unknown=%ff&unknown=1&%ff=1"),
            ] {
                assert_eq!(ask(&empty).await, without, "{path} {empty}");
            }
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen}");
}

#[tokio::test]
async fn words_of_a_query_are_known_ones() {
    let client = Client::new().await;
    for (query, name) in [
        (
            "/acme/providers?requiresEab=maybe",
            "requiresEab must be one of true, false",
        ),
        ("/acme/providers?requiresEab=TRUE", "requiresEab"),
        ("/certificates?wildcard=1", "wildcard"),
        ("/acme/accounts?status=Active", "status"),
        (
            "/acme/challenges?desired_state=present&desiredState=absent",
            "desiredState is there twice",
        ),
        ("/acme/challenges?desiredState=gone", "desiredState"),
        ("/certificates/bindings?status=on", "status"),
        ("/certificates?kind=cert", "kind"),
    ] {
        refused(&client.get(query).await, 400, 2003, name);
    }
    let eab = data(&client.get("/acme/providers?requiresEab=true").await);
    assert_eq!(eab["total"], 3);
}
