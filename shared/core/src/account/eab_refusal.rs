//! Why a CA refused an external account binding, read from its words.
//!
//! RFC 8555 §7.3.4 names no problem type for a binding that is wrong, used or expired, so the text is all there is: a
//! heuristic. It decides only what a person is told to do; a CA that changes its words makes the advice vaguer, no more.

use crate::words::{AcmeError, Class, Failure, Timestamp};

/// Whether a CA that refuses an account with a binding means the binding. What is certainly another matter has problem
/// types of its own.
#[must_use]
pub fn means_the_binding(failure: &Failure) -> bool {
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

/// What the CA said, with what is likely and what to do.
#[must_use]
pub fn explained(said: &str, expires_at: Option<Timestamp>, now: Timestamp) -> String {
    let likely = match expires_at {
        Some(at) if at <= now => format!("eabKid and eabHmacKey expired at {at}"),
        _ => likely(&said.to_ascii_lowercase()).to_owned(),
    };
    format!("{said}; {likely}: get new ones from the CA and send them with POST /acme/accounts/eab")
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
    use crate::words::Stage;

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
