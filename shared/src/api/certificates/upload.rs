//! Certificates that were made elsewhere.

use axum::extract::State;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use super::state::Certificates;
use crate::{
    api::{
        body::{Fields, FromBody},
        describe::{Conflict, words},
        envelope::{Answer, Data},
        error::ApiError,
        payload::Json,
        permit::Write,
        resource::routes,
        state::Now,
    },
    vault::{Deposit, VaultError},
};
use certmint_core::{
    certificate::{Certificate, CertificateSource, CertificateStatus, Lifecycle},
    words::{CertificateId, DomainName, NameSet, NameSetError, Timestamp, without_repeats},
    x509::{
        Concern, PrivateKey,
        chain::{ReadChain, read_chain},
        keys,
    },
};

routes!["certificates": upload];

/// The provider of what no CA of ours gave.
const PROVIDER: &str = "manual";

fn provider_word() -> ObjectBuilder {
    words([PROVIDER])
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Upload {
    #[schema(schema_with = provider_word)]
    provider: String,
    /// The website's certificate, then its issuers in order.
    certificate_pem: String,
    /// PKCS#8, encrypted PKCS#8 (PBES2), PKCS#1 or SEC1.
    #[schema(value_type = String, write_only)]
    private_key_pem: SecretString,
    #[schema(value_type = Option<String>, write_only, max_length = 4096)]
    passphrase: Option<SecretString>,
    /// Up to 254 octets each.
    #[schema(min_items = 1, max_items = 100)]
    domains: Vec<String>,
}

impl FromBody for Upload {
    // A chain whose certificates have a hundred long names, and an RSA key.
    const MOST: usize = 256 * 1024;

    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            provider: fields.text("provider")?,
            certificate_pem: fields.pem("certificatePem")?,
            private_key_pem: fields.pem("privateKeyPem")?.into(),
            passphrase: fields.opt_text("passphrase")?.map(SecretString::from),
            domains: fields.texts("domains")?,
        })
    }
}

/// The same with a key that can be used.
struct Checked {
    certificate_pem: String,
    key: PrivateKey,
    domains: NameSet,
}

impl Upload {
    fn checked(self) -> Result<Checked, ApiError> {
        if self.provider != PROVIDER {
            return Err(ApiError::value(
                "provider",
                "must be manual: only such certificates are uploaded",
            ));
        }
        let domains = NameSet::parse(&self.domains).map_err(|e| match e {
            NameSetError::Name { index, source } => ApiError::value(&format!("domains[{index}]"), source),
            other => ApiError::value("domains", other),
        })?;
        let key = PrivateKey::read(&self.private_key_pem, self.passphrase.as_ref());
        Ok(Checked {
            certificate_pem: self.certificate_pem,
            key: key.map_err(|e| ApiError::value("privateKeyPem", e))?,
            domains,
        })
    }
}

fn known(id: CertificateId) -> ApiError {
    ApiError::exists(format!("certificatePem is certificate {id} already"))
}

/// The certificate's names that we know how to speak of; others (addresses, names without a dot) stay in its text.
fn names(read: &ReadChain) -> Vec<DomainName> {
    without_repeats(read.dns_names.iter().filter_map(|n| DomainName::read(n).ok()))
}

fn check_names(names: &[DomainName], domains: &NameSet) -> Result<(), ApiError> {
    if names.is_empty() {
        return Err(ApiError::value(
            "certificatePem",
            "has no DNS name that a website could use",
        ));
    }
    let missing = domains.as_slice().iter().enumerate();
    let missing = missing.filter(|(_, d)| !names.iter().any(|n| n.covers(d)));
    match missing.map(|(index, _)| index).next() {
        None => Ok(()),
        Some(index) => Err(ApiError::value(
            &format!("domains[{index}]"),
            "is not among the certificate's names",
        )),
    }
}

/// Takes the deletion of a known certificate back, its key in the vault first; `false` if it is not deleted.
async fn restored(
    certificates: &Certificates,
    id: CertificateId,
    fingerprint: &str,
    key: &PrivateKey,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let versions = certificates.renewals.certificate_versions(id).await?;
    let Some(newest) = versions
        .first()
        .filter(|c| c.status(now) == CertificateStatus::Deleted)
    else {
        return Ok(false);
    };
    // One that was made for a client's CSR has no key here; an older version's key is gone in time.
    if newest.fingerprint == fingerprint && newest.has_key() {
        match newest.source {
            CertificateSource::Upload => keep(&*certificates.deposit, &newest.key_ref, key).await?,
            CertificateSource::Acme => still_there(&*certificates.deposit, newest).await?,
        }
    }
    certificates.lifecycle.restore_certificate(id, now).await?;
    Ok(true)
}

/// Puts the key into the vault. The name is the upload's own, or that of a record which is restored, and the key is its
/// certificate's: what stands there already is the same.
async fn keep(deposit: &dyn Deposit, key_ref: &str, key: &PrivateKey) -> Result<(), ApiError> {
    let broken = |what: &dyn std::fmt::Display| {
        tracing::error!(error = %what, "a key could not be kept");
        ApiError::outside("the key could not be kept; see the function's log")
    };
    let pem = key.pem().map_err(|e| broken(&e))?;
    let secret = keys::of_upload(&pem).map_err(|f| broken(&f.problem.detail))?;
    deposit.ensure(key_ref, secret).await.map_err(ApiError::of_key)
}

