//! PEM: certificate, chain, key (RFC 7468).

use pkcs8::{LineEnding, PrivateKeyInfoRef, pkcs5::pbes2::Parameters};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::contents::{Bundle, BundleError, Contents, ITERATIONS, random};

fn failed(error: impl std::fmt::Display) -> BundleError {
    BundleError::Write(error.to_string())
}

pub(super) fn write(contents: &Contents<'_>, password: Option<&SecretString>) -> Result<Bundle, BundleError> {
    let mut text = Zeroizing::new(String::with_capacity(contents.chain_pem.len() + 8192));
    text.push_str(contents.chain_pem);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match password {
        None => text.push_str(contents.key.pem().map_err(failed)?.expose_secret()),
        Some(password) => text.push_str(&encrypted(contents, password)?),
    }
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn encrypted(contents: &Contents<'_>, password: &SecretString) -> Result<Zeroizing<String>, BundleError> {
    let (salt, iv) = (random::<16>()?, random::<16>()?);
    let scheme = Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv).map_err(failed)?;
    let info = PrivateKeyInfoRef::try_from(contents.key.der()).map_err(failed)?;
    let sealed = info
        .encrypt_with_params(scheme, password.expose_secret())
        .map_err(failed)?;
    sealed
        .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
        .map_err(failed)
}
