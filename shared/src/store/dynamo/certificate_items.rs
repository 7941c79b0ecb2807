//! Certificates as items, with those that point to them.

use super::{
    chores,
    item::{Item, Row, Writer, n, s},
    keys::{self, Index, List},
    name_pointers, renewal_items,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{CertificateFilter, StoreError};
use certmint_core::{
    certificate::{Certificate, CertificateSource, CertificateStatus},
    chore::Chore,
    renewal::Renewal,
    words::{AccountId, CertificateId, RequestId, Timestamp},
};

/// How many active bindings it has: beside the certificate, which does not know it.
pub(super) const WEBSITES: &str = "active_bindings";
const LISTED: &str = Index::List.attributes().0;

pub(super) fn from_item(row: &Row) -> Result<Certificate, StoreError> {
    Ok(Certificate {
        id: CertificateId::new(row.number("id")?),
        fingerprint: row.text("fingerprint")?.to_owned(),
        serial: row.text("serial")?.to_owned(),
        issuer: row.text("issuer")?.to_owned(),
        names: row.json("names")?,
        not_before: row.time("not_before")?,
        expires_at: row.time("expires_at")?,
        cert_pem: row.text("cert_pem")?.to_owned(),
        chain_pem: row.text("chain_pem")?.to_owned(),
        key_ref: row.text("key_ref")?.to_owned(),
        source: row.word("source")?,
        account_id: row.opt_number("account_id")?.map(AccountId::new),
        provider: row.text("provider")?.to_owned(),
        request_id: row.opt_number("request_id")?.map(RequestId::new),
        profile: row.opt_text("profile").map(str::to_owned),
        version: row.number("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        lifecycle: row.json("lifecycle")?,
    })
}

fn attributes(item: Writer, certificate: &Certificate) -> Writer {
    item.number("id", certificate.id)
        .text("fingerprint", &certificate.fingerprint)
        .text("serial", &certificate.serial)
        .text("issuer", &certificate.issuer)
        .json("names", &certificate.names)
        .time("not_before", certificate.not_before)
        .time("expires_at", certificate.expires_at)
        .text("cert_pem", &certificate.cert_pem)
        .text("chain_pem", &certificate.chain_pem)
        .text("key_ref", &certificate.key_ref)
        .text("source", certificate.source.as_str())
        .opt_number("account_id", certificate.account_id)
        .text("provider", &certificate.provider)
        .opt_number("request_id", certificate.request_id)
        .opt_text("profile", certificate.profile.as_ref())
        .number("version", certificate.version)
        .time("created_at", certificate.created_at)
        .time("updated_at", certificate.updated_at)
        .json("lifecycle", &certificate.lifecycle)
}

/// In the list of a status, used by so many websites.
pub(super) fn to_item(
    certificate: &Certificate,
    status: CertificateStatus,
    websites: u64,
) -> Result<Item, StoreError> {
    let place = keys::listed_by_id(&list_of(certificate, status), certificate.id.get());
    let item = Writer::new(&keys::certificate(certificate.id)).placed(place);
    attributes(item, certificate).number(WEBSITES, websites).finish()
}

/// An older version: readable, in no index.
pub(super) fn version_to_item(certificate: &Certificate) -> Result<Item, StoreError> {
    let item = Writer::new(&keys::version(certificate.id, certificate.version));
    attributes(item, certificate).finish()
}

pub(super) fn websites(row: &Row) -> Result<u64, StoreError> {
    row.number(WEBSITES)
}

/// The list that counts and holds it.
pub(super) fn list_of(certificate: &Certificate, status: CertificateStatus) -> List {
    List::certificates(status, certificate.source, certificate.is_wildcard())
}

/// The list that an item is in.
pub(super) fn listed(row: &Row) -> Result<List, StoreError> {
    row.text(LISTED).map(List::stored)
}

/// The lists that a filter asks for: at most twelve without a status.
pub(super) fn lists_of(filter: &CertificateFilter) -> Vec<List> {
    let mut lists = Vec::new();
    for status in CertificateStatus::ALL {
        let asked = filter
            .status
            .map_or(status != CertificateStatus::Deleted, |x| x == status);
        for source in CertificateSource::ALL {
            for wildcard in [true, false] {
                if asked
                    && filter.source.is_none_or(|x| x == source)
                    && filter.wildcard.is_none_or(|x| x == wildcard)
                {
                    lists.push(List::certificates(status, source, wildcard));
                }
            }
        }
    }
    lists
}

/// What a lifecycle is stored as, and compared by.
pub(super) fn lifecycle(certificate: &Certificate) -> Result<String, StoreError> {
    serde_json::to_string(&certificate.lifecycle).map_err(|e| StoreError::Refused {
        operation: "PutItem",
        message: e.to_string(),
    })
}

/// That nobody changed its lifecycle since the item was read.
pub(super) fn same_lifecycle(row: &Row) -> Result<Expression, StoreError> {
    Ok(Expression::is("lifecycle", s(row.text("lifecycle")?)))
}

/// The same, and that it was moved to no other list.
pub(super) fn same_place(row: &Row) -> Result<Expression, StoreError> {
    Ok(same_lifecycle(row)?.and(Expression::is(LISTED, s(row.text(LISTED)?))))
}

/// Gives it another lifecycle and files it in the list that is right then.
pub(super) fn refile(new: &Certificate, list: &List) -> Result<Expression, StoreError> {
    Ok(Expression::new(&format!(
        "SET #lifecycle = :new, #{LISTED} = :list, updated_at = :now"
    ))
    .with("new", s(lifecycle(new)?))
    .with("list", s(list.as_str()))
    .with("now", n(new.updated_at.millis())))
}

pub(super) fn missing(id: CertificateId) -> StoreError {
    StoreError::NotFound {
        kind: "certificate",
        id: id.to_string(),
    }
}

pub(super) fn changing(id: CertificateId) -> StoreError {
    StoreError::Conflict {
        kind: "certificate",
        id: id.to_string(),
    }
}

/// The item. One read.
pub(super) async fn row(table: &Table, id: CertificateId) -> Result<Row, StoreError> {
    let row = table.get(&keys::certificate(id)).await?;
    row.ok_or_else(|| missing(id))
}

/// One read.
pub(super) async fn one(table: &Table, id: CertificateId) -> Result<Certificate, StoreError> {
    from_item(&row(table, id).await?)
}

pub(super) fn fingerprint_to_item(certificate: &Certificate) -> Result<Item, StoreError> {
    Writer::new(&keys::fingerprint(&certificate.fingerprint))
        .number("id", certificate.id)
        .finish()
}

/// The certificate that has a fingerprint. One read.
pub(super) async fn id_with(table: &Table, fingerprint: &str) -> Result<Option<CertificateId>, StoreError> {
    let row = table.get(&keys::fingerprint(fingerprint)).await?;
    row.map(|row| row.number("id").map(CertificateId::new))
        .transpose()
}

/// The same, read. Two reads.
pub(super) async fn with_fingerprint(
    table: &Table,
    fingerprint: &str,
) -> Result<Option<Certificate>, StoreError> {
    match id_with(table, fingerprint).await? {
        Some(id) => one(table, id).await.map(Some),
        None => Ok(None),
    }
}

/// That somebody else may have a key. It stays.
pub(super) fn compromised_to_item(key_id: &str, now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(&keys::compromised(key_id))
        .time("created_at", now)
        .finish()
}

/// The account's count of certificates that are not deleted.
pub(super) fn count_of_account<E>(tx: &mut Tx<E>, certificate: &Certificate, delta: i64) {
    if let Some(account) = certificate.account_id {
        tx.count(&List::certificates_of(account), certificate.id.get(), delta);
    }
}

/// The chore of its end.
pub(super) fn expiry(id: CertificateId) -> (String, Chore) {
    (format!("expire-{id}"), Chore::ExpireCertificate { id })
}

/// The writes of a new certificate: its fingerprint, itself, its renewal, the pointers to it by its names and by its set of
/// names, counts and end. `known`: it is there.
pub(super) fn recording<E>(
    tx: &mut Tx<E>,
    certificate: &Certificate,
    renewal: &Renewal,
    known: impl Fn() -> E,
) -> Result<(), StoreError> {
    name_pointers::put_with(tx, certificate)?;
    if certificate.source == CertificateSource::Upload && certificate.has_key() {
        chores::claim_secret(tx, &certificate.key_ref, known());
    }
    let (id, status) = (certificate.id, CertificateStatus::Issued);
    tx.put_if(fingerprint_to_item(certificate)?, Expression::absent(), known());
    tx.put_if(to_item(certificate, status, 0)?, Expression::absent(), known());
    tx.put(renewal_items::to_item(renewal)?);
    let same_names = keys::same_names(&certificate.names, id);
    tx.put(Writer::new(&same_names).finish()?);
    let (name, chore) = expiry(id);
    chores::enqueue(tx, &name, &chore, certificate.expires_at)?;
    tx.count(&list_of(certificate, status), id.get(), 1);
    count_of_account(tx, certificate, 1);
    Ok(())
}
