//! Registers an account with its CA, and says in plain words why that refused a binding.

use crate::worker::Adapters;
use crate::{
    acme::{AccountKey, Eab},
    store::StoreError,
};
use certmint_core::{
    account::{Account, AccountStatus},
    acme::CHECK_ACCOUNT,
    provider::Provider,
    words::{AcmeError, Class, Failure, Timestamp},
};

/// Returns the account URL once it is stored; `None` if the account changed meanwhile and is to be looked at anew:
/// another worker registered it, or it has another binding, or even another key, of which the answer says nothing.
pub(in crate::worker) async fn register(
    adapters: &Adapters,
    account: &Account,
    provider: &Provider,
    key: &AccountKey,
) -> Result<Option<String>, Failure> {
    let eab = match (&account.eab_kid, &account.eab_key_ref) {
        (Some(kid), Some(name)) => {
            let hmac_key = adapters.vault.get(name).await?;
            let kid = kid.clone();
            Some(Eab { kid, hmac_key })
        }
        _ => None,
    };
    let now = adapters.clock.now();
    let ca = &adapters.ca;
    let mut answer = ca
        .register(&provider.directory_url, key, &account.email, eab.as_ref())
        .await;
    let refused_binding = match &mut answer {
        Err(failure) if eab.is_some() && means_the_binding(failure) => {
            explain(failure, account, now);
            true
        }
        _ => false,
    };
    let changed = match &answer {
        Ok(uri) => Account {
            status: AccountStatus::Active,
            registration_uri: Some(uri.clone()),
            last_error: None,
            eab_rejected: false,
            updated_at: now,
            ..account.clone()
        },
        Err(failure) if failure.class == Class::Permanent => Account {
            status: AccountStatus::Failed,
            last_error: Some(failure.problem.detail.clone()),
            eab_rejected: refused_binding,
            updated_at: now,
            ..account.clone()
        },
        Err(_) => return answer.map(Some),
    };
    match adapters.store.save_account(&changed).await {
        Ok(_) => answer.map(Some),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a CA that refuses an account with a binding means the binding. The words differ (RFC 8555 §7.3.4 names no
/// problem type but externalAccountRequired); what is certainly another matter has types of its own.
fn means_the_binding(failure: &Failure) -> bool {
    let cause = &failure.problem.cause;
    let another_matter = matches!(
        cause.acme(),
        Some(
            AcmeError::InvalidContact
                | AcmeError::UnsupportedContact
                | AcmeError::UserActionRequired
                | AcmeError::BadPublicKey
                | AcmeError::BadSignatureAlgorithm
        )
    );
    failure.class == Class::Permanent && !cause.is_ours() && !another_matter
}

/// Adds what is likely and what to do.
fn explain(failure: &mut Failure, account: &Account, now: Timestamp) {
    let said = failure.problem.detail.to_ascii_lowercase();
    let likely = match account.eab_expires_at {
        Some(at) if at <= now => format!("eabKid and eabHmacKey expired at {at}"),
        _ => likely(&said).to_owned(),
    };
    // There is no account yet.
    let detail = failure.problem.detail.as_str();
    let detail = detail
        .strip_suffix(CHECK_ACCOUNT)
        .map_or(detail, |d| d.trim_end_matches("; "));
    failure.problem.detail =
        format!("{detail}; {likely}: get new ones from the CA and send them with POST /acme/accounts/eab");
}

/// What a CA's words mean, in lower case.
fn likely(said: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|w| said.contains(w));
    // Google says so of one that it took already, too.
    let unknown = [
        "unknown",
        "not known",
        "not recognized",
        "not found",
        "unrecognized",
    ];
    match () {
        // Sectigo and ZeroSSL: "The account is not awaiting external account binding".
        () if has(&["already", "was used", "been used", "not awaiting"]) => {
            "eabKid and eabHmacKey were used before, and most CAs take them once"
        }
        // Sectigo and ZeroSSL: "Invalid MAC on JWS request"; Google and Pebble: "JWS verification".
        () if has(&["invalid mac", "jws verification", "signature"]) => {
            "eabKid and eabHmacKey do not belong together: the key is likely mistyped or cut"
        }
        () if has(&unknown) => {
            "the CA does not know this eabKid: eabKid and eabHmacKey are mistyped, expired, or used before"
        }
        () if has(&["expir"]) => "eabKid and eabHmacKey have expired",
        () => "eabKid and eabHmacKey may be wrong, used or expired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use certmint_core::words::Stage;

    #[test]
    fn the_words_of_cas_are_understood() {
        for (said, word) in [
            (
                "Unknown external account binding (EAB) key. This may be due to the EAB key expiring which occurs 7 \
                 days after creation.",
                "does not know this eabKid",
            ),
            (
                "External Account Binding JWS verification failed",
                "do not belong together",
            ),
            (
                "[External Account Binding] Invalid MAC on JWS request",
                "do not belong together",
            ),
            (
                "[External Account Binding] The Key Identifier was not recognized",
                "does not know this eabKid",
            ),
            (
                "[External Account Binding] The account is not awaiting external account binding",
                "used before",
            ),
            (
                "the field 'kid' references a key that is not known to the ACME server",
                "does not know this eabKid",
            ),
            ("the credentials have expired", "have expired"),
            ("no", "may be wrong, used or expired"),
        ] {
            let likely = likely(&said.to_ascii_lowercase());
            assert!(likely.contains(word), "{said}: {likely}");
        }
    }

    #[test]
    fn another_matter_is_not_taken_for_the_binding() {
        let failure = |kind: &str| Failure::new(Class::Permanent, Stage::Request, kind.into(), "no");
        for (kind, means) in [
            ("urn:ietf:params:acme:error:unauthorized", true),
            ("urn:ietf:params:acme:error:malformed", true),
            ("urn:ietf:params:acme:error:externalAccountRequired", true),
            ("about:blank", true),
            ("urn:ietf:params:acme:error:invalidContact", false),
            ("urn:certmint:accountKey", false),
        ] {
            assert_eq!(means_the_binding(&failure(kind)), means, "{kind}");
        }
    }
}
