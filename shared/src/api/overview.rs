//! GET `/certificates`: certificates, and the requests that have none (yet), in one list, newest first.

use serde::Serialize;

use super::{
    Api, Data, data,
    error::ApiError,
    input::Params,
    wire::{CertificateView, List, OpenRequestView},
};
use crate::store::{CertificateFilter, RequestFilter};
use certmint_core::{
    certificate::{Certificate, CertificateSource, CertificateStatus},
    issuance::{Request, RequestStatus},
    words::{DomainName, Page, PageRequest},
};

/// Rows up to a page by number, which are read to be merged: further on only a cursor leads, which costs the same anywhere.
const FAR: u64 = 1_000;

/// A status that the list can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Certificate(CertificateStatus),
    Request(RequestStatus),
}

const STATUSES: [(&str, Asked); 7] = [
    ("issued", Asked::Certificate(CertificateStatus::Issued)),
    ("expired", Asked::Certificate(CertificateStatus::Expired)),
    ("revoked", Asked::Certificate(CertificateStatus::Revoked)),
    ("deleted", Asked::Certificate(CertificateStatus::Deleted)),
    ("pending", Asked::Request(RequestStatus::Pending)),
    ("running", Asked::Request(RequestStatus::Running)),
    ("failed", Asked::Request(RequestStatus::Failed)),
];

/// Requests without a certificate.
const OPEN: [RequestStatus; 3] = [
    RequestStatus::Pending,
    RequestStatus::Running,
    RequestStatus::Failed,
];

const SOURCES: [(&str, CertificateSource); 2] = [
    ("acme", CertificateSource::Acme),
    ("upload", CertificateSource::Upload),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Certificate,
    Request,
}

/// What a query asks for: which certificates, and requests with which statuses.
struct Query {
    certificates: Option<CertificateFilter>,
    requests: Vec<RequestStatus>,
}

impl Query {
    fn of(params: &Params<'_>) -> Result<Self, ApiError> {
        let kind = params.word(
            "kind",
            &[("certificate", Kind::Certificate), ("request", Kind::Request)],
        )?;
        let status = params.word("status", &STATUSES)?;
        let source = params.word("source", &SOURCES)?;
        let wildcard = params.word("wildcard", &[("true", true), ("false", false)])?;
        let name: Option<DomainName> = params
            .get("name")
            .map(|text| text.parse().map_err(|e| ApiError::value("name", e)))
            .transpose()?;
        // Requests are not indexed by these: asking for one is asking for certificates.
        let narrowed = name.is_some() || wildcard.is_some() || source == Some(CertificateSource::Upload);
        let of_request = matches!(status, Some(Asked::Request(_)));
        let of_certificate = matches!(status, Some(Asked::Certificate(_)));
        if (kind == Some(Kind::Request) || of_request) && (narrowed || of_certificate) {
            let text = "cannot be asked for together with a wildcard, a name, source=upload or a certificate's status";
            return Err(ApiError::value("kind=request or a request's status", text));
        }
        if kind == Some(Kind::Certificate) && of_request {
            return Err(ApiError::value("status", "is none of a certificate"));
        }
        let certificates = (kind != Some(Kind::Request) && !of_request).then_some(CertificateFilter {
            wildcard,
            source,
            status: match status {
                Some(Asked::Certificate(status)) => Some(status),
                _ => None,
            },
            name,
        });
        let requests = match status {
            Some(Asked::Request(status)) => vec![status],
            Some(Asked::Certificate(_)) => vec![],
            None if narrowed || kind == Some(Kind::Certificate) => vec![],
            None => OPEN.to_vec(),
        };
        Ok(Self {
            certificates,
            requests,
        })
    }
}

/// Where a page of two lists starts: below which certificate, below which request.
#[derive(Clone, Copy)]
struct Place {
    certificate: u64,
    request: u64,
}

impl Place {
    const START: Self = Self {
        certificate: u64::MAX,
        request: u64::MAX,
    };

    fn parse(cursor: &str) -> Option<Self> {
        let (certificate, request) = cursor.split_once('-')?;
        Some(Self {
            certificate: certificate.parse().ok()?,
            request: request.parse().ok()?,
        })
    }
}

/// A row: one of the two.
#[derive(Serialize)]
#[serde(untagged)]
enum Row {
    Certificate(Box<CertificateView>),
    Request(Box<OpenRequestView>),
}

/// A record of either kind.
enum Record {
    Certificate(Box<Certificate>),
    Request(Box<Request>),
}

