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
    use NameError::{
        Empty, EmptyLabel, IpAddress, LongLabel, NoDot, PublicSuffix, Syntax, TooLong, Wildcard,
    };
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
        (" example.com", Syntax),
        ("exa mple.com", Syntax),
        ("example.com\n", Syntax),
        ("example\u{0}.com", Syntax),
        ("example..com", EmptyLabel),
        ("example.com..", EmptyLabel),
        (".example.com", EmptyLabel),
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

/// Characters that IDNA maps to a dot or to nothing, at every place of a name: what is left is a name that reads back, or
/// it is refused.
#[test]
fn names_are_checked_after_they_were_mapped() {
    for (sent, result) in [
        ("bücher.example.com。", Ok("xn--bcher-kva.example.com")),
        ("*.ü.example.com。", Ok("*.xn--tda.example.com")),
        ("example。com", Ok("example.com")),
        ("example．com．", Ok("example.com")),
        ("example｡com｡", Ok("example.com")),
        ("ex\u{ad}ample.com", Ok("example.com")),
        ("example\u{200b}.com", Ok("example.com")),
        ("ＥＸＡＭＰＬＥ.com", Ok("example.com")),
        ("ⅸ.example.com", Ok("ix.example.com")),
        ("ü。。example.com", Err(NameError::EmptyLabel)),
        ("\u{ad}.example.com", Err(NameError::EmptyLabel)),
        ("\u{200b}.example.com", Err(NameError::EmptyLabel)),
        ("\u{2060}.\u{ad}.example.com", Err(NameError::EmptyLabel)),
        ("example.com。。", Err(NameError::EmptyLabel)),
        ("。example.com", Err(NameError::EmptyLabel)),
        ("*.\u{ad}.example.com", Err(NameError::EmptyLabel)),
        ("*.。", Err(NameError::Empty)),
        ("\u{ad}", Err(NameError::Empty)),
        ("＊.example.com", Ok("*.example.com")),
        ("a＊.example.com", Err(NameError::Wildcard)),
        ("ex＿ample.com", Err(NameError::Syntax)),
        ("example／.com", Err(NameError::Syntax)),
    ] {
        let parsed = sent.parse::<DomainName>();
        assert_eq!(
            parsed.as_ref().map(DomainName::as_str),
            result.as_ref().copied(),
            "{sent:?}"
        );
    }
}

#[test]
fn only_the_icann_section_is_nobodys() {
    for somebodys in [
        "github.io",
        "*.github.io",
        "*.netlify.app",
        "*.web.app",
        "s3.amazonaws.com",
        "*.blogspot.com",
        "vercel.app",
        "*.azurewebsites.net",
    ] {
        assert!(somebodys.parse::<DomainName>().is_ok(), "{somebodys}");
    }
    for nobodys in [
        "co.uk",
        "*.co.uk",
        "com.au",
        "*.gov.br",
        "kobe.kawasaki.jp",
        "*.xn--55qx5d.cn",
        "公司.cn",
    ] {
        assert_eq!(
            nobodys.parse::<DomainName>(),
            Err(NameError::PublicSuffix),
            "{nobodys}"
        );
    }
}

#[test]
fn the_domain_that_somebody_registered() {
    for (name, domain) in [
        ("_acme-challenge.www.example.co.uk", Some("example.co.uk")),
        ("_acme-challenge.github.io", Some("github.io")),
        ("_acme-challenge.me.github.io", Some("me.github.io")),
        ("example.com", Some("example.com")),
        ("co.uk", None),
    ] {
        assert_eq!(Fqdn::new(name).registered_domain(), domain, "{name}");
    }
}

#[test]
fn what_is_stored_is_read_by_syntax_alone() {
    // A list of tomorrow may hold these, and IDNA of tomorrow may map them otherwise.
    for stored in ["co.uk", "*.co.uk", "github.io", "xn--a.example.com", "a.b"] {
        let read: DomainName = serde_json::from_value(serde_json::Value::from(stored)).unwrap();
        assert_eq!(read.as_str(), stored);
    }
    for broken in [
        "",
        "A.example.com",
        "ü.example.com",
        "a..b",
        "example.com.",
        "*.*.a.b",
        "localhost",
    ] {
        assert!(DomainName::read(broken).is_err(), "{broken}");
    }
}

