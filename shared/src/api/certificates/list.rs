//! Certificates, and the requests that have none (yet), in one list, newest first.

use axum::extract::State;
use serde::Serialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        ObjectBuilder,
        path::{Parameter, ParameterIn},
    },
};

use super::{
    open_request::{OPEN, OpenRequestView},
    renewed::with_renewals,
    state::Certificates,
    wire::{CertificateView, source_words},
};
use crate::{
    api::{
        describe::words,
        envelope::{Answer, Data},
        error::ApiError,
        paging::{Cursored, List},
        permit::Read,
        query::{FromQuery, Params, Query},
        resource::routes,
        state::Now,
    },
    store::{CertificateFilter, RenewalStore, RequestFilter},
};
use certmint_core::{
    certificate::{Certificate, CertificateSource, CertificateStatus},
    issuance::{Request, RequestStatus},
    words::{DomainName, Page, PageRequest, Timestamp},
};

routes!["certificates": list];

/// Rows up to a page by number: further on only a cursor leads, which costs the same anywhere.
const FAR: u64 = 1_000;

/// A status that the list can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Certificate(CertificateStatus),
    Request(RequestStatus),
}

const STATUSES: [(&str, Status); 7] = [
    ("issued", Status::Certificate(CertificateStatus::Issued)),
    ("expired", Status::Certificate(CertificateStatus::Expired)),
    ("revoked", Status::Certificate(CertificateStatus::Revoked)),
    ("deleted", Status::Certificate(CertificateStatus::Deleted)),
    ("pending", Status::Request(RequestStatus::Pending)),
    ("running", Status::Request(RequestStatus::Running)),
    ("failed", Status::Request(RequestStatus::Failed)),
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

const KINDS: [(&str, Kind); 2] = [("certificate", Kind::Certificate), ("request", Kind::Request)];

fn status_words() -> ObjectBuilder {
    let text = "The first four are of certificates, the others of requests. Without it all but deleted.";
    words(STATUSES.map(|(word, _)| word)).description(Some(text))
}

fn kind_words() -> ObjectBuilder {
    words(KINDS.map(|(word, _)| word)).description(Some("Only certificates, or only requests"))
}

/// A query as it is written.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read as `Asked`, described here")]
struct Written {
    #[param(schema_with = kind_words)]
    kind: Option<String>,
    #[param(schema_with = status_words)]
    status: Option<String>,
    /// Certificates with this name or one below it.
    #[param(max_length = 254)]
    name: Option<String>,
    /// Certificates with (true) or without (false) a wildcard among the names.
    wildcard: Option<bool>,
    #[param(schema_with = source_words)]
    source: Option<String>,
}

impl IntoParams for Asked {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Written::into_params(place)
    }
}

/// What a query asks for: which certificates, and requests with which statuses.
struct Asked {
    certificates: Option<CertificateFilter>,
    requests: Vec<RequestStatus>,
}

impl FromQuery for Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let kind = params.word("kind", &KINDS)?;
        let status = params.word("status", &STATUSES)?;
        let source = params.word("source", &SOURCES)?;
        let wildcard = params.flag("wildcard")?;
        let name: Option<DomainName> = params.parsed("name")?;
        // Requests are not indexed by these: asking for one is asking for certificates.
        let narrowed = name.is_some() || wildcard.is_some() || source == Some(CertificateSource::Upload);
        let of_request = matches!(status, Some(Status::Request(_)));
        let of_certificate = matches!(status, Some(Status::Certificate(_)));
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
                Some(Status::Certificate(status)) => Some(status),
                _ => None,
            },
            name,
        });
        let requests = match status {
            Some(Status::Request(status)) => vec![status],
            Some(Status::Certificate(_)) => vec![],
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

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CertificateOrRequest)]
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

/// Records as rows; the renewals of all certificates among them are read at once.
async fn rows(
    renewals: &dyn RenewalStore,
    records: Vec<Record>,
    now: Timestamp,
) -> Result<Vec<Row>, ApiError> {
    let certificates = records.iter().filter_map(|record| match record {
        Record::Certificate(c) => Some((**c).clone()),
        Record::Request(_) => None,
    });
    let mut renewed = with_renewals(renewals, certificates.collect()).await?.into_iter();
    let row = |record| match record {
        Record::Certificate(_) => renewed
            .next()
            .map(|row| Row::Certificate(Box::new(row.view(now)))),
        Record::Request(r) => Some(Row::Request(Box::new(OpenRequestView::from(*r)))),
    };
    Ok(records.into_iter().filter_map(row).collect())
}

async fn merged(
    certificates: &Certificates,
    asked: &Asked,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<Row>, ApiError> {
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
    let mut issued = Vec::new();
    if let Some(filter) = &asked.certificates {
        let found = certificates
            .store
            .certificates(filter, &below(place.certificate))
            .await?;
        total += found.total;
        issued = found.list;
    }
    let mut requests = Vec::new();
    for status in &asked.requests {
        let filter = RequestFilter {
            status: Some(*status),
            ..RequestFilter::default()
        };
        let found = certificates
            .requests
            .requests(&filter, &below(place.request))
            .await?;
        total += found.total;
        requests.extend(found.list);
    }
    requests.sort_by_key(|r| std::cmp::Reverse(r.id));
    let records = merge(issued, requests, skip, size, &mut place);
    let list = rows(&*certificates.renewals, records, now).await?;
    let next_cursor = (list.len() == size).then(|| format!("{}-{}", place.certificate, place.request));
    Ok(Page {
        list,
        total,
        next_cursor,
    })
}

/// Certificates and the requests that have none, newest first.
///
/// Reads at most a page of each list behind a cursor; by page number, the rows up to that page.
#[utoipa::path(get, path = "/api/v1/certificates", operation_id = "listCertificates")]
async fn list(
    _: Read,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Cursored(page): Cursored,
    Query(asked): Query<Asked>,
) -> Data<List<Row>> {
    let found = match (&asked.certificates, asked.requests.is_empty()) {
        // One list alone finds its pages by its counters.
        (Some(filter), true) => {
            let found = certificates.store.certificates(filter, &page).await?;
            let list = with_renewals(&*certificates.renewals, found.list).await?;
            Page {
                list: list
                    .into_iter()
                    .map(|row| Row::Certificate(Box::new(row.view(now))))
                    .collect(),
                total: found.total,
                next_cursor: found.next_cursor,
            }
        }
        _ => merged(&certificates, &asked, &page, now).await?,
    };
    Ok(Answer(List::of(found, &page, |row| row)))
}
