//! Requests as items, and what a transaction does to the lists that count them.

use super::{
    counters,
    item::{Item, Row, Writer, n},
    keys::{self, List, Work},
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::StoreError;
use certmint_core::{
    issuance::{Lease, NewRequest, Request, RequestStatus},
    words::{AccountId, CertificateId, RequestId, Timestamp},
};

pub(super) fn from_item(row: &Row) -> Result<Request, StoreError> {
    Ok(Request {
        id: RequestId::new(row.number("id")?),
        account_id: AccountId::new(row.number("account_id")?),
        fallback: row.json("fallback")?,
        names: row.json("names")?,
        profile: row.opt_text("profile").map(str::to_owned),
        renews: row.opt_number("renews")?.map(CertificateId::new),
        key: row.json("key_plan")?,
        renew_as: row.word("renew_as")?,
        status: row.word("status")?,
        issuance: row.json("issuance")?,
        last_error: row.opt_text("last_error").map(str::to_owned),
        result_certificate_id: row.opt_number("result_certificate_id")?.map(CertificateId::new),
        wake_at: row.opt_time("wake_at")?,
        lease: Lease {
            owner: row.opt_text("lease_owner").map(str::to_owned),
            until: row.time("lease_until")?,
            fence: row.number("fence")?,
            was_left: row.opt_flag("was_left")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(super) fn to_item(request: &Request) -> Result<Item, StoreError> {
    let [in_list, of_account] = keys::listed_request(request.id, request.account_id, request.status);
    let item = Writer::new(&keys::request(request.id))
        .placed(in_list)
        .placed(of_account)
        .number("id", request.id)
        .number("account_id", request.account_id)
        .json("fallback", &request.fallback)
        .json("names", &request.names)
        .opt_text("profile", request.profile.as_ref())
        .opt_number("renews", request.renews)
        .json("key_plan", &request.key)
        .text("renew_as", request.renew_as.as_str())
        .text("status", request.status.as_str())
        .json("issuance", &request.issuance)
        // For lists, and the contract's query; the issuance has it too.
        .number("attempts", request.issuance.attempts)
        .opt_text("last_error", request.last_error.as_ref())
        .opt_number("result_certificate_id", request.result_certificate_id)
        .opt_time("wake_at", request.wake_at)
        .opt_text("lease_owner", request.lease.owner.as_ref())
        .time("lease_until", request.lease.until)
        .number("fence", request.lease.fence)
        .only_if("was_left", request.lease.was_left)
        .time("created_at", request.created_at)
        .time("updated_at", request.updated_at);
    match request.wake_at {
        Some(at) => item.placed(keys::due(Work::Requests, request.id.get(), at)),
        None => item,
    }
    .finish()
}

/// That nobody wrote it since it was read.
pub(super) fn as_read(request: &Request) -> Expression {
    held(request.lease.fence).and(Expression::is("updated_at", n(request.updated_at.millis())))
}

/// That it is still in the hands of who has this fence.
pub(super) fn held(fence: u64) -> Expression {
    Expression::is("fence", n(fence))
}

pub(super) fn missing(id: RequestId) -> StoreError {
    StoreError::NotFound {
        kind: "request",
        id: id.to_string(),
    }
}

pub(super) fn changing(id: RequestId) -> StoreError {
    StoreError::Conflict {
        kind: "request",
        id: id.to_string(),
    }
}

/// One read.
pub(super) async fn one(table: &Table, id: RequestId) -> Result<Request, StoreError> {
    let row = table.get(&keys::request(id)).await?;
    from_item(&row.ok_or_else(|| missing(id))?)
}

/// The same; `None` if it is not there, or was set aside as one that cannot be read.
pub(super) async fn on_its_way(table: &Table, id: RequestId) -> Result<Option<Request>, StoreError> {
    let row = table.get(&keys::request(id)).await?;
    let row = row.filter(|row| row.opt_text("quarantined").is_none());
    row.map(|row| from_item(&row)).transpose()
}

/// A pending request under the next id, not written yet. One write (the counter).
pub(super) async fn fresh(
    table: &Table,
    new: NewRequest,
    max_attempts: u32,
    now: Timestamp,
) -> Result<Request, StoreError> {
    let id = RequestId::new(counters::next_id(table, "REQUEST").await?);
    Ok(Request::pending(id, new, max_attempts, now))
}

/// A request enters the lists of its status. A pending one needs its account: `failed` if that is deleted meanwhile.
pub(super) fn enter<E>(tx: &mut Tx<E>, request: &Request, failed: E) {
    let (account, status, id) = (request.account_id, request.status, request.id.get());
    tx.count(&List::requests(status), id, 1);
    let of_account = List::requests_of(account, status);
    match status {
        RequestStatus::Pending => tx.count_if_open(&of_account, id, failed),
        _ => tx.count(&of_account, id, 1),
    }
}

/// It leaves the lists of a status that it had.
pub(super) fn leave<E>(tx: &mut Tx<E>, request: &Request, status: RequestStatus) {
    tx.count(&List::requests(status), request.id.get(), -1);
    tx.count(
        &List::requests_of(request.account_id, status),
        request.id.get(),
        -1,
    );
}

/// It goes from one status to the one that it has.
pub(super) fn moves<E>(tx: &mut Tx<E>, request: &Request, old: RequestStatus, failed: E) {
    if request.status != old {
        leave(tx, request, old);
        enter(tx, request, failed);
    }
}
