//! A renewal as an item: small, beside its certificate.

use super::{
    item::{Item, Row, Writer, n},
    keys::{self, Work},
    table::Table,
    tx::Expression,
};
use crate::store::StoreError;
use certmint_core::{
    certificate::{Certificate, RenewalTerms},
    renewal::{self, Renewal, Window},
    words::{CertificateId, RequestId},
};

pub(super) fn from_item(row: &Row) -> Result<Renewal, StoreError> {
    let window = match (row.opt_time("window_start")?, row.opt_time("window_end")?) {
        (Some(start), Some(end)) => Some(Window { start, end }),
        _ => None,
    };
    Ok(Renewal {
        certificate_id: CertificateId::new(row.number("certificate_id")?),
        mode: row.word("renewal_mode")?,
        terms: RenewalTerms {
            renew_as: row.word("renew_as")?,
            reuse_key: row.flag("reuse_key")?,
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
pub(super) fn to_item(renewal: &Renewal) -> Result<Item, StoreError> {
    let id = renewal.certificate_id;
    let item = Writer::new(&keys::renewal(id))
        .placed(keys::ending(id, renewal.expires_at))
        .number("certificate_id", id)
        .text("renewal_mode", renewal.mode.as_str())
        .text("renew_as", renewal.terms.renew_as.as_str())
        .flag("reuse_key", renewal.terms.reuse_key)
        .opt_number("succeeded_by", renewal.succeeded_by)
        .opt_number("renewal_of", renewal.renewal_of)
        .opt_time("despite", renewal.despite)
        .time("expires_at", renewal.expires_at)
        .opt_time("renew_at", renewal.renew_at)
        .opt_time("look_at", renewal.look_at)
        .opt_number("renewal_request_id", renewal.request_id)
        .opt_text("last_error", renewal.last_error.as_ref())
        .opt_time("window_start", renewal.window.map(|w| w.start))
        .opt_time("window_end", renewal.window.map(|w| w.end))
        .opt_text("explanation_url", renewal.explanation_url.as_ref())
        .number("revision", renewal.revision + 1)
        .time("updated_at", renewal.updated_at);
    match renewal.look_at {
        Some(at) => item.placed(keys::due(Work::Renewals, id.get(), at)),
        None => item,
    }
    .finish()
}

/// That nobody wrote it since it was read.
pub(super) fn unchanged(renewal: &Renewal) -> Expression {
    match renewal.revision {
        0 => Expression::absent(),
        revision => Expression::is("revision", n(revision)),
    }
}

/// The renewal of a certificate, written or not. One read.
pub(super) async fn one(table: &Table, certificate: &Certificate) -> Result<Renewal, StoreError> {
    match table.get(&keys::renewal(certificate.id)).await? {
        Some(row) => from_item(&row),
        None => Ok(renewal::first(certificate)),
    }
}
