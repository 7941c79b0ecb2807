//! The one way out for a private key. It needs a scope of its own, and the password comes in a body: it is in no URL
//! and in no log.

use axum::extract::State;
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema, openapi::ObjectBuilder};

use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, NotFound, words, words_or_null},
        envelope::{Answer, Data},
        error::ApiError,
        payload::Json,
        permit::Keys,
        query::{FromQuery, Id, Params, Query},
        resource::routes,
        state::{Downloads, Now},
    },
    bundle::{Bundle, BundleError, Contents, PfxAlgorithm},
    vault::KeyVault,
};
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, Timestamp},
    x509::{PrivateKey, keys},
};

routes!["certificates" of Downloads: download, download_plain];

/// Characters of a password. Java's key stores take no shorter one.
const PASSWORD: std::ops::RangeInclusive<usize> = 6..=128;

#[derive(Clone, Copy)]
enum Format {
    Pem,
    Pfx,
    Jks,
}

const FORMATS: [(&str, Format); 3] = [("pem", Format::Pem), ("pfx", Format::Pfx), ("jks", Format::Jks)];

impl Format {
    const fn word(self) -> &'static str {
        match self {
            Self::Pem => "pem",
            Self::Pfx => "pfx",
            Self::Jks => "jks",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Pem => "application/x-pem-file",
            // RFC 7292 names none; this one is registered for PKCS#12 files.
            Self::Pfx => "application/x-pkcs12",
            Self::Jks => "application/x-java-keystore",
        }
    }
}

fn format_words() -> ObjectBuilder {
    words(FORMATS.map(|(word, _)| word))
}

fn pem_word() -> ObjectBuilder {
    words([Format::Pem.word()]).default(Some(Format::Pem.word().into()))
}

fn algorithm_words() -> ObjectBuilder {
    words_or_null(["aes256-sha256", "3des-sha1"])
        .description(Some("For pfx; 3des-sha1 is for Windows before Server 2019"))
}

/// What is asked for.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Download)]
struct Wanted {
    #[schema(schema_with = format_words)]
    format: Format,
    /// Printable ASCII. Required for pfx and jks; encrypts the key of a pem.
    #[schema(value_type = Option<String>, write_only, min_length = 6, max_length = 128)]
    password: Option<SecretString>,
    #[schema(required = false, schema_with = algorithm_words)]
    algorithm: PfxAlgorithm,
}

/// A file. It is not `Debug`: nothing may print it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct File {
    certificate_id: u64,
    #[schema(schema_with = format_words)]
    format: &'static str,
    file_name: String,
    content_type: &'static str,
    /// Base64, with padding.
    content_base64: String,
}

fn check_password(password: &str) -> Result<(), ApiError> {
    let plain = password.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if plain && PASSWORD.contains(&password.len()) {
        return Ok(());
    }
    Err(ApiError::value(
        "password",
        "must be 6 to 128 printable ASCII characters: readers of these files differ on others",
    ))
}

impl FromBody for Wanted {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        let format = fields.word("format", &FORMATS)?;
        let password = fields.opt_text("password")?.map(SecretString::from);
        let algorithm = fields.opt_text("algorithm")?;
        if algorithm.is_some() && !matches!(format, Format::Pfx) {
            return Err(ApiError::value("algorithm", "is for the format pfx only"));
        }
        if let Some(password) = &password {
            check_password(password.expose_secret())?;
        }
        let algorithm = algorithm.map(|text| text.parse().map_err(|e| ApiError::value("algorithm", e)));
        Ok(Self {
            format,
            password,
            algorithm: algorithm.transpose()?.unwrap_or_default(),
        })
    }
}

/// A file's name: the first name, with the star in words.
fn file_name(certificate: &Certificate, format: Format) -> String {
    let first = certificate.names.first().map(ToString::to_string);
    let stem = first.unwrap_or_else(|| format!("certificate-{}", certificate.id));
    format!("{}.{}", stem.replace('*', "wildcard"), format.word())
}

impl From<BundleError> for ApiError {
    fn from(error: BundleError) -> Self {
        tracing::error!(%error, "download");
        Self::internal("the file could not be made; see the function's log")
    }
}

