//! Certificates and bindings.

use std::cmp::Reverse;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::future::try_join_all;

use super::{
    DynamoStore, END, Item, LIST, Range, Row, TABLE,
    account_lifecycle::certificates_of,
    n, pad, renewal_items, s,
    write::{Condition, Refusal},
};
use crate::store::{BindingFilter, CertificateFilter, CertificateStore, StoreError};
use certmint_core::{
    certificate::{Binding, Certificate, CertificateSource, CertificateStatus},
    chore::Chore,
    issuance::Request,
    renewal::{self, Renewal},
    words::{AccountId, CertificateId, Page, PageRequest, RequestId, Timestamp},
};

pub(super) fn key(id: CertificateId) -> String {
    format!("CERTIFICATE#{id}")
}

pub(super) fn fingerprint_key(fingerprint: &str) -> String {
    format!("UNIQUE#FINGERPRINT#{fingerprint}")
}

pub(super) fn read(row: &Row) -> Result<Certificate, StoreError> {
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
        version: row.opt_number("version")?.unwrap_or(1),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        lifecycle: row.json("lifecycle")?,
    })
}

fn list(status: CertificateStatus, source: CertificateSource, wildcard: bool) -> String {
    let kind = if wildcard { "wildcard" } else { "plain" };
    format!("CERTIFICATE#{}#{}#{kind}", status.as_str(), source.as_str())
}

/// The list that counts and holds it.
pub(super) fn list_of(certificate: &Certificate, status: CertificateStatus) -> String {
    list(status, certificate.source, certificate.is_wildcard())
}

