//! Values of records as Route53 takes them (Developer Guide, "Supported DNS record types").

use hickory_proto::rr::{RData, RecordType, rdata::TXT};

use super::name::unescape;

/// Types that Route53 takes (API Reference, ResourceRecordSet, `Type`).
pub(super) const TYPES: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA",
    "SSHFP", "SVCB", "HTTPS",
];

/// One string of a TXT record (RFC 1035 §3.3).
const MAX_STRING: usize = 255;
/// Route53: characters of one TXT value (Developer Guide, "TXT record type").
const MAX_TXT: usize = 4000;

/// A value as record data.
///
/// # Errors
/// Route53's words for what is wrong with it.
pub(super) fn check(rtype: &str, value: &str) -> Result<(), String> {
    let wrong = |what: &str| {
        Err(format!(
            "Invalid Resource Record: FATAL problem: {what} encountered with '{value}'"
        ))
    };
    match (rtype, parse(rtype, value)) {
        // Kept as sent; the responder does not speak them.
        ("DS" | "DNAME" | "SPF", _) | (_, Ok(_)) => Ok(()),
        ("A", Err(_)) => wrong("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
        ("AAAA", Err(_)) => wrong("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"),
        (_, Err(what)) => wrong(&what),
    }
}

/// A value as it goes on the wire.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(rtype: &str, value: &str) -> Result<RData, String> {
    if rtype == "TXT" {
        let strings = strings(value)?;
        return Ok(RData::TXT(TXT::from_bytes(
            strings.iter().map(Vec::as_slice).collect(),
        )));
    }
    let invalid = |e: &dyn std::fmt::Display| format!("InvalidRData ({e})");
    let kind: RecordType = rtype.parse().map_err(|e| invalid(&e))?;
    let mut data = RData::try_from_str(kind, value).map_err(|e| invalid(&e))?;
    // Route53 reads names without a final dot as whole names.
    match &mut data {
        RData::CNAME(name) => name.0.set_fqdn(true),
        RData::NS(name) => name.0.set_fqdn(true),
        RData::PTR(name) => name.0.set_fqdn(true),
        RData::MX(mx) => mx.exchange.set_fqdn(true),
        RData::SRV(srv) => srv.target.set_fqdn(true),
        _ => {}
    }
    Ok(data)
}

/// The strings of a TXT value: each in quotes, parted by blanks, a backslash before a quote or backslash (RFC 1035
/// §5.1). Route53's numeric codes are octal, where a master file's are decimal.
fn strings(value: &str) -> Result<Vec<Vec<u8>>, String> {
    const UNQUOTED: &str = "InvalidCharacterString (Value should be enclosed in quotation marks)";
    if value.len() > MAX_TXT {
        return Err("CharacterStringTooLong (Value is too long)".into());
    }
    // Anything else is written as an octal code (Developer Guide, "TXT record type").
    if !value.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Err("UnsupportedCharacter (Value contains unsupported characters)".into());
    }
    let mut strings = Vec::new();
    let mut rest = value.as_bytes().trim_ascii();
    while let Some(mut inside) = rest.strip_prefix(b"\"") {
        let mut string = Vec::new();
        rest = loop {
            match inside.split_first() {
                None => return Err(UNQUOTED.into()),
                Some((b'"', tail)) => break tail.trim_ascii_start(),
                Some((b'\\', tail)) => {
                    let (octet, tail) =
                        unescape(tail).ok_or("InvalidCharacterString (Value has a bad escape code)")?;
                    string.push(octet);
                    inside = tail;
                }
                Some((&octet, tail)) => {
                    string.push(octet);
                    inside = tail;
                }
            }
        };
        if string.len() > MAX_STRING {
            return Err("CharacterStringTooLong (Value is too long)".into());
        }
        strings.push(string);
    }
    if strings.is_empty() || !rest.is_empty() {
        return Err(UNQUOTED.into());
    }
    Ok(strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn txt_values_are_quoted_strings_with_escapes() {
        let read = |value| strings(value).map(|s| s.join(&b'|'));
        assert_eq!(read(r#""a b" "c""#), Ok(b"a b|c".to_vec()));
        assert_eq!(read(r#""say \"hi\" \\ \101""#), Ok(b"say \"hi\" \\ A".to_vec()));
        assert_eq!(read(r#""""#), Ok(Vec::new()));
        for wrong in ["", "bare", "\"open", "\"a\" b", "\"\\"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&format!("\"{}\"", "x".repeat(256))).is_err());
    }

    #[test]
    fn names_are_whole_names_with_or_without_a_dot() {
        assert_eq!(parse("CNAME", "a.test"), parse("CNAME", "a.test."));
        assert_eq!(parse("MX", "10 mail.test"), parse("MX", "10 mail.test."));
    }

    #[test]
    fn what_does_not_parse_is_refused_in_route53s_words() {
        assert_eq!(
            check("A", "1.2.3"),
            Err("Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 \
                 address) encountered with '1.2.3'"
                .into())
        );
        assert!(check("CAA", "0 issue \"ca.test\"").is_ok());
        assert!(check("MX", "mail").is_err());
    }
}
