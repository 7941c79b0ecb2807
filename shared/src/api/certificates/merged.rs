//! Certificates and requests, each newest first, as one list.
//!
//! A source says down to which id it was read. Its next row is the one at hand, or lies below: so a row of a kind is the next
//! one as soon as no source of that kind has to be read on first, and a page that gives up over items that cannot be read
//! goes on where each kind was read to. No row is passed over for it, and none is there twice.

use std::collections::VecDeque;

use super::state::Certificates;
use crate::{
    api::error::ApiError,
    store::{CertificateFilter, RequestFilter, StoreError, id_after},
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
    fn id(&self) -> u64 {
        match self {
            Self::Certificate(c) => c.id.get(),
            Self::Request(r) => r.id.get(),
        }
    }

    fn weight(&self, pem: bool) -> usize {
        match self {
            Self::Certificate(c) => c.row_bytes(pem),
            Self::Request(r) => r.row_bytes(),
        }
    }
}

/// Where a page starts: below which certificate, below which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Of what lies at this id or above, nothing is left but the rows at hand.
    read_to: u64,
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
            read_to: below,
            total: 0,
        }
    }

    const fn is_of_requests(&self) -> bool {
        matches!(self.of, Of::Requests(_))
    }

    fn has_ended(&self) -> bool {
        self.rows.is_empty() && self.next.is_none()
    }

    /// Above which id nothing of it is left.
    fn reached(&self) -> u64 {
        self.rows
            .front()
            .map_or(self.read_to, |row| row.id().saturating_add(1))
    }

    /// Reads a page on, which may be empty and not the last one. The first one counts the list, too.
    async fn read_on(&mut self, certificates: &Certificates) -> Result<(), ApiError> {
        let Some(page) = self.next.take() else {
            return Ok(());
        };
        let (total, cursor) = match &mut self.of {
            Of::Certificates(filter) => {
                let found = certificates.store.certificates(filter, &page).await?;
                filter.uncounted = true;
                let rows = found.list.into_iter().map(|c| Record::Certificate(Box::new(c)));
                self.rows.extend(rows);
                (found.total, found.next_cursor)
            }
            Of::Requests(filter) => {
                let found = certificates.requests.requests(filter, &page).await?;
                filter.uncounted = true;
                let rows = found.list.into_iter().map(|r| Record::Request(Box::new(r)));
                self.rows.extend(rows);
                (found.total, found.next_cursor)
            }
        };
        self.total = self.total.max(total);
        let next = cursor.map(|cursor| PageRequest {
            cursor: Some(cursor),
            ..page
        });
        if let Some((below, _)) = next.as_ref().map(id_after).transpose()?.flatten() {
            self.read_to = below;
        }
        self.next = next;
        Ok(())
    }
}

/// What comes next.
enum Next {
    /// The first row of this source.
    Row(usize),
    /// Nobody knows before these were read on: one of each kind at most.
    Read(Vec<usize>),
    End,
}

/// The lists, and how far a page may read them.
struct Sources {
    all: Vec<Source>,
    /// Pages of them that may still be read.
    left: usize,
}

impl Sources {
    /// The source of a kind that has its next row, or has to be read on to know it: the one that reached least far.
    fn leading(&self, of_requests: bool) -> Option<(usize, &Source)> {
        let open = self.all.iter().enumerate();
        open.filter(|(_, source)| source.is_of_requests() == of_requests && !source.has_ended())
            .max_by_key(|(_, source)| source.reached())
    }

    /// Requests are in the order of their ids, as a cursor names them; a certificate comes before a request that is no
    /// newer.
    fn next(&self) -> Next {
        let leading = [self.leading(false), self.leading(true)];
        let unread = leading
            .iter()
            .flatten()
            .filter(|(_, source)| source.rows.is_empty());
        let unread: Vec<usize> = unread.map(|(index, _)| *index).collect();
        if !unread.is_empty() {
            return Next::Read(unread);
        }
        match leading.map(|source| source.and_then(|(index, source)| Some((index, source.rows.front()?)))) {
            [
                Some((index, Record::Certificate(made))),
                Some((_, Record::Request(asked))),
            ] if made.created_at >= asked.created_at => Next::Row(index),
            [_, Some((index, _))] | [Some((index, _)), None] => Next::Row(index),
            [None, None] => Next::End,
        }
    }