async fn file(all: &Downloads, id: CertificateId, wanted: &Wanted, now: Timestamp) -> Data<File> {
    let password = match (wanted.format, &wanted.password) {
        (Format::Pem, password) => password.as_ref(),
        (_, Some(password)) => Some(password),
        (_, None) => {
            return Err(ApiError::missing(
                "password (in the body of POST /certificate/{id}/download)",
            ));
        }
    };
    let certificate = all.certificates.certificate(id).await?;
    let bundle = bundle(&*all.keys, &certificate, wanted, password, now).await?;
    tracing::info!(
        certificate_id = id.get(),
        format = wanted.format.word(),
        "private key handed out"
    );
    Ok(Answer(File {
        certificate_id: id.get(),
        format: wanted.format.word(),
        file_name: file_name(&certificate, wanted.format),
        content_type: wanted.format.media_type(),
        content_base64: BASE64_STANDARD.encode(&bundle),
    }))
}

async fn bundle(
    vault: &dyn KeyVault,
    certificate: &Certificate,
    wanted: &Wanted,
    password: Option<&SecretString>,
    now: Timestamp,
) -> Result<Bundle, ApiError> {
    if !certificate.has_key() {
        return Err(ApiError::state(format!(
            "certificate {} was made for a CSR of yours: its key never was here",
            certificate.id
        )));
    }
    let stored = vault.get(&certificate.key_ref).await;
    let stored = stored.map_err(ApiError::of_key)?;
    let unreadable = |what: &dyn std::fmt::Display| {
        tracing::error!(certificate_id = certificate.id.get(), error = %what, "the stored key cannot be used");
        ApiError::outside("the key in the vault cannot be used; see the function's log")
    };
    let material = keys::parse(&stored).map_err(|f| unreadable(&f.problem.detail))?;
    let key = PrivateKey::read(&material.key_pem, None).map_err(|e| unreadable(&e))?;
    let alias = certificate.names.first().map(ToString::to_string);
    let chain_pem = format!("{}{}", certificate.cert_pem, certificate.chain_pem);
    let contents = Contents {
        alias: alias.as_deref().unwrap_or("certificate"),
        chain_pem: &chain_pem,
        key: &key,
    };
    let created = u64::try_from(now.millis()).unwrap_or_default();
    Ok(match (wanted.format, password) {
        (Format::Pem, password) => contents.pem(password)?,
        (Format::Pfx, Some(password)) => contents.pfx(password, wanted.algorithm)?,
        (Format::Jks, Some(password)) => contents.jks(password, created)?,
        (_, None) => return Err(ApiError::missing("password")),
    })
}

/// Certificate, chain and private key as one file. Needs the scope keys.
#[utoipa::path(
    post,
    path = "/api/v1/certificate/{id}/download",
    operation_id = "downloadCertificate",
    responses(NotFound, Conflict)
)]
async fn download(
    _: Keys,
    State(all): State<Downloads>,
    Now(now): Now,
    Id(id): Id,
    Json(wanted): Json<Wanted>,
) -> Data<File> {
    file(&all, CertificateId::new(id), &wanted, now).await
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Plain {
    #[param(required = false, schema_with = pem_word)]
    format: Format,
}

impl FromQuery for Plain {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let format = params.word("format", &FORMATS)?.unwrap_or(Format::Pem);
        if params.has("password") {
            let why = "must not stand in a URL, and this one is in logs now; take another, and POST it to \
                       /certificate/{id}/download";
            return Err(ApiError::value("password", why));
        }
        Ok(Self { format })
    }
}

/// The same as PEM with the key in plain, which needs no password. Needs the scope keys.
#[utoipa::path(
    get,
    path = "/api/v1/certificates/{id}/download",
    operation_id = "downloadPem",
    responses(NotFound, Conflict)
)]
async fn download_plain(
    _: Keys,
    State(all): State<Downloads>,
    Now(now): Now,
    Id(id): Id,
    Query(Plain { format }): Query<Plain>,
) -> Data<File> {
    let wanted = Wanted {
        format,
        password: None,
        algorithm: PfxAlgorithm::default(),
    };
    file(&all, CertificateId::new(id), &wanted, now).await
}