/// That the key of a certificate that we ordered is where the worker put it. Only the worker writes under such a name: who
/// could write there would choose the key of the next certificate.
async fn still_there(deposit: &dyn Deposit, certificate: &Certificate) -> Result<(), ApiError> {
    let id = certificate.id;
    match deposit.look(&certificate.key_ref).await {
        Err(VaultError::NotFound(name)) => Err(ApiError::state(format!(
            "certificate {id} was issued here and its key, secret {name}, is gone; POST /certificate/{id}/restore brings \
             the certificate back without it"
        ))),
        looked => looked.map_err(ApiError::of_key),
    }
}

#[derive(Serialize, ToSchema)]
struct Uploaded {
    id: u64,
    /// true if it was known and deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    restored: Option<bool>,
    /// What some clients may have against the chain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What clients have against the chain: refused where all of them would be.
fn judged(concerns: Vec<Concern>) -> Result<Vec<String>, ApiError> {
    let mut warnings = Vec::new();
    for concern in concerns {
        match concern {
            Concern::Warning(text) => warnings.push(text),
            Concern::Refused(text) => {
                return Err(ApiError::value("certificatePem", format!("does not fit: {text}")));
            }
        }
    }
    Ok(warnings)
}

/// Takes a certificate that was made elsewhere, with its key.
///
/// The key is in the vault before the record is written, and before that its intent: a key without a record is deleted.
#[utoipa::path(
    post,
    path = "/api/v1/certificates/upload",
    operation_id = "uploadCertificate",
    responses(Conflict)
)]
async fn upload(
    _: Write,
    State(certificates): State<Certificates>,
    Now(now): Now,
    Json(upload): Json<Upload>,
) -> Data<Uploaded> {
    let upload = upload.checked()?;
    let of_certificate = |why: &str| ApiError::value("certificatePem", format!("does not fit: {why}"));
    let read = read_chain(&upload.certificate_pem, now).map_err(|f| of_certificate(&f.problem.detail))?;
    if read.is_ca {
        return Err(of_certificate(
            "it begins with a CA's certificate; put the website's first, its issuers after it",
        ));
    }
    if let Some(kind) = read.other_kind {
        return Err(of_certificate(&format!(
            "it is for a key of the kind {kind}; RSA keys of 2048 to 8192 bits and EC keys on P-256 or P-384 are taken"
        )));
    }
    if !read.has_key(upload.key.public_key()) {
        let why = "is not the key of the first certificate in certificatePem";
        return Err(ApiError::value("privateKeyPem", why));
    }
    let names = names(&read);
    check_names(&names, &upload.domains)?;
    let warnings = judged(read.concerns)?;
    let fingerprint = &read.checked.fingerprint;
    if let Some(id) = certificates.relations.certificate_with(fingerprint).await? {
        match restored(&certificates, id, fingerprint, &upload.key, now).await? {
            true => {
                return Ok(Answer(Uploaded {
                    id: id.get(),
                    restored: Some(true),
                    warnings,
                }));
            }
            false => return Err(known(id)),
        }
    }
    // Each call has a name of its own: none takes the key of another one away.
    let fingerprint = &read.checked.fingerprint;
    let key_ref = format!("certificate-key/upload-{fingerprint}-{}", uuid::Uuid::new_v4());
    let certificate = Certificate {
        id: CertificateId::new(0),
        fingerprint: read.checked.fingerprint,
        serial: read.checked.serial,
        issuer: read.checked.issuer,
        names,
        not_before: read.checked.not_before,
        expires_at: read.checked.expires_at,
        cert_pem: read.checked.cert_pem,
        chain_pem: read.checked.chain_pem,
        key_ref: key_ref.clone(),
        source: CertificateSource::Upload,
        account_id: None,
        provider: PROVIDER.to_owned(),
        request_id: None,
        profile: None,
        version: 1,
        lifecycle: Lifecycle::default(),
        created_at: now,
        updated_at: now,
    };
    let fits = certificates.store.has_room_for(&certificate);
    fits.map_err(|e| of_certificate(&format!("it {e}; leave out issuers that clients know, or names")))?;
    let id = record(&certificates, certificate, &upload.key, now).await?;
    Ok(Answer(Uploaded {
        id: id.get(),
        restored: None,
        warnings,
    }))
}

/// Records a certificate with its key.
async fn record(
    certificates: &Certificates,
    certificate: Certificate,
    key: &PrivateKey,
    now: Timestamp,
) -> Result<CertificateId, ApiError> {
    let key_ref = certificate.key_ref.clone();
    certificates.intents.intend_secret(&key_ref, now).await?;
    keep(&*certificates.deposit, &key_ref, key).await?;
    let recorded = certificates.store.record_certificate(certificate, None).await?;
    if recorded.key_ref == key_ref {
        return Ok(recorded.id);
    }
    // Another upload of the same was faster.
    if let Err(error) = certificates.intents.drop_secret(&key_ref, now).await {
        tracing::warn!(%error, "a key that no certificate has is deleted in an hour");
    }
    Err(known(recorded.id))
}
