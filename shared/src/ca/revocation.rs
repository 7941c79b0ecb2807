//! revokeCert (RFC 8555 §7.6), signed by the account or by the certificate's own key.

use instant_acme::RevocationRequest;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::SecretString;
use serde_json::json;

use super::{
    CaAccount,
    jws::{Identity, SigningKey, encode, post, url_of},
    session::{AcmeCa, der},
};
use certmint_core::{
    certificate::RevocationReason,
    words::{AcmeError, Cause, Class, Failure, Stage},
};

/// RFC 8555 §7.6: the certificate was revoked before.
const ALREADY_REVOKED: Cause = Cause::Acme(AcmeError::AlreadyRevoked);

const fn reason_of(reason: RevocationReason) -> instant_acme::RevocationReason {
    use instant_acme::RevocationReason as Theirs;
    match reason {
        RevocationReason::Unspecified => Theirs::Unspecified,
        RevocationReason::KeyCompromise => Theirs::KeyCompromise,
        RevocationReason::CaCompromise => Theirs::CaCompromise,
        RevocationReason::AffiliationChanged => Theirs::AffiliationChanged,
        RevocationReason::Superseded => Theirs::Superseded,
        RevocationReason::CessationOfOperation => Theirs::CessationOfOperation,
        RevocationReason::CertificateHold => Theirs::CertificateHold,
        RevocationReason::RemoveFromCrl => Theirs::RemoveFromCrl,
        RevocationReason::PrivilegeWithdrawn => Theirs::PrivilegeWithdrawn,
        RevocationReason::AaCompromise => Theirs::AaCompromise,
    }
}

fn read(cert_pem: &str) -> Result<CertificateDer<'static>, Failure> {
    CertificateDer::from_pem_slice(cert_pem.as_bytes()).map_err(|e| {
        let text = format!("the stored certificate is no PEM: {e}");
        Failure::new(Class::Permanent, Stage::Request, Cause::Certificate, text)
    })
}

/// Revoked before is what was wanted.
fn unless_revoked(answer: Result<(), Failure>) -> Result<(), Failure> {
    match answer {
        Err(failure) if failure.problem.cause == ALREADY_REVOKED => Ok(()),
        answer => answer,
    }
}

impl AcmeCa {
    pub(super) async fn revoke_by_account(
        &self,
        account: &CaAccount,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let certificate = read(cert_pem)?;
        let request = RevocationRequest {
            certificate: &certificate,
            reason: Some(reason_of(reason)),
        };
        let session = self.session(account).await?;
        let answer = self.call(session.revoke(&request)).await.map(|_| ());
        if let Err(failure) = &answer {
            self.doubt(account, failure).await;
        }
        unless_revoked(answer)
    }

    pub(super) async fn revoke_by_key(
        &self,
        directory_url: &str,
        key: &SecretString,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let certificate = read(cert_pem)?;
        let directory = self.directory(directory_url).await?;
        let payload = json!({"certificate": encode(&certificate), "reason": reason.code()});
        let calls = async {
            let key = SigningKey::from_pkcs8(der(key)?.secret_pkcs8_der())?;
            let url = url_of(&directory, "revokeCert")?;
            post(
                self.http(directory_url),
                &directory,
                &url,
                &key,
                Identity::Jwk,
                &payload,
            )
            .await
        };
        unless_revoked(self.call(calls).await.map(|_| ()))
    }
}
