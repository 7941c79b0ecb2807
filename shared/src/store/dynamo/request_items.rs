//! Requests as items, and the lists that count them.

use super::{Item, Row, SHARDS, n, pad, s};
use crate::store::StoreError;
use certmint_core::{
    certificate::{KeyPlan, RenewAs},
    issuance::{Fallback, Lease, Request, RequestStatus},
    words::{AccountId, CertificateId, RequestId},
};

pub(super) fn key(id: RequestId) -> String {
    format!("REQUEST#{id}")
}

fn shard(id: RequestId) -> u64 {
    id.get() % SHARDS
}

pub(super) fn read(row: &Row) -> Result<Request, StoreError> {
    Ok(Request {
        id: RequestId::new(row.number("id")?),
        account_id: AccountId::new(row.number("account_id")?),
        // Written where there is one.
        fallback: match row.opt_text("fallback") {
            Some(_) => row.json("fallback")?,
            None => Fallback::default(),
        },
        names: row.json("names")?,
        profile: row.opt_text("profile").map(str::to_owned),
        renews: row.opt_number("renews")?.map(CertificateId::new),
        // Items written before there was a choice have none.
        key: match row.opt_text("key_plan") {
            Some(_) => row.json("key_plan")?,
            None => KeyPlan::default(),
        },
        renew_as: match row.opt_text("renew_as") {
            Some(_) => row.word("renew_as")?,
            None => RenewAs::default(),
        },
        status: row.word("status")?,
        issuance: row.json("issuance")?,
        last_error: row.opt_text("last_error").map(str::to_owned),
        result_certificate_id: row.opt_number("result_certificate_id")?.map(CertificateId::new),
        wake_at: row.opt_time("wake_at")?,
        lease: Lease {
            owner: row.opt_text("lease_owner").map(str::to_owned),
            until: row.time("lease_until")?,
            fence: row.number("fence")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(super) fn write(request: &Request) -> Result<Item, StoreError> {
    let json = |what: serde_json::Result<String>| {
        what.map_err(|e| StoreError::Refused {
            operation: "PutItem",
            message: e.to_string(),
        })
    };
    let status = request.status.as_str();
    let mut item = Item::from([
        ("pk".into(), s(key(request.id))),
        ("sk".into(), s("META")),
        (
            "list_pk".into(),
            s(format!("REQUEST#{status}#{}", shard(request.id))),
        ),
        ("list_sk".into(), s(pad(request.id.get()))),
        (
            "owner_pk".into(),
            s(format!("ACCOUNT#{}#REQUEST", request.account_id)),
        ),
        (
            "owner_sk".into(),
            s(format!("{status}#{}", pad(request.id.get()))),
        ),
        ("id".into(), n(request.id)),
        ("account_id".into(), n(request.account_id)),
        ("names".into(), s(json(serde_json::to_string(&request.names))?)),
        ("key_plan".into(), s(json(serde_json::to_string(&request.key))?)),
        ("status".into(), s(status)),
        (
            "issuance".into(),
            s(json(serde_json::to_string(&request.issuance))?),
        ),
        ("attempts".into(), n(request.issuance.attempts)),
        ("lease_until".into(), n(request.lease.until.millis())),
        ("fence".into(), n(request.lease.fence)),
        ("created_at".into(), n(request.created_at.millis())),
        ("updated_at".into(), n(request.updated_at.millis())),
    ]);
    if let Some(owner) = &request.lease.owner {
        item.insert("lease_owner".into(), s(owner));
    }
    if let Some(error) = &request.last_error {
        item.insert("last_error".into(), s(error));
    }
    if let Some(profile) = &request.profile {
        item.insert("profile".into(), s(profile));
    }
    if request.fallback != Fallback::default() {
        let fallback = json(serde_json::to_string(&request.fallback))?;
        item.insert("fallback".into(), s(fallback));
    }
    if request.renew_as != RenewAs::default() {
        item.insert("renew_as".into(), s(request.renew_as.as_str()));
    }
    if let Some(id) = request.renews {
        item.insert("renews".into(), n(id));
    }
    if let Some(id) = request.result_certificate_id {
        item.insert("result_certificate_id".into(), n(id));
    }
    if let Some(at) = request.wake_at {
        item.insert("wake_at".into(), n(at.millis()));
        item.insert("work_pk".into(), s(format!("WORK#{}", shard(request.id))));
        item.insert("work_sk".into(), s(at.sort_key()));
    }
    Ok(item)
}

/// The lists that count a request.
pub(super) fn lists(account: AccountId, status: RequestStatus) -> [String; 4] {
    let status = status.as_str();
    [
        "REQUEST".into(),
        format!("REQUEST#{status}"),
        format!("REQUEST#A{account}"),
        format!("REQUEST#A{account}#{status}"),
    ]
}

/// The list of an account's requests with a status.
pub(super) fn open_list(account: AccountId, status: RequestStatus) -> String {
    format!("REQUEST#A{account}#{}", status.as_str())
}

pub(super) fn attempts_key(attempts: u64, id: RequestId) -> String {
    format!("{attempts:04}#{}", pad(id.get()))
}
