//! A renewal as an item: small, beside its certificate.

use super::{Item, Row, SHARDS, certificates, n, pad, s, write::Condition};
use crate::store::StoreError;
use certmint_core::{
    certificate::{RenewAs, RenewalTerms},
    renewal::{Renewal, Window},
    words::{CertificateId, RequestId, Timestamp},
};

fn shard(id: CertificateId) -> u64 {
    id.get() % SHARDS
}

pub(super) fn read(row: &Row) -> Result<Renewal, StoreError> {
    let window = match (row.opt_time("window_start")?, row.opt_time("window_end")?) {
        (Some(start), Some(end)) => Some(Window { start, end }),
        _ => None,
    };
    Ok(Renewal {
        certificate_id: CertificateId::new(row.number("certificate_id")?),
        mode: row.word("renewal_mode")?,
        // Items written before there were terms have none.
        terms: RenewalTerms {
            renew_as: match row.opt_text("renew_as") {
                Some(_) => row.word("renew_as")?,
                None => RenewAs::default(),
            },
            reuse_key: row.opt_number("reuse_key")?.is_some(),
        },
        succeeded_by: row.opt_number("succeeded_by")?.map(CertificateId::new),
        renewal_of: row.opt_number("renewal_of")?.map(CertificateId::new),
        despite: row.opt_time("despite")?,
        expires_at: row.time("expires_at")?,
        renew_at: row.opt_time("renew_at")?,
        look_at: row.opt_time("look_at")?,
        request_id: row.opt_number("renewal_request_id")?.map(RequestId::new),
        last_error: row.opt_text("last_error").map(str::to_owned),
        window,
        explanation_url: row.opt_text("explanation_url").map(str::to_owned),
        revision: row.number("revision")?,
        updated_at: row.time("updated_at")?,
    })
}

/// With the next revision.
pub(super) fn write(renewal: &Renewal) -> Item {
    let id = renewal.certificate_id;
    let mut item = Item::from([
        ("pk".into(), s(certificates::key(id))),
        ("sk".into(), s("RENEWAL")),
        ("list_pk".into(), s(format!("EXPIRY#{}", shard(id)))),
        (
            "list_sk".into(),
            s(format!("{}#{}", renewal.expires_at.sort_key(), pad(id.get()))),
        ),
        ("certificate_id".into(), n(id)),
        ("renewal_mode".into(), s(renewal.mode.as_str())),
        ("expires_at".into(), n(renewal.expires_at.millis())),
        ("revision".into(), n(renewal.revision + 1)),
        ("updated_at".into(), n(renewal.updated_at.millis())),
    ]);
    let mut time = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            item.insert(name.into(), n(at.millis()));
        }
    };
    time("renew_at", renewal.renew_at);
    time("look_at", renewal.look_at);
    time("despite", renewal.despite);
    time("window_start", renewal.window.map(|w| w.start));
    time("window_end", renewal.window.map(|w| w.end));
    if let Some(at) = renewal.look_at {
        item.insert("work_pk".into(), s(format!("RENEW#{}", shard(id))));
        item.insert("work_sk".into(), s(at.sort_key()));
    }
    if let Some(id) = renewal.request_id {
        item.insert("renewal_request_id".into(), n(id));
    }
    if renewal.terms.renew_as != RenewAs::default() {
        item.insert("renew_as".into(), s(renewal.terms.renew_as.as_str()));
    }
    if renewal.terms.reuse_key {
        item.insert("reuse_key".into(), n(1));
    }
    for (name, id) in [
        ("succeeded_by", renewal.succeeded_by),
        ("renewal_of", renewal.renewal_of),
    ] {
        if let Some(id) = id {
            item.insert(name.into(), n(id));
        }
    }
    for (name, text) in [
        ("last_error", &renewal.last_error),
        ("explanation_url", &renewal.explanation_url),
    ] {
        if let Some(text) = text {
            item.insert(name.into(), s(text));
        }
    }
    item
}

/// That nobody wrote it since it was read.
pub(super) fn unchanged(renewal: &Renewal) -> Condition {
    match renewal.revision {
        0 => Condition::absent(),
        revision => Condition::new("revision = :revision").with(":revision", n(revision)),
    }
}
