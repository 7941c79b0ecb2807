//! What the answers of all actions are made of.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::route53::{
    account::Submission,
    refusal::Refusal,
    wire::{self, Namespace, document},
};

pub(super) type Answer = Result<Response<Bytes>, Refusal>;

pub(super) fn invalid(message: &str) -> Refusal {
    Refusal::bad("InvalidInput", message)
}

pub(super) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let text = std::str::from_utf8(body).map_err(|e| invalid(&e.to_string()))?;
    quick_xml::de::from_str(text).map_err(|e| invalid(&format!("Invalid XML: {e}")))
}

pub(super) fn change_info(submission: Submission, in_sync: bool) -> wire::ChangeInfo {
    wire::ChangeInfo {
        id: format!("/change/{}", submission.id),
        status: if in_sync { "INSYNC" } else { "PENDING" },
        submitted_at: submission.submitted_at.to_string(),
        comment: submission.comment,
    }
}

pub(super) fn change_answer(root: &str, submission: Submission, in_sync: bool) -> Response<Bytes> {
    let content = wire::ChangeResponse {
        xmlns: Namespace,
        change_info: change_info(submission, in_sync),
    };
    document(StatusCode::OK, root, &content)
}

/// Cuts a page; the second part is what the next page begins with.
pub(super) fn page<T>(items: impl Iterator<Item = T>, max_items: usize) -> (Vec<T>, Option<T>) {
    let mut items = items.fuse();
    let page = items.by_ref().take(max_items).collect();
    (page, items.next())
}
