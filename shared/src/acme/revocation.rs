//! revokeCert (RFC 8555 §7.6), signed by the account or by the certificate's own key.

use async_trait::async_trait;
use instant_acme::{Error, RevocationRequest};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::SecretString;

use super::{
    ca::{AcmeRevocation, CaAccount},
    call::Call,
    client::AcmeCa,
    jws::Signer,
};
use certmint_core::{
    certificate::RevocationReason,
    words::{AcmeError, Cause, Class, Failure, Stage},
};

#[async_trait]
impl AcmeRevocation for AcmeCa {
    async fn revoke(
        &self,
        account: &CaAccount,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let certificate = read(cert_pem)?;
        let call = self.call(&account.directory_url).await?;
        let session = call.account(account).await?;
        let revoked = session.revoke(&request(&certificate, reason)).await;
        unless_revoked(call.checked(revoked))
    }

    async fn revoke_with_key(
        &self,
        directory_url: &str,
        key: &SecretString,
        cert_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), Failure> {
        let certificate = read(cert_pem)?;
        let call = self.call(directory_url).await?;
        let revoked = revoke_with_key(&call, key, &request(&certificate, reason)).await;
        unless_revoked(call.checked(revoked))
    }
}

async fn revoke_with_key(
    call: &Call,
    key: &SecretString,
    request: &RevocationRequest<'_>,
) -> Result<(), Error> {
    let signer = Signer::of_key(key)?;
    let url = call.directory().revoke_cert.as_deref();
    let url = url.ok_or(Error::Str("the directory's revokeCert"))?;
    call.post(url, &signer, request).await?;
    Ok(())
}

fn request<'a>(certificate: &'a CertificateDer<'a>, reason: RevocationReason) -> RevocationRequest<'a> {
    RevocationRequest {
        certificate,
        reason: Some(reason_of(reason)),
    }
}

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
        Err(failure) if failure.problem.cause.acme() == Some(&AcmeError::AlreadyRevoked) => Ok(()),
        answer => answer,
    }
}