/// The lists that a filter asks for: at most twelve without a status.
pub(super) fn lists(filter: &CertificateFilter) -> Vec<String> {
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
                    lists.push(list(status, source, wildcard));
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

pub(super) fn write(certificate: &Certificate) -> Result<Item, StoreError> {
    let names = serde_json::to_string(&certificate.names).map_err(|e| StoreError::Refused {
        operation: "PutItem",
        message: e.to_string(),
    })?;
    let mut item = Item::from([
        ("pk".into(), s(key(certificate.id))),
        ("sk".into(), s("META")),
        (
            "list_pk".into(),
            s(list_of(certificate, CertificateStatus::Issued)),
        ),
        ("lifecycle".into(), s(lifecycle(certificate)?)),
        ("list_sk".into(), s(pad(certificate.id.get()))),
        ("id".into(), n(certificate.id)),
        ("fingerprint".into(), s(&certificate.fingerprint)),
        ("serial".into(), s(&certificate.serial)),
        ("issuer".into(), s(&certificate.issuer)),
        ("names".into(), s(names)),
        ("not_before".into(), n(certificate.not_before.millis())),
        ("expires_at".into(), n(certificate.expires_at.millis())),
        ("cert_pem".into(), s(&certificate.cert_pem)),
        ("chain_pem".into(), s(&certificate.chain_pem)),
        ("key_ref".into(), s(&certificate.key_ref)),
        ("source".into(), s(certificate.source.as_str())),
        ("provider".into(), s(&certificate.provider)),
        ("version".into(), n(certificate.version)),
        ("created_at".into(), n(certificate.created_at.millis())),
        ("updated_at".into(), n(certificate.updated_at.millis())),
    ]);
    if let Some(id) = certificate.account_id {
        item.insert("account_id".into(), n(id));
    }
    if let Some(id) = certificate.request_id {
        item.insert("request_id".into(), n(id));
    }
    if let Some(profile) = &certificate.profile {
        item.insert("profile".into(), s(profile));
    }
    Ok(item)
}

impl DynamoStore {
    /// That the request is still in the hands of who records.
    pub(super) fn held(&self, (request, fence): (RequestId, u64)) -> Result<TransactWriteItem, StoreError> {
        let held = Condition::new("fence = :fence").with(":fence", n(fence));
        self.check(&format!("REQUEST#{request}"), "META", held)
    }

    /// The writes of a new certificate: its fingerprint, itself, its renewal, its pointer, counts and end.
    pub(super) fn record_items(
        &self,
        certificate: &Certificate,
        renewal: &Renewal,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let id = certificate.id;
        let lock = Item::from([
            ("pk".into(), s(fingerprint_key(&certificate.fingerprint))),
            ("sk".into(), s("META")),
            ("id".into(), n(id)),
        ]);
        let expiry = Chore::ExpireCertificate { id };
        let mut items = vec![
            self.put(lock, Condition::absent())?,
            self.put(write(certificate)?, Condition::absent())?,
            self.put(renewal_items::write(renewal), Condition::default())?,
            self.put(super::relations::pointer(certificate), Condition::default())?,
            self.promise(&format!("expire-{id}"), &expiry, certificate.expires_at)?,
        ];
        items.extend(self.count(&list_of(certificate, CertificateStatus::Issued), id.get(), 1)?);
        if let Some(account) = certificate.account_id {
            items.extend(self.count(&certificates_of(account), id.get(), 1)?);
        }
        Ok(items)
    }

    pub(super) async fn by_fingerprint(&self, fingerprint: &str) -> Result<Option<Certificate>, StoreError> {
        match self.get(&fingerprint_key(fingerprint), "META").await? {
            Some(row) => self
                .certificate(CertificateId::new(row.number("id")?))
                .await
                .map(Some),
            None => Ok(None),
        }
    }
}

pub(super) const fn active_word(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}

pub(super) fn read_binding(row: &Row) -> Result<Binding, StoreError> {
    Ok(Binding {
        certificate_id: CertificateId::new(row.number("certificate_id")?),
        website_id: row.number("website_id")?,
        active: row.text("status")? == "active",
    })
}

#[async_trait]
impl CertificateStore for DynamoStore {
    /// Reads: 1. Writes: the counter, then one transaction of certificate, uniqueness, names, renewal, counts and fence
    /// check.
    async fn record_certificate(
        &self,
        certificate: Certificate,
        made_by: Option<&Request>,
    ) -> Result<Certificate, StoreError> {
        if let Some(known) = self.by_fingerprint(&certificate.fingerprint).await? {
            return Ok(known);
        }
        let id = CertificateId::new(self.next_id("CERTIFICATE").await?);
        let certificate = Certificate { id, ..certificate };
        // Before the certificate: an entry without it is passed over, a certificate without its entries is not found.
        self.put_names(&certificate).await?;
        let renewal = renewal::recorded(&certificate, made_by);
        let mut items = self.record_items(&certificate, &renewal)?;
        let fence = made_by.map(|request| (request.id, request.lease.fence));
        if let Some(fence) = fence {
            items.push(self.held(fence)?);
        }
        match (self.transact(items).await, fence) {
            (Ok(()), _) => Ok(certificate),
            (Err(Refusal::Condition(0 | 1)), _) => self
                .by_fingerprint(&certificate.fingerprint)
                .await?
                .ok_or_else(|| StoreError::Conflict {
                    kind: "certificate",
                    id: certificate.fingerprint.clone(),
                }),
            (Err(Refusal::Condition(_)), Some((request, _))) => Err(StoreError::LeaseLost(request)),
            (Err(refusal), _) => Err(refusal.or(StoreError::Conflict {
                kind: "certificate",
                id: id.to_string(),
            })),
        }
    }

    async fn certificate(&self, id: CertificateId) -> Result<Certificate, StoreError> {
        match self.get(&key(id), "META").await? {
            Some(row) => read(&row),
            None => Err(StoreError::NotFound {
                kind: "certificate",
                id: id.to_string(),
            }),
        }
    }

    /// At most twelve totals and index reads; deep pages as with requests. By name: one read for each certificate that
    /// has it.
    async fn certificates(
        &self,
        filter: &CertificateFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError> {
        if let Some(name) = &filter.name {
            return self.certificates_by_name(name, filter, page).await;
        }
        let lists = lists(filter);
        let totals = try_join_all(lists.iter().map(|list| self.total(list))).await?;
        let total = totals.iter().sum();
        let filled: Vec<&String> = lists
            .iter()
            .zip(&totals)
            .filter(|(_, n)| **n > 0)
            .map(|(l, _)| l)
            .collect();
        let size = page.page_size as usize;
        let (before, skip) = match &page.cursor {
            Some(cursor) => (cursor.parse().map_err(|_| StoreError::BadCursor)?, 0),
            None => {
                let offset = u64::from(page.page.max(1) - 1) * u64::from(page.page_size);
                self.seek_in(&filled, offset).await?
            }
        };
        let skip = usize::try_from(skip).unwrap_or(0);
        let ranges: Vec<Range<'_>> = filled
            .into_iter()
            .map(|list| Range {
                index: Some("list"),
                keys: LIST,
                partition: list.clone(),
                from: "0".into(),
                to: pad(before.min(999_999_999_999).saturating_sub(1)),
                forward: false,
            })
            .collect();
        let reads = try_join_all(ranges.iter().map(|range| self.range(range, size + skip))).await?;
        let mut rows = reads.iter().flatten().map(read).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|c| Reverse(c.id));
        let rows: Vec<Certificate> = rows.into_iter().skip(skip).take(size).collect();
        Ok(Page::up_to(size, rows, total, |c| c.id.to_string()))
    }

    async fn put_binding(&self, binding: &Binding, now: Timestamp) -> Result<(), StoreError> {
        self.bind(binding, now).await
    }

    /// Of a certificate: one partition. Of all: the rows up to the page; a website has one active binding.
    async fn bindings(
        &self,
        filter: &BindingFilter,
        page: &PageRequest,
    ) -> Result<Page<Binding>, StoreError> {
        let ranges: Vec<Range<'_>> = match filter.certificate_id {
            Some(id) => vec![Range {
                index: None,
                keys: TABLE,
                partition: key(id),
                from: "BINDING#".into(),
                to: format!("BINDING#{END}"),
                forward: true,
            }],
            None => [true, false]
                .into_iter()
                .filter(|a| filter.active.is_none_or(|x| x == *a))
                .map(|a| Range {
                    index: Some("list"),
                    keys: LIST,
                    partition: format!("BINDING#{}", active_word(a)),
                    from: "0".into(),
                    to: END.into(),
                    forward: true,
                })
                .collect(),
        };
        let reads = try_join_all(ranges.iter().map(|range| self.range(range, usize::MAX))).await?;
        let mut all = reads
            .iter()
            .flatten()
            .map(read_binding)
            .collect::<Result<Vec<_>, _>>()?;
        all.retain(|b| filter.active.is_none_or(|a| a == b.active));
        all.sort_by_key(|b| (b.certificate_id, b.website_id));
        let total = all.len() as u64;
        let skip = (page.page.max(1) as usize - 1) * page.page_size as usize;
        let list = all.into_iter().skip(skip).take(page.page_size as usize).collect();
        Ok(Page {
            list,
            total,
            next_cursor: None,
        })
    }
}
