//! Alternate chains (RFC 8555 §7.4.2): a CA may offer the same certificate under another root.

use x509_parser::{parse_x509_certificate, pem::Pem};

use super::{ca::CaAccount, call::Call, jws::Signer};

/// Alternates that are looked at; CAs offer one or two.
const MOST: usize = 8;

/// The chain that leads to the root that the account wants, if the CA has it: of the one given and those that the call's
/// last answer links to. One that cannot be had is passed over.
pub(super) async fn preferred(call: &Call, account: &CaAccount, chain: String) -> String {
    let Some(wanted) = account.preferred_chain.as_deref() else {
        return chain;
    };
    let leads_there = |chain: &str| root(chain).as_deref() == Some(wanted);
    if leads_there(&chain) {
        return chain;
    }
    let head = call.last();
    if let Ok(signer) = Signer::of_account(account) {
        for url in head.linked("alternate").take(MOST) {
            let Ok(answer) = call.post_as_get(url, &signer).await else {
                continue;
            };
            match String::from_utf8(answer.body.into()) {
                Ok(other) if leads_there(&other) => return other,
                _ => {}
            }
        }
    }
    tracing::warn!(
        wanted,
        "the CA offers no chain to the preferred root; its default is taken"
    );
    chain
}

/// The common name of whoever issued the last certificate of a chain: the root that the chain leads to.
fn root(chain: &str) -> Option<String> {
    let last = Pem::iter_from_buffer(chain.as_bytes())
        .filter_map(Result::ok)
        .last()?;
    let (_, certificate) = parse_x509_certificate(&last.contents).ok()?;
    let name = certificate.issuer().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}
