//! Certificates and requests, each newest first, as one list.

use std::collections::VecDeque;

use super::state::Certificates;
use crate::{
    api::error::ApiError,
    store::{CertificateFilter, RequestFilter},
};
use certmint_core::{
    certificate::Certificate,
    issuance::{Request, RequestStatus},
    words::{Page, PageRequest, Room},
};

/// Rows up to a page by number: further on only a cursor leads, which costs the same anywhere.
const FAR: u64 = 1_000;
/// Rows that are read of one list at once.
const STRIDE: u32 = 100;

/// A record of either kind.
pub(super) enum Record {
    Certificate(Box<Certificate>),
    Request(Box<Request>),
}

impl Record {
    fn weight(&self, pem: bool) -> usize {
        match self {
            Self::Certificate(c) => c.row_bytes(pem),
            Self::Request(r) => r.row_bytes(),
        }
    }
}

/// Where a page starts: below which certificate, below which request.
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

    fn pass(&mut self, record: &Record) {
        match record {
            Record::Certificate(c) => self.certificate = c.id.get(),
            Record::Request(r) => self.request = r.id.get(),
        }
    }
}

/// Which list a source reads.
enum Of {
    Certificates(CertificateFilter),
    Requests(RequestFilter),
}

/// One of the lists, read as far as it is needed.
struct Source {
    of: Of,
    rows: VecDeque<Record>,
    /// Where it goes on; `None` if it has been read to its end.
    next: Option<PageRequest>,
    total: u64,
}

impl Source {
    fn new(of: Of, page_size: u32, place: Place) -> Self {
        let below = match of {
            Of::Certificates(_) => place.certificate,
            Of::Requests(_) => place.request,
        };
        let cursor = (below != u64::MAX).then(|| below.to_string());
        let page = 1;
        Self {
            of,
            rows: VecDeque::new(),
            next: Some(PageRequest {
                page,
                page_size,
                cursor,
            }),
            total: 0,
        }
    }

    /// Reads on until a row is at hand or the list is at its end. A page may be empty and not the last one.
    async fn fill(&mut self, certificates: &Certificates) -> Result<(), ApiError> {
        while self.rows.is_empty()
            && let Some(page) = self.next.take()
        {
            let (total, cursor) = match &self.of {
                Of::Certificates(filter) => {
                    let found = certificates.store.certificates(filter, &page).await?;
                    let rows = found.list.into_iter().map(|c| Record::Certificate(Box::new(c)));
                    self.rows.extend(rows);
                    (found.total, found.next_cursor)
                }
                Of::Requests(filter) => {
                    let found = certificates.requests.requests(filter, &page).await?;
                    let rows = found.list.into_iter().map(|r| Record::Request(Box::new(r)));
                    self.rows.extend(rows);
                    (found.total, found.next_cursor)
                }
            };
            self.total = total;
            self.next = cursor.map(|cursor| PageRequest {
                cursor: Some(cursor),
                ..page
            });
        }
        Ok(())
    }
}

/// The source whose first row comes next: requests are in the order of their ids, as a cursor names them; a certificate
/// comes before a request that is no newer.
async fn first(sources: &mut [Source], certificates: &Certificates) -> Result<Option<usize>, ApiError> {
    for source in &mut *sources {
        source.fill(certificates).await?;
    }
    let (mut certificate, mut request) = (None, None);
    for (index, source) in sources.iter().enumerate() {
        match source.rows.front() {
            Some(Record::Certificate(c)) => certificate = Some((c.created_at, index)),
            Some(Record::Request(r)) => request = request.max(Some((r.id, r.created_at, index))),
            None => {}
        }
    }
    Ok(match (certificate, request) {
        (Some((made, index)), Some((_, asked, _))) if made >= asked => Some(index),
        (_, Some((_, _, index))) => Some(index),
        (certificate, None) => certificate.map(|(_, index)| index),
    })
}

/// A page of both lists. Behind a cursor it reads a page of each; by number, the rows up to it.
pub(super) async fn merged(
    certificates: &Certificates,
    (filter, statuses): (Option<CertificateFilter>, &[RequestStatus]),
    page: &PageRequest,
) -> Result<Page<Record>, ApiError> {
    let (mut place, skip) = match &page.cursor {
        Some(cursor) => {
            let wrong = || ApiError::value("cursor", "is not one that an earlier page gave");
            (Place::parse(cursor).ok_or_else(wrong)?, 0)
        }
        None => (Place::START, u64::from(page.page - 1) * u64::from(page.page_size)),
    };
    if skip > FAR {
        let text = format!("leads over {FAR} rows on; follow nextCursor");
        return Err(ApiError::value("page", text));
    }
    let pem = filter.as_ref().is_some_and(|filter| filter.pem);
    let of_requests = statuses.iter().map(|status| {
        let status = Some(*status);
        Of::Requests(RequestFilter {
            status,
            ..RequestFilter::default()
        })
    });
    let stride = if skip == 0 { page.page_size } else { STRIDE };
    let of = filter.map(Of::Certificates).into_iter().chain(of_requests);
    let mut sources: Vec<Source> = of.map(|of| Source::new(of, stride, place)).collect();

    let (mut list, mut room, mut before) = (Vec::new(), Room::default(), skip);
    let mut is_followed = true;
    while list.len() < page.page_size as usize {
        let Some(source) = first(&mut sources, certificates).await? else {
            is_followed = false;
            break;
        };
        let rows = sources.get_mut(source).map(|source| &mut source.rows);
        let mut fits = |record: &Record| before > 0 || room.takes(record.weight(pem));
        let Some(record) = rows.and_then(|rows| rows.pop_front_if(|record| fits(record))) else {
            break;
        };
        place.pass(&record);
        match before.checked_sub(1) {
            Some(left) => before = left,
            None => list.push(record),
        }
    }
    Ok(Page {
        list,
        total: sources.iter().map(|source| source.total).sum(),
        next_cursor: is_followed.then(|| format!("{}-{}", place.certificate, place.request)),
    })
}
