//! What a challenge's value looks like.

/// A SHA-256 digest as base64url without padding.
const LENGTH: usize = 43;

/// Whether a TXT value has the form of a challenge's (RFC 8555 §8.4): whoever put it there answered a CA.
#[must_use]
pub fn is_challenge_value(value: &str) -> bool {
    let of_alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    value.len() == LENGTH && value.bytes().all(of_alphabet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_digest_is_one() {
        assert!(is_challenge_value("gfj9Xq-Rg85nM_dh5a1b0123456789ABCDEFGHIJKLM"));
        let no_digests = ["", "v=spf1 -all", "google-site-verification=abcdefghijklmnopqrs"];
        assert!(no_digests.into_iter().all(|value| !is_challenge_value(value)));
        assert!(!is_challenge_value(&"a".repeat(44)) && !is_challenge_value(&"ä".repeat(43)));
    }
}
