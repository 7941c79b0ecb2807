//! Names that a CA can certify, and those that it cannot.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_core::words::{DomainName, Email, Fqdn, NameError, NameSet, NameSetError};
use proptest::prelude::*;

#[test]
fn good_names_are_normalised() {
    let long = format!("{}.example.com", "a".repeat(63));
    for (sent, kept) in [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("www.example.com.", "www.example.com"),
        ("*.example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.example.com", "1.example.com"),
        ("a-b.c-d.example.co.uk", "a-b.c-d.example.co.uk"),
        (
            "invalid-domain-that-does-not-exist-12345.com",
            "invalid-domain-that-does-not-exist-12345.com",
        ),
        ("host.internal-zone", "host.internal-zone"),
        (long.as_str(), long.as_str()),
    ] {
        assert_eq!(
            sent.parse::<DomainName>().map(|n| n.to_string()),
            Ok(kept.to_owned()),
            "{sent}"
        );
    }
}

#[test]
fn bad_names_say_what_is_wrong() {
    use NameError::{Empty, IpAddress, LongLabel, NoDot, PublicSuffix, Syntax, TooLong, Wildcard};
    let long_label = format!("{}.example.com", "a".repeat(64));
    let long_name = format!("{}example.com", "abcdefghi.".repeat(25));
    for (sent, why) in [
        ("", Empty),
        (".", Empty),
        ("*.", Wildcard),
        ("192.0.2.1", IpAddress),
        ("*.192.0.2.1", IpAddress),
        ("2001:db8::1", IpAddress),
        ("[2001:db8::1]", IpAddress),
        ("１９２.0.2.1", IpAddress),
        ("1.2.3.4.5", IpAddress),
        ("localhost", NoDot),
        ("*", Wildcard),
        ("**.example.com", Wildcard),
        ("*.*.example.com", Wildcard),
        ("a.*.example.com", Wildcard),
        ("a*.example.com", Wildcard),
        ("*a.example.com", Wildcard),
        ("*.com", NoDot),
        ("co.uk", PublicSuffix),
        ("*.co.uk", PublicSuffix),
        ("github.io", PublicSuffix),
        (" example.com", Syntax),
        ("exa mple.com", Syntax),
        ("example.com\n", Syntax),
        ("example\u{0}.com", Syntax),
        ("example..com", Syntax),
        ("example.com..", Syntax),
        (".example.com", Syntax),
        ("-a.example.com", Syntax),
        ("a-.example.com", Syntax),
        ("a_b.example.com", Syntax),
        ("https://example.com", Syntax),
        ("example.com/path", Syntax),
        ("example.com:443", Syntax),
        ("user@example.com", Syntax),
        ("exa!mple.com", Syntax),
        (long_label.as_str(), LongLabel),
        (long_name.as_str(), TooLong),
    ] {
        assert_eq!(sent.parse::<DomainName>(), Err(why), "{sent:?}");
    }
    for sent in [
        "xn--a.example.com",
        "xn--.example.com",
        "xn--99999999.example.com",
        "a\u{202e}b.example.com",
    ] {
        assert_eq!(sent.parse::<DomainName>(), Err(NameError::Idna), "{sent:?}");
    }
}

#[test]
fn a_set_drops_repeats_and_keeps_the_order() {
    let set = NameSet::parse(&["b.example.com", "A.example.com", "B.EXAMPLE.com."]).unwrap();
    assert_eq!(set.strings(), ["b.example.com", "a.example.com"]);
    assert_eq!(NameSet::parse::<&str>(&[]), Err(NameSetError::Empty));
    let many: Vec<String> = (0..101).map(|n| format!("h{n}.example.com")).collect();
    assert_eq!(NameSet::parse(&many), Err(NameSetError::TooMany(101)));
    assert!(NameSet::parse(&many[..100]).is_ok());
    let error = NameSet::parse(&["example.com", "localhost"]).unwrap_err();
    assert!(error.to_string().starts_with("[1] has no dot"), "{error}");
}

#[test]
fn apex_and_wildcard_share_a_challenge_name() {
    let set = NameSet::parse(&["example.com", "*.example.com"]).unwrap();
    let places: Vec<Fqdn> = set.as_slice().iter().map(DomainName::challenge_fqdn).collect();
    assert_eq!(places[0], places[1]);
    assert_eq!(
        places[0].relative_to(&Fqdn::new("example.com.")),
        "_acme-challenge"
    );
    assert!(places[0].is_within(&Fqdn::new("Example.com")));
    assert!(!Fqdn::new("badexample.com").is_within(&Fqdn::new("example.com")));
}

#[test]
fn mail_addresses() {
    for good in ["ops@example.com", "a.b+c@sub.example.co", "X@EXAMPLE.COM"] {
        assert!(good.parse::<Email>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "ops",
        "@example.com",
        "ops@",
        "ops@localhost",
        "a@b@c.d",
        "a,b@c.de",
        "a?x=1@c.de",
        ".a@c.de",
        "a b@c.de",
        "a@-c.de",
    ] {
        assert!(bad.parse::<Email>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn parsing_is_stable_and_never_panics(text in "\\PC{0,80}") {
        if let Ok(name) = text.parse::<DomainName>() {
            let again: DomainName = name.as_str().parse().unwrap();
            prop_assert_eq!(again, name);
        }
    }
}
