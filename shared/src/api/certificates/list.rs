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
    include::Include,
    merged::{Record, merged},
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
        paging::{List, Paged},
        permit::Read,
        query::{FromQuery, Params, Query},
        resource::routes,
        state::Now,
    },
    store::{CertificateFilter, RenewalStore},
};
use certmint_core::{
    certificate::{CertificateSource, CertificateStatus},
    issuance::RequestStatus,
    words::{DomainName, Page, Timestamp},
};

routes!["certificates": list];

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
            pem: false,
            uncounted: false,
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

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CertificateOrRequest)]
enum Row {
    Certificate(Box<CertificateView>),
    Request(Box<OpenRequestView>),
}

/// Records as rows; the renewals of all certificates among them are read at once.
async fn rows(
    renewals: &dyn RenewalStore,
    records: Vec<Record>,
    pem: bool,
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
            .map(|row| Row::Certificate(Box::new(row.row(pem, now)))),
        Record::Request(r) => Some(Row::Request(Box::new(OpenRequestView::from(*r)))),
    };
    Ok(records.into_iter().filter_map(row).collect())
}

/// Certificates and the requests that have none, newest first.
///
/// Reads at most a page of each list behind a cursor; by page number, the rows up to that page.
#[utoipa::path(get, path = "/api/v1/certificates", operation_id = "listCertificates")]
async fn list(
    _: Read,
    State(certificates): State<Certificates>,
    Now(now): Now,
    paged: Paged<Asked>,
    Query(Include { pem }): Query<Include>,
) -> Data<List<Row>> {
    let Asked {
        certificates: filter,
        requests,
    } = &paged.asked;
    let filter = filter.clone().map(|filter| CertificateFilter { pem, ..filter });
    let page = match (filter, requests.is_empty()) {
        // One list alone finds its pages by its counters.
        (Some(filter), true) => {
            let mut found = certificates.store.certificates(&filter, &paged.page).await?;
            let list = std::mem::take(&mut found.list).into_iter();
            found.with(list.map(|c| Record::Certificate(Box::new(c))).collect())
        }
        (filter, _) => merged(&certificates, (filter, requests), &paged.page).await?,
    };
    let Page {
        list,
        total,
        next_cursor,
    } = page;
    let list = rows(&*certificates.renewals, list, pem, now).await?;
    let page = Page {
        list,
        total,
        next_cursor,
    };
    Ok(Answer(paged.answer(page, |row| row)))
}
