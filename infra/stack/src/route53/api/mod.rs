//! The API's actions, by method and path (API Reference, "Actions").

mod query;
mod sets;
mod zones;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    Refusal, Route53, Submission,
    wire::{self, Namespace, document},
};
use query::Query;

type Answer = Result<Response<Bytes>, Refusal>;

pub(super) fn answer(route53: &Route53, request: &Request<Bytes>) -> Response<Bytes> {
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

fn invalid(message: &str) -> Refusal {
    Refusal::bad("InvalidInput", message)
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let text = std::str::from_utf8(body).map_err(|e| invalid(&e.to_string()))?;
    quick_xml::de::from_str(text).map_err(|e| invalid(&format!("Invalid XML: {e}")))
}

fn change_info(submission: Submission, in_sync: bool) -> wire::ChangeInfo {
    wire::ChangeInfo {
        id: format!("/change/{}", submission.id),
        status: if in_sync { "INSYNC" } else { "PENDING" },
        submitted_at: submission.submitted_at.to_string(),
        comment: submission.comment,
    }
}

fn change_answer(root: &str, submission: Submission, in_sync: bool) -> Response<Bytes> {
    let content = wire::ChangeResponse {
        xmlns: Namespace,
        change_info: change_info(submission, in_sync),
    };
    document(StatusCode::OK, root, &content)
}

/// Cuts a page; the second part is what the next page begins with.
fn page<T>(items: impl Iterator<Item = T>, max_items: usize) -> (Vec<T>, Option<T>) {
    let mut items = items.fuse();
    let page = items.by_ref().take(max_items).collect();
    (page, items.next())
}