    /// Reads these on; `false` if the page has read as much as it may.
    async fn read_on(&mut self, which: Vec<usize>, certificates: &Certificates) -> Result<bool, ApiError> {
        for index in which {
            let Some(left) = self.left.checked_sub(1) else {
                return Ok(false);
            };
            self.left = left;
            if let Some(source) = self.all.get_mut(index) {
                source.read_on(certificates).await?;
            }
        }
        Ok(true)
    }

    fn pop(&mut self, index: usize, fits: impl FnOnce(&Record) -> bool) -> Option<Record> {
        let mut fits = Some(fits);
        let rows = &mut self.all.get_mut(index)?.rows;
        rows.pop_front_if(|record| fits.take().is_some_and(|fits| fits(record)))
    }

    /// Where the next page starts: no further back than behind the rows that were passed, and where each kind was read to.
    fn place(&self, passed: Place) -> Place {
        let reached = |of_requests| match self.leading(of_requests) {
            Some((_, source)) => source.reached(),
            // All were read to their ends.
            None => {
                let ended = self.all.iter().filter(|s| s.is_of_requests() == of_requests);
                ended.map(|source| source.read_to).max().unwrap_or(u64::MAX)
            }
        };
        Place {
            certificate: passed.certificate.min(reached(false)),
            request: passed.request.min(reached(true)),
        }
    }
}

fn too_deep(rows: u64) -> ApiError {
    ApiError::value("page", format!("leads over {rows} rows on; follow nextCursor"))
}

/// A page of both lists. Behind a cursor it reads a page of each; by number, the rows up to it. Items that cannot be read
/// make it read on, at most as many pages more as there are lists: then it ends early, perhaps empty, and the next page
/// goes on there.
pub(super) async fn merged(
    certificates: &Certificates,
    (filter, statuses): (Option<CertificateFilter>, &[RequestStatus]),
    page: &PageRequest,
) -> Result<Page<Record>, ApiError> {
    let (mut passed, skip) = match &page.cursor {
        Some(cursor) => (Place::parse(cursor).ok_or(StoreError::BadCursor)?, 0),
        None => (Place::START, u64::from(page.page - 1) * u64::from(page.page_size)),
    };
    if skip > FAR {
        return Err(too_deep(FAR));
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
    let all: Vec<Source> = of.map(|of| Source::new(of, stride, passed)).collect();
    let pages = (skip + u64::from(page.page_size)).div_ceil(stride.into());
    let left = all.len() * (usize::try_from(pages).unwrap_or(usize::MAX).saturating_add(1));
    let mut sources = Sources { all, left };

    let (mut list, mut room, mut before) = (Vec::new(), Room::default(), skip);
    let mut is_followed = true;
    while list.len() < page.page_size as usize {
        let source = match sources.next() {
            Next::Row(source) => source,
            Next::Read(which) => match sources.read_on(which, certificates).await? {
                true => continue,
                false if before > 0 => return Err(too_deep(skip - before)),
                false => break,
            },
            Next::End => {
                is_followed = false;
                break;
            }
        };
        let fits = |record: &Record| before > 0 || room.takes(record.weight(pem));
        let Some(record) = sources.pop(source, fits) else {
            break;
        };
        passed.pass(&record);
        match before.checked_sub(1) {
            Some(left) => before = left,
            None => list.push(record),
        }
    }
    let place = sources.place(passed);
    Ok(Page {
        list,
        total: sources.all.iter().map(|source| source.total).sum(),
        next_cursor: is_followed.then(|| format!("{}-{}", place.certificate, place.request)),
    })
}
