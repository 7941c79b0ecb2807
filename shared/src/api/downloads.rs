//! The one way out for a private key. It needs a scope of its own, and the password comes in a body: it is in no URL
//! and in no log.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{
    Api, ApiRequest, Data, data,
    error::ApiError,
    input::{Body, Params, id_in_path},
};
use crate::bundle::{Bundle, BundleError, Contents, PfxAlgorithm};
use certmint_core::{
    certificate::Certificate,
    words::CertificateId,
    x509::{PrivateKey, keys},
};

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

/// What is asked for.
struct Wanted {
    format: Format,
    password: Option<SecretString>,
    algorithm: PfxAlgorithm,
}

/// A file. It is not `Debug`: nothing may print it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    certificate_id: u64,
    format: &'static str,
    file_name: String,
    content_type: &'static str,
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

impl Wanted {
    fn read(request: &ApiRequest) -> Result<Self, ApiError> {
        let mut body = Body::parse(&request.body)?;
        let word = body.text("format")?;
        let password = body.opt_text("password")?.map(SecretString::from);
        let algorithm = body.opt_text("algorithm")?;
        body.end()?;
        let format = FORMATS.iter().find(|(w, _)| *w == word).map(|(_, f)| *f);
        let format = format.ok_or_else(|| ApiError::value("format", "must be one of pem, pfx, jks"))?;
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
        Self {
            code: 5001,
            message: "the file could not be made; see the function's log".into(),
        }
    }
}

impl Api {
    /// POST `/certificate/{id}/download`.
    pub(super) async fn download(&self, id: &str, request: &ApiRequest) -> Data {
        let wanted = Wanted::read(request)?;
        self.file(CertificateId::new(id_in_path(id)?), &wanted).await
    }

    /// GET `/certificates/{id}/download?format=pem`: what needs no password.
    pub(super) async fn download_plain(&self, id: &str, params: &Params<'_>) -> Data {
        let format = params.word("format", &FORMATS)?.unwrap_or(Format::Pem);
        if params.get("password").is_some() {
            let why = "must not stand in a URL, and this one is in logs now; take another, and POST it to \
                       /certificate/{id}/download";
            return Err(ApiError::value("password", why));
        }
        let wanted = Wanted {
            format,
            password: None,
            algorithm: PfxAlgorithm::default(),
        };
        self.file(CertificateId::new(id_in_path(id)?), &wanted).await
    }

    async fn file(&self, id: CertificateId, wanted: &Wanted) -> Data {
        let password = match (wanted.format, &wanted.password) {
            (Format::Pem, password) => password.as_ref(),
            (_, Some(password)) => Some(password),
            (_, None) => {
                return Err(ApiError::missing(
                    "password (in the body of POST /certificate/{id}/download)",
                ));
            }
        };
        let certificate = self.store.certificate(id).await?;
        let bundle = self.bundle(&certificate, wanted, password).await?;
        tracing::info!(
            certificate_id = id.get(),
            format = wanted.format.word(),
            "private key handed out"
        );
        data(&File {
            certificate_id: id.get(),
            format: wanted.format.word(),
            file_name: file_name(&certificate, wanted.format),
            content_type: wanted.format.media_type(),
            content_base64: BASE64_STANDARD.encode(&bundle),
        })
    }

    async fn bundle(
        &self,
        certificate: &Certificate,
        wanted: &Wanted,
        password: Option<&SecretString>,
    ) -> Result<Bundle, ApiError> {
        if !certificate.has_key() {
            return Err(ApiError::state(format!(
                "certificate {} was made for a CSR of yours: its key never was here",
                certificate.id
            )));
        }
        let stored = self.vault.get(&certificate.key_ref).await;
        let stored = stored.map_err(ApiError::of_key)?;
        let unreadable = |what: &dyn std::fmt::Display| {
            tracing::error!(certificate_id = certificate.id.get(), error = %what, "the stored key cannot be used");
            ApiError {
                code: 5003,
                message: "the key in the vault cannot be used; see the function's log".into(),
            }
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
        let created = u64::try_from(self.clock.now().millis()).unwrap_or_default();
        Ok(match (wanted.format, password) {
            (Format::Pem, password) => contents.pem(password)?,
            (Format::Pfx, Some(password)) => contents.pfx(password, wanted.algorithm)?,
            (Format::Jks, Some(password)) => contents.jks(password, created)?,
            (_, None) => return Err(ApiError::missing("password")),
        })
    }
}