#[test]
fn a_name_has_room_for_its_challenge() {
    let name = |octets: usize| {
        let mut name = String::from("example.com");
        while name.len() < octets {
            let label = (octets - name.len() - 1).min(50);
            name = format!("{}.{name}", "a".repeat(label));
        }
        name
    };
    let refused = |name: String| NameSet::parse_for_order(&[name]).map(|_| ());
    let no_room = Err(NameSetError::Name {
        index: 0,
        source: NameError::NoRoomForChallenge,
    });
    assert_eq!((name(237).len(), refused(name(237))), (237, Ok(())));
    assert_eq!(refused(name(238)), no_room);
    assert_eq!(refused(name(253)), no_room);
    assert_eq!(refused(format!("*.{}", name(237))), Ok(()));
    assert_eq!(refused(format!("*.{}", name(238))), no_room);
    let long = NameSet::parse(&[name(253)]);
    assert!(long.is_ok(), "a certificate that was made elsewhere may have it");
    let challenge = name(237).parse::<DomainName>().unwrap().challenge_fqdn();
    assert_eq!(challenge.as_str().len(), 253);
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
fn a_star_covers_one_label_and_not_the_apex() {
    for (names, kept) in [
        (&["*.example.com", "www.example.com"][..], &["*.example.com"][..]),
        (&["WWW.example.com", "*.EXAMPLE.com"], &["*.example.com"]),
        (
            &["*.example.com", "example.com"],
            &["*.example.com", "example.com"],
        ),
        (
            &["*.example.com", "a.b.example.com"],
            &["*.example.com", "a.b.example.com"],
        ),
        (
            &["*.example.com", "*.www.example.com"],
            &["*.example.com", "*.www.example.com"],
        ),
        (
            &["*.example.com", "*.www.example.com", "www.example.com"],
            &["*.example.com", "*.www.example.com"],
        ),
        (
            &["*.example.com", "wwwexample.com"],
            &["*.example.com", "wwwexample.com"],
        ),
        (
            &["*.example.com", "www.example.org"],
            &["*.example.com", "www.example.org"],
        ),
        (
            &["b.example.com", "*.example.com", "a.example.com", "example.com"],
            &["*.example.com", "example.com"],
        ),
        (
            &["*.bücher.example", "www.xn--bcher-kva.example"],
            &["*.xn--bcher-kva.example"],
        ),
        (&["www.example.com"], &["www.example.com"]),
    ] {
        let set = NameSet::parse(names).unwrap();
        let left = set.without_covered();
        assert_eq!(left.strings(), kept, "{names:?}");
        assert_eq!(left.without_covered(), left);
        for name in set.as_slice() {
            assert!(
                left.as_slice().iter().any(|other| other.covers(name)),
                "{name} is certified all the same"
            );
        }
    }
}

/// RFC 6125 §6.4.3, name by name.
#[test]
fn what_a_name_is_valid_for() {
    let name = |text: &str| text.parse::<DomainName>().unwrap();
    for (name_of, other, covered) in [
        ("example.com", "example.com", true),
        ("*.example.com", "*.example.com", true),
        ("*.example.com", "www.example.com", true),
        ("*.b.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "a.b.c.example.com", false),
        ("*.example.com", "*.www.example.com", false),
        ("*.www.example.com", "*.example.com", false),
        ("*.example.com", "*.example.org", false),
        ("*.example.com", "wwwexample.com", false),
        ("*.example.com", "www.badexample.com", false),
        ("*.example.com", "www.example.com.au", false),
        ("example.com", "www.example.com", false),
        ("www.example.com", "*.example.com", false),
        ("www.example.com", "example.com", false),
    ] {
        assert_eq!(
            name(name_of).covers(&name(other)),
            covered,
            "{name_of} and {other}"
        );
    }
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

/// Texts in which what IDNA maps, drops or refuses is frequent.
fn odd_names() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9]{1,8}",
        2 => Just(".".to_owned()),
        1 => prop::sample::select(vec![
            "。", "．", "｡", "\u{ad}", "\u{200b}", "\u{200d}", "\u{2060}", "ü", "ß", "İ", "ª", "xn--", "-", "*.", "①", "₂",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC",
    ];
    prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_is_accepted_is_read_back(text in odd_names()) {
        if let Ok(name) = text.parse::<DomainName>() {
            prop_assert_eq!(DomainName::read(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
            let stored = serde_json::to_string(&name).unwrap();
            prop_assert_eq!(serde_json::from_str::<DomainName>(&stored).unwrap(), name);
        }
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
