//! Certificates that were made elsewhere.

use secrecy::SecretString;
use serde_json::json;

use super::{Api, ApiRequest, Data, data, error::ApiError, input::Body};
use certmint_core::{
    certificate::{Certificate, CertificateSource, CertificateStatus, Lifecycle},
    words::{CertificateId, DomainName, NameSet, NameSetError},
    x509::{
        PrivateKey,
        chain::{ReadChain, read_chain},
        keys,
    },
};

/// Octets of this call's body: a chain whose certificates have a hundred long names, and an RSA key.
const MAX_UPLOAD: usize = 256 * 1024;
/// The provider of what no CA of ours gave.
const PROVIDER: &str = "manual";

struct Upload {
    certificate_pem: String,
    key: PrivateKey,
    domains: NameSet,
}

fn known(id: CertificateId) -> ApiError {
    ApiError::exists(format!("certificatePem is certificate {id} already"))
}

impl Upload {
    fn read(request: &ApiRequest) -> Result<Self, ApiError> {
        let mut body = Body::parse_up_to(&request.body, MAX_UPLOAD)?;
        let provider = body.text("provider")?;
        let certificate_pem = body.pem("certificatePem")?;
        let key_pem = SecretString::from(body.pem("privateKeyPem")?);
        let passphrase = body.opt_text("passphrase")?.map(SecretString::from);
        let domains = body.texts("domains")?;
        body.end()?;
        if provider != PROVIDER {
            return Err(ApiError::value(
                "provider",
                "must be manual: only such certificates are uploaded",
            ));
        }
        let domains = NameSet::parse(&domains).map_err(|e| match e {
            NameSetError::Name { index, source } => ApiError::value(&format!("domains[{index}]"), source),
            other => ApiError::value("domains", other),
        })?;
        let key = PrivateKey::read(&key_pem, passphrase.as_ref());
        Ok(Self {
            certificate_pem,
            key: key.map_err(|e| ApiError::value("privateKeyPem", e))?,
            domains,
        })
    }
}

/// The certificate's names that we know how to speak of; others (addresses, names without a dot) stay in its text.
fn names(read: &ReadChain) -> Vec<DomainName> {
    let mut names: Vec<DomainName> = Vec::new();
    for name in read.dns_names.iter().filter_map(|n| n.parse().ok()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
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

impl Api {
    /// POST `/certificates/upload`. The key is in the vault before the record is written; a key without a record is
    /// found again by the same upload.
    pub(super) async fn upload(&self, request: &ApiRequest) -> Data {
        let upload = Upload::read(request)?;
        let now = self.clock.now();
        let of_certificate = |why: &str| ApiError::value("certificatePem", format!("does not fit: {why}"));
        let read = read_chain(&upload.certificate_pem, now).map_err(|f| of_certificate(&f.problem.detail))?;
        if read.is_ca {
            return Err(of_certificate(
                "it begins with a CA's certificate; put the website's first, its issuers after it",
            ));
        }
        if read.public_key != upload.key.public_key() {
            let why = "is not the key of the first certificate in certificatePem";
            return Err(ApiError::value("privateKeyPem", why));
        }
        let names = names(&read);
        check_names(&names, &upload.domains)?;
        let fingerprint = &read.checked.fingerprint;
        if let Some(id) = self.store.certificate_with(fingerprint).await? {
            match self.restored(id, fingerprint, &upload.key).await? {
                true => return data(&json!({ "id": id.get(), "restored": true })),
                false => return Err(known(id)),
            }
        }
        let key_ref = format!("certificate-key/upload-{}", read.checked.fingerprint);
        self.keep(&key_ref, &upload.key).await?;
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
        let recorded = self.store.record_certificate(certificate, None).await?;
        // Another upload of the same was faster.
        if recorded.key_ref != key_ref || recorded.created_at != now {
            return Err(known(recorded.id));
        }
        data(&json!({ "id": recorded.id.get() }))
    }

    /// Takes the deletion of a known certificate back, its key in the vault first; `false` if it is not deleted.
    async fn restored(
        &self,
        id: CertificateId,
        fingerprint: &str,
        key: &PrivateKey,
    ) -> Result<bool, ApiError> {
        let versions = self.store.certificate_versions(id).await?;
        let Some(CertificateStatus::Deleted) = versions.first().map(|c| c.status(self.clock.now())) else {
            return Ok(false);
        };
        // The fingerprint may be that of an older version. One that was made for a client's CSR has no key here.
        let same = versions.iter().find(|c| c.fingerprint == fingerprint);
        if let Some(same) = same.filter(|c| c.has_key()) {
            self.keep(&same.key_ref, key).await?;
        }
        self.store.restore_certificate(id, self.clock.now()).await?;
        Ok(true)
    }

    /// Puts the key into the vault, or makes sure that the one there is the same.
    async fn keep(&self, key_ref: &str, key: &PrivateKey) -> Result<(), ApiError> {
        let broken = |what: &dyn std::fmt::Display| {
            tracing::error!(error = %what, "a key could not be kept");
            ApiError {
                code: 5003,
                message: "the key could not be kept; see the function's log".into(),
            }
        };
        let pem = key.pem().map_err(|e| broken(&e))?;
        let secret = keys::of_upload(&pem).map_err(|f| broken(&f.problem.detail))?;
        let stored = self.vault.put_if_absent(key_ref, secret).await;
        let stored = stored.map_err(ApiError::of_key)?;
        let stored = keys::parse(&stored).map_err(|f| broken(&f.problem.detail))?;
        let stored = PrivateKey::read(&stored.key_pem, None).map_err(|e| broken(&e))?;
        if stored.public_key() == key.public_key() {
            return Ok(());
        }
        Err(broken(
            &"the vault holds another key under this certificate's name",
        ))
    }
}
