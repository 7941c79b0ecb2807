//! New requests.

use axum::extract::State;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use utoipa::{ToSchema, openapi::ObjectBuilder};

use super::{state::Requests, wire::RequestView};
use crate::api::{
    accounts::fallback_of,
    body::{Fields, FromBody},
    describe::{Conflict, NotFound, ids_or_null, words_or_null},
    envelope::{Answer, Data},
    error::ApiError,
    payload::{Once, Repeatable},
    permit::Write,
    resource::routes,
    state::Now,
};
use certmint_core::{
    certificate::{KeyAlgorithm, KeyPlan, RenewAs},
    issuance::{MAX_ATTEMPTS, NewRequest},
    words::{AccountId, NameSet, NameSetError},
    x509::csr::{Csr, CsrError},
};

routes!["requests": create];

/// A profile's name. Which ones there are is the CA's to say: it is asked when the order is made.
fn profile(text: Option<String>) -> Result<Option<String>, ApiError> {
    let fits = |t: &String| {
        t.len() <= 64
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match text {
        Some(text) if !fits(&text) => Err(ApiError::value(
            "profile",
            "must be 1 to 64 letters, digits, dots, dashes or underscores",
        )),
        text => Ok(text),
    }
}

/// Whose key the certificate gets: ours of the kind asked for, or the client's.
fn key_plan(
    algorithm: Option<&str>,
    reuse: Option<bool>,
    csr: Option<&str>,
    names: &NameSet,
) -> Result<KeyPlan, ApiError> {
    let algorithm: Option<KeyAlgorithm> = algorithm
        .map(|text| text.parse().map_err(|e| ApiError::value("keyAlgorithm", e)))
        .transpose()?;
    let Some(pem) = csr else {
        let algorithm = algorithm.unwrap_or_default();
        let reuse = reuse.unwrap_or(false);
        return Ok(KeyPlan::Us { algorithm, reuse });
    };
    if reuse.is_some() {
        let why = "is for keys of ours; renewals of a csr have its key anyway, so leave it out";
        return Err(ApiError::value("reuseKey", why));
    }
    let csr = Csr::check(pem, names).map_err(|e| ApiError::value("csr", e))?;
    let found = csr
        .algorithm()
        .ok_or_else(|| ApiError::value("csr", CsrError::Key))?;
    if algorithm.is_some_and(|wanted| wanted != found) {
        let why = format!(
            "is not that of the csr, which is {}; leave it out",
            found.as_str()
        );
        return Err(ApiError::value("keyAlgorithm", why));
    }
    Ok(KeyPlan::Client {
        csr: BASE64_URL_SAFE_NO_PAD.encode(csr.der()),
        algorithm: found,
    })
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewRequest)]
struct Wanted {
    #[schema(value_type = u64, minimum = 1)]
    account_id: AccountId,
    /// Up to 237 octets each, a star apart.
    #[schema(min_items = 1, max_items = 100)]
    domains: Vec<String>,
    /// One of the CA's profiles.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    profile: Option<String>,
    /// A request of its own although the same one is on its way.
    #[schema(value_type = Option<bool>)]
    force: bool,
    #[schema(schema_with = asked_algorithm)]
    key_algorithm: Option<String>,
    /// A CSR (RFC 2986), PEM, with exactly the names in domains. Its key stays with the client. Needs the scope csr or keys
    /// beside write.
    csr: Option<String>,
    /// Without it the default ones.
    #[schema(required = false, schema_with = ids_or_null)]
    fallback_account_ids: Option<Vec<u64>>,
    /// Renewals have the same key; not with a csr.
    reuse_key: Option<bool>,
    #[schema(required = false, schema_with = asked_renew_as)]
    renew_as: RenewAs,
}

fn asked_algorithm() -> ObjectBuilder {
    words_or_null(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str))
        .default(Some(KeyAlgorithm::default().as_str().into()))
}

fn asked_renew_as() -> ObjectBuilder {
    words_or_null(RenewAs::WORDS.map(|(word, _)| word)).default(Some(RenewAs::default().as_str().into()))
}

impl FromBody for Wanted {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            account_id: AccountId::new(fields.id("accountId")?),
            domains: fields.texts("domains")?,
            profile: profile(fields.opt_text("profile")?)?,
            force: fields.flag("force")?,
            key_algorithm: fields.opt_text("keyAlgorithm")?,
            csr: fields.opt_pem("csr")?,
            fallback_account_ids: fields.opt_ids("fallbackAccountIds")?,
            reuse_key: fields.opt_flag("reuseKey")?,
            renew_as: fields.opt_word("renewAs", &RenewAs::WORDS)?.unwrap_or_default(),
        })
    }
}

impl Repeatable for Wanted {
    const CALL: &'static str = "request";
}

/// Asks for a certificate.
///
/// The same names again are the same request while it is on its way, and for a day after its success as long as its
/// certificate can be used (result_certificate_id says which), unless force is true.
#[utoipa::path(
    post,
    path = "/api/v1/acme/certificate/request",
    operation_id = "requestCertificate",
    responses(NotFound, Conflict)
)]
async fn create(
    write: Write,
    State(requests): State<Requests>,
    Now(now): Now,
    Once { key, body }: Once<Wanted>,
) -> Data<RequestView> {
    let account_id = body.account_id;
    if body.csr.is_some() {
        write.issues_for_client()?;
    }
    let names = NameSet::parse_for_order(&body.domains).map_err(|e| match e {
        NameSetError::Name { index, source } => ApiError::value(&format!("domains[{index}]"), source),
        other => ApiError::value("domains", other),
    })?;
    let plan = key_plan(
        body.key_algorithm.as_deref(),
        body.reuse_key,
        body.csr.as_deref(),
        &names,
    )?;
    let account = requests.accounts.account(account_id).await?;
    if let Some(advice) = account.advice() {
        let (state, mend) = (account.status.as_str(), advice.for_account());
        return Err(ApiError::state(format!(
            "account {account_id} is {state}; use another or mend it first: {mend}"
        )));
    }
    let provider = requests.provider(&account)?;
    let orders = &provider.orders;
    orders
        .check(&provider.name, &names, &plan, body.profile.as_deref())
        .map_err(|why| ApiError::value("domains", why))?;
    let (ordered, warnings) = (
        orders.ordered(&names, &plan),
        orders.notes(&provider.name, &names, &plan),
    );
    let own = body.fallback_account_ids;
    let fallback = fallback_of(&*requests.accounts, &*requests.fallback, account_id, own).await?;
    let new = NewRequest {
        ordered,
        profile: body.profile,
        key: plan,
        fallback,
        renew_as: body.renew_as,
        ..NewRequest::new(account_id, names)
    };
    let view = if body.force {
        let store = &requests.store;
        RequestView::from(store.create_request(new, MAX_ATTEMPTS, key, now).await?)
    } else {
        let standing = &requests.certificates;
        let flights = &requests.flights;
        let flight = flights
            .request_once(new, MAX_ATTEMPTS, key, standing, now)
            .await?;
        let view = RequestView::from(flight.request);
        if flight.joined { view.deduplicated() } else { view }
    };
    requests.kick.kick().await;
    Ok(Answer(view.with_warnings(warnings)))
}