/// Two lists, each newest first, as one.
fn merge(
    certificates: Vec<Certificate>,
    requests: Vec<Request>,
    skip: usize,
    size: usize,
    place: &mut Place,
) -> Vec<Record> {
    let mut certificates = certificates.into_iter().peekable();
    let mut requests = requests.into_iter().peekable();
    let mut rows = Vec::new();
    for index in 0..skip + size {
        let certificate_first = match (certificates.peek(), requests.peek()) {
            (Some(c), Some(r)) => c.created_at >= r.created_at,
            (c, _) => c.is_some(),
        };
        let row = if certificate_first {
            certificates.next().map(|c| {
                place.certificate = c.id.get();
                Record::Certificate(Box::new(c))
            })
        } else {
            requests.next().map(|r| {
                place.request = r.id.get();
                Record::Request(Box::new(r))
            })
        };
        match row {
            Some(row) if index >= skip => rows.push(row),
            Some(_) => {}
            None => break,
        }
    }
    rows
}

impl Api {
    /// Reads at most a page of each list behind a cursor; by page number, the rows up to that page.
    pub(super) async fn list_certificates(&self, params: &Params<'_>) -> Data {
        let page = params.page()?;
        let query = Query::of(params)?;
        let now = self.clock.now();
        match (&query.certificates, query.requests.is_empty()) {
            // One list alone finds its pages by its counters.
            (Some(filter), true) => {
                let found = self.store.certificates(filter, &page).await?;
                let list = self.with_renewals(found.list).await?;
                let found = Page {
                    list,
                    total: found.total,
                    next_cursor: found.next_cursor,
                };
                data(&List::of(found, &page, |row| row.view(now)))
            }
            _ => {
                let found = self.merged(&query, &page).await?;
                data(&List::of(found, &page, |row| row))
            }
        }
    }

    /// Records as rows; the renewals of all certificates among them are read at once.
    async fn rows(&self, records: Vec<Record>) -> Result<Vec<Row>, ApiError> {
        let certificates = records.iter().filter_map(|record| match record {
            Record::Certificate(c) => Some((**c).clone()),
            Record::Request(_) => None,
        });
        let mut renewed = self.with_renewals(certificates.collect()).await?.into_iter();
        let now = self.clock.now();
        let row = |record| match record {
            Record::Certificate(_) => renewed
                .next()
                .map(|row| Row::Certificate(Box::new(row.view(now)))),
            Record::Request(r) => Some(Row::Request(Box::new(OpenRequestView::from(*r)))),
        };
        Ok(records.into_iter().filter_map(row).collect())
    }

    async fn merged(&self, query: &Query, page: &PageRequest) -> Result<Page<Row>, ApiError> {
        let size = page.page_size as usize;
        let (mut place, skip) = match &page.cursor {
            Some(cursor) => {
                let place = Place::parse(cursor);
                let wrong = || ApiError::value("cursor", "is not one that an earlier page gave");
                (place.ok_or_else(wrong)?, 0)
            }
            None => (Place::START, u64::from(page.page - 1) * u64::from(page.page_size)),
        };
        if skip > FAR {
            let text = format!("leads over {FAR} rows on; follow nextCursor");
            return Err(ApiError::value("page", text));
        }
        let skip = usize::try_from(skip).unwrap_or(0);
        let below = |id: u64| PageRequest {
            page: 1,
            page_size: u32::try_from(skip + size).unwrap_or(u32::MAX),
            cursor: (id != u64::MAX).then(|| id.to_string()),
        };
        let mut total = 0;
        let mut certificates = Vec::new();
        if let Some(filter) = &query.certificates {
            let found = self.store.certificates(filter, &below(place.certificate)).await?;
            total += found.total;
            certificates = found.list;
        }
        let mut requests = Vec::new();
        for status in &query.requests {
            let filter = RequestFilter {
                status: Some(*status),
                ..RequestFilter::default()
            };
            let found = self.store.requests(&filter, &below(place.request)).await?;
            total += found.total;
            requests.extend(found.list);
        }
        requests.sort_by_key(|r| std::cmp::Reverse(r.id));
        let records = merge(certificates, requests, skip, size, &mut place);
        let list = self.rows(records).await?;
        let next_cursor = (list.len() == size).then(|| format!("{}-{}", place.certificate, place.request));
        Ok(Page {
            list,
            total,
            next_cursor,
        })
    }
}
