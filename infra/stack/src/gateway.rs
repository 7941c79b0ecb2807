//! API Gateway's HTTP API in front of the functions `api` and `download`: payload format 2.0 in and out (AWS, "Create AWS Lambda
//! proxy integrations for HTTP APIs in API Gateway").

use std::{borrow::Cow, collections::BTreeSet, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    response::Response,
    routing::any,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use certmint_shared::api::Server;
use http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::StaticFormatDescription, macros::format_description};

use crate::lambda::{Function, InvokeError};

/// API Gateway quota for HTTP APIs: 10 MB a request.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// The date of an access log line, as API Gateway sends it.
const COMMON_LOG: StaticFormatDescription =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// What a route leads to, and its key.
#[derive(Clone)]
struct Target {
    function: Function,
    key: String,
}

/// The routes, as `template.yaml` has them: those of `download` by their paths, everything else goes to `api`.
pub(crate) fn routes(api: Function, download: &Function) -> Router {
    let to = |function: &Function, key: String| Target {
        function: function.clone(),
        key,
    };
    let paths = certmint_shared::api::routes().into_iter();
    let paths: BTreeSet<String> = paths
        .filter(|route| route.server == Server::Download)
        .map(|route| route.path)
        .collect();
    let own = paths.into_iter().fold(Router::new(), |router, path| {
        let target = to(download, format!("ANY {path}"));
        router.route(&path, any(proxy).with_state(target))
    });
    own.fallback_service(any(proxy).with_state(to(&api, "$default".into())))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn proxy(
    State(target): State<Target>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let event = event(&target.key, &method, &uri, &headers, &body, client);
    match target.function.invoke(Bytes::from(event.to_string())).await {
        Ok(answer) => answered(&answer),
        Err(InvokeError::TimedOut) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

/// Joins what came several times by commas, as payload format 2.0 does.
fn joined<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Map<String, Value> {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        match map.get_mut(name.as_ref()) {
            Some(Value::String(before)) => {
                before.push(',');
                before.push_str(&value);
            }
            _ => {
                map.insert(name.into_owned(), Value::String(value.into_owned()));
            }
        }
    }
    map
}

fn event(
    key: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
    client: SocketAddr,
) -> Value {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    let query = uri.query().unwrap_or_default();
    let parameters = joined(form_urlencoded::parse(query.as_bytes()));
    let now = OffsetDateTime::now_utc();
    let content_type = header(CONTENT_TYPE.as_str());
    let is_text = [
        "application/json",
        "text/",
        "application/xml",
        "application/javascript",
    ]
    .iter()
    .any(|t| content_type.starts_with(t));
    let text = std::str::from_utf8(body).ok().filter(|_| is_text);
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": uri.path(),
        "rawQueryString": query,
        "headers": joined(headers.iter().map(|(n, v)| (n.as_str().into(), String::from_utf8_lossy(v.as_bytes())))),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": header("host"),
            "domainPrefix": "local",
            "http": {
                "method": method.as_str(),
                "path": uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": client.ip().to_string(),
                "userAgent": header("user-agent"),
            },
            "requestId": uuid::Uuid::new_v4().to_string(),
            "routeKey": key,
            "stage": "$default",
            "time": now.format(COMMON_LOG).unwrap_or_default(),
            "timeEpoch": now.unix_timestamp() * 1000 + i64::from(now.millisecond()),
        },
        "isBase64Encoded": text.is_none() && !body.is_empty(),
    });
    if !parameters.is_empty() {
        event["queryStringParameters"] = Value::Object(parameters);
    }
    if !body.is_empty() {
        event["body"] = text
            .map_or_else(|| BASE64_STANDARD.encode(body), str::to_owned)
            .into();
    }
    event
}

/// What the function answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

fn answered(bytes: &[u8]) -> Response {
    let Ok(answer) = serde_json::from_slice::<Answer>(bytes) else {
        return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let text = answer.body.unwrap_or_default();
    let body = match answer.is_base64_encoded {
        true => BASE64_STANDARD.decode(&text).unwrap_or_default(),
        false => text.into_bytes(),
    };
    let mut response = Response::builder().status(answer.status_code);
    for (name, value) in &answer.headers {
        if let Some(value) = value.as_str() {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(body))
        .unwrap_or_else(|_| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

fn message(status: StatusCode, text: &str) -> Response {
    let body = json!({ "message": text }).to_string();
    let answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json");
    answer.body(Body::from(body)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, content_type: &str, body: &str) -> Value {
        let mut headers = HeaderMap::new();
        headers.append("content-type", content_type.parse().unwrap());
        headers.append("x-a", "1".parse().unwrap());
        headers.append("x-a", "2".parse().unwrap());
        let body = Bytes::copy_from_slice(body.as_bytes());
        event(
            "$default",
            &Method::POST,
            &uri.parse().unwrap(),
            &headers,
            &body,
            ([127, 0, 0, 1], 9).into(),
        )
    }

    #[test]
    fn an_event_has_the_shape_of_payload_format_2() {
        let event = of("/a/b?x=1&x=2&y=%2F+z&flag", "application/json", "{}");
        assert_eq!(event["rawPath"], "/a/b");
        assert_eq!(event["headers"]["x-a"], "1,2");
        assert_eq!(
            event["queryStringParameters"],
            json!({"x": "1,2", "y": "/ z", "flag": ""})
        );
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("{}"), &json!(false))
        );
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
    }

    #[test]
    fn other_bodies_travel_as_base64() {
        let event = of("/", "application/x-www-form-urlencoded", "{}");
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("e30="), &json!(true))
        );
        assert_eq!(of("/", "application/json", "").get("body"), None);
    }
}
