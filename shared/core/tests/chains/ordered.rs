//! Whether what the CA gave is what was ordered.

use certmint_core::{
    words::{Cause, Class, NameSet, Timestamp},
    x509::chain::{CheckedCertificate, check_chain},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

struct World {
    ca: CertifiedIssuer<'static, KeyPair>,
    key: KeyPair,
}

impl World {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test CA");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self {
            ca,
            key: KeyPair::generate().unwrap(),
        }
    }

    fn issue(&self, names: &[&str], years: (i32, i32)) -> String {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        params.signed_by(&self.key, &self.ca).unwrap().pem()
    }

    fn check(&self, chain: &str, names: &[&str]) -> Result<CheckedCertificate, String> {
        let key = self.key.serialize_pem().into();
        let now = Timestamp::from_secs(1_796_000_000);
        check_chain(chain, &key, &NameSet::parse(names).unwrap(), now).map_err(|f| f.problem.detail)
    }
}

#[test]
fn a_chain_that_fits_is_read() {
    let world = World::new();
    let leaf = world.issue(&["example.com", "*.example.com"], (2026, 2028));
    let chain = format!("{leaf}{}", world.ca.pem());
    let checked = world.check(&chain, &["*.example.com", "example.com"]).unwrap();
    assert_eq!(checked.fingerprint.len(), 64);
    assert_eq!(checked.issuer, "CN=Test CA");
    assert_eq!(checked.expires_at.to_string(), "2028-01-01T00:00:00Z");
    assert_eq!(checked.cert_pem, leaf.replace("\r\n", "\n"));
    assert!(checked.chain_pem.contains("BEGIN CERTIFICATE"));
}

/// Somebody else finalized the order: another one makes ours. What the CA did wrong it would do again.
#[test]
fn anothers_key_is_told_from_what_does_not_fit() {
    let (world, other) = (World::new(), World::new());
    let names = NameSet::parse(&["example.com"]).unwrap();
    let class = |leaf: &str, key: &KeyPair| {
        let (key, now) = (key.serialize_pem().into(), Timestamp::from_secs(1_796_000_000));
        let failure = check_chain(leaf, &key, &names, now).unwrap_err();
        (failure.class, failure.problem.cause)
    };
    let leaf = world.issue(&["example.com"], (2026, 2028));
    assert_eq!(class(&leaf, &other.key), (Class::OrderLost, Cause::KeylessOrder));
    let leaf = world.issue(&["example.org"], (2026, 2028));
    assert_eq!(
        class(&leaf, &world.key),
        (Class::Permanent, Cause::CertificateMismatch)
    );
}

/// What the CA gave has the names that were ordered: no more, no fewer, no others.
#[test]
fn names_are_those_ordered() {
    let world = World::new();
    let check = |given: &[&str], ordered: &[&str]| {
        let checked = world.check(&world.issue(given, (2026, 2028)), ordered);
        checked.err().unwrap_or_default()
    };
    let apex = "example.com";
    for (given, ordered, said) in [
        (&[apex, "www.example.com"][..], &["www.example.com", apex][..], ""),
        (&["WWW.example.com"], &["www.example.com"], ""),
        (
            &[apex, "www.example.com"],
            &[apex],
            "missing [], not ordered [www.example.com]",
        ),
        (
            &[apex, "*.example.com"],
            &["*.example.com"],
            "missing [], not ordered [example.com]",
        ),
        (
            &[apex, "192.0.2.1"],
            &[apex],
            "missing [], not ordered [IPAddress(c0:00:02:01)]",
        ),
        (
            &[apex, "a.test", "b.test"],
            &[apex],
            "missing [], not ordered [a.test, b.test]",
        ),
        (
            &[apex],
            &[apex, "www.example.com"],
            "missing [www.example.com], not ordered []",
        ),
        (
            &["*.example.com"],
            &["www.example.com"],
            "missing [www.example.com], not ordered [*.example.com]",
        ),
        (
            &["www.example.com"],
            &["*.example.com"],
            "missing [*.example.com], not ordered [www.example.com]",
        ),
        (
            &["example.org"],
            &[apex],
            "missing [example.com], not ordered [example.org]",
        ),
        (&[], &[apex], "it has no names"),
    ] {
        let told = check(given, ordered);
        assert!(
            told.ends_with(said) && told.is_empty() == said.is_empty(),
            "{given:?}: {told}"
        );
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let world = World::new();
    let leaf = world.issue(&["example.com"], (2026, 2028));
    let ca = world.ca.pem();
    let of = |chain: &str, names: &[&str]| world.check(chain, names).unwrap_err();
    assert!(of(&leaf, &["example.com", "www.example.com"]).contains("missing [www.example.com]"));
    assert!(of(&leaf, &["example.org"]).contains("not ordered [example.com]"));
    assert!(of(&world.issue(&["example.com"], (2024, 2025)), &["example.com"]).contains("valid from"));
    assert!(of(&world.issue(&["example.com"], (2027, 2028)), &["example.com"]).contains("valid from"));
    assert!(of(&format!("{leaf}{leaf}{ca}"), &["example.com"]).contains("out of order"));
    assert!(of("", &["example.com"]).contains("empty"));
    let other = World::new();
    assert!(of(&other.issue(&["example.com"], (2026, 2028)), &["example.com"]).contains("public key"));
    assert!(of(&format!("{leaf}{}", other.ca.pem()), &["example.com"]).contains("out of order"));
}
