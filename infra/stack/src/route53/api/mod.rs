//! The API's actions, by method and path (API Reference, "Actions").

mod answer;
mod query;
mod sets;
mod zones;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use uuid::Uuid;

use self::{answer::Answer, query::Query};
use super::{account::Route53, refusal::Refusal, wire};

impl Route53 {
    /// Answers one call whose path begins with `/2013-04-01/`.
    // Async for the caller's sake: a fallback service wants a future, and a later delay must not change the type.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        respond(self, &request)
    }
}

fn respond(route53: &Route53, request: &Request<Bytes>) -> Response<Bytes> {
    let request_id = Uuid::new_v4().to_string();
    let mut response = route(route53, request)
        .unwrap_or_else(|refusal| wire::error(refusal.status, refusal.code, &refusal.message, &request_id));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        let name = HeaderName::from_static("x-amzn-requestid");
        response.headers_mut().insert(name, value);
    }
    response
}

fn route(route53: &Route53, request: &Request<Bytes>) -> Answer {
    // Older clients end the path of a record set with a slash.
    let path: Vec<&str> = request
        .uri()
        .path()
        .split('/')
        .filter(|s| !s.is_empty())
        .collect();
    let body = request.body();
    let query = || Query::of(request);
    match (request.method(), path.get(1..).unwrap_or_default()) {
        (&Method::POST, ["hostedzone"]) => zones::create(route53, body),
        (&Method::GET, ["hostedzone"]) => zones::list(route53, &query()),
        (&Method::GET, ["hostedzonesbyname"]) => zones::list_by_name(route53, &query()),
        (&Method::GET, ["hostedzone", id]) => zones::get(route53, id),
        (&Method::DELETE, ["hostedzone", id]) => zones::delete(route53, id),
        (&Method::GET, ["hostedzone", id, "rrset"]) => sets::list(route53, id, &query()),
        (&Method::POST, ["hostedzone", id, "rrset"]) => sets::change(route53, id, body),
        (&Method::GET, ["change", id]) => sets::get_change(route53, id),
        (method, _) => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            format!("{method} {} is not emulated", request.uri().path()),
        )),
    }
}
