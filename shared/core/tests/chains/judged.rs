//! A chain is judged as a TLS client would.

use certmint_core::{
    words::Timestamp,
    x509::{Concern, chain::read_chain},
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};

fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

fn params(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = is_ca;
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Leaf, one intermediate, root; the intermediate and the leaf as they are changed.
fn chain(
    names: &[&str],
    intermediate: impl Fn(&mut CertificateParams),
    leaf: impl Fn(&mut CertificateParams),
) -> Vec<Concern> {
    let (root_key, middle_key, leaf_key) = (
        KeyPair::generate().unwrap(),
        KeyPair::generate().unwrap(),
        KeyPair::generate().unwrap(),
    );
    let root_params = params("Root", IsCa::Ca(BasicConstraints::Unconstrained));
    let root = root_params.self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(root_params, root_key);
    let mut middle_params = params("Middle", IsCa::Ca(BasicConstraints::Unconstrained));
    intermediate(&mut middle_params);
    let middle = middle_params.signed_by(&middle_key, &root_issuer).unwrap();
    let middle_issuer = Issuer::new(middle_params, middle_key);
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut leaf_params = CertificateParams::new(names).unwrap();
    leaf(&mut leaf_params);
    let leaf = leaf_params.signed_by(&leaf_key, &middle_issuer).unwrap();
    read_chain(&format!("{}{}{}", leaf.pem(), middle.pem(), root.pem()), now())
        .unwrap()
        .concerns
}

fn constraints(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
    let trees = |names: &[&str]| {
        names
            .iter()
            .map(|n| GeneralSubtree::DnsName((*n).to_owned()))
            .collect()
    };
    NameConstraints {
        permitted_subtrees: trees(permitted),
        excluded_subtrees: trees(excluded),
    }
}

#[test]
fn nothing_is_held_against_an_ordinary_chain() {
    assert_eq!(chain(&["www.example.com", "*.example.org"], |_| {}, |_| {}), []);
    let limited = |p: &mut CertificateParams| {
        p.name_constraints = Some(constraints(&["example.com"], &["bad.example.com"]))
    };
    assert_eq!(
        chain(&["www.example.com", "*.www.example.com"], limited, |_| {}),
        []
    );
    let usages = |p: &mut CertificateParams| {
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        p.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
    };
    let signs = |p: &mut CertificateParams| {
        p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    };
    assert_eq!(chain(&["www.example.com"], signs, usages), []);
}

type Change = Box<dyn Fn(&mut CertificateParams)>;

#[test]
fn what_every_client_refuses() {
    let none = || -> Change { Box::new(|_| {}) };
    let within = |permitted: &'static [&'static str], excluded: &'static [&'static str]| -> Change {
        Box::new(move |p| p.name_constraints = Some(constraints(permitted, excluded)))
    };
    let table: Vec<(Change, Change, &[&str], &str)> = vec![
        (
            Box::new(|p| p.is_ca = IsCa::ExplicitNoCa),
            none(),
            &["a.example.com"],
            "is no CA",
        ),
        (
            Box::new(|p| p.is_ca = IsCa::NoCa),
            none(),
            &["a.example.com"],
            "is no CA",
        ),
        (
            Box::new(|p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature]),
            none(),
            &["a.example.com"],
            "may not sign certificates",
        ),
        (
            Box::new(|p| p.not_after = rcgen::date_time_ymd(2020, 1, 1)),
            none(),
            &["a.example.com"],
            "is valid from",
        ),
        (
            Box::new(|p| p.not_before = rcgen::date_time_ymd(4000, 1, 1)),
            none(),
            &["a.example.com"],
            "is valid from",
        ),
        (
            within(&["example.org"], &[]),
            none(),
            &["a.example.com"],
            "may not issue for a.example.com",
        ),
        (
            within(&[], &["example.com"]),
            none(),
            &["a.example.com"],
            "may not issue for a.example.com",
        ),
        (
            within(&[], &[".example.com"]),
            none(),
            &["*.example.com"],
            "may not issue for *.example.com",
        ),
        (
            within(&[], &["www.example.com"]),
            none(),
            &["*.example.com"],
            "may not issue for *.example.com",
        ),
        (
            within(&["a.example.com"], &[]),
            none(),
            &["*.example.com"],
            "may not issue for *.example.com",
        ),
        (
            within(&["ample.com"], &[]),
            none(),
            &["example.com"],
            "may not issue for example.com",
        ),
        (
            none(),
            Box::new(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            &["a.example.com"],
            "does not allow TLS servers",
        ),
    ];
    for (intermediate, leaf, names, why) in table {
        let found = chain(names, intermediate, leaf);
        let refused = |c: &Concern| matches!(c, Concern::Refused(text) if text.contains(why));
        assert!(found.iter().any(refused), "{why}: {found:?}");
    }
}

/// As many names and subtrees as are taken: each name is held against all of them.
#[test]
fn names_among_many_subtrees() {
    let text = |n: usize| format!("n{n}.example.com");
    let excluded: Vec<String> = (0..500).map(text).collect();
    let permitted: Vec<String> = (500..1_000).map(text).collect();
    let limited = |p: &mut CertificateParams| {
        let tree = |list: &[String]| list.iter().cloned().map(GeneralSubtree::DnsName).collect();
        p.name_constraints = Some(NameConstraints {
            permitted_subtrees: tree(&permitted),
            excluded_subtrees: tree(&excluded),
        });
    };
    let below: Vec<String> = permitted
        .iter()
        .flat_map(|name| [name.clone(), format!("*.w.{name}")])
        .collect();
    let mut names: Vec<&str> = below.iter().map(String::as_str).take(999).collect();
    assert_eq!(chain(&names, limited, |_| {}), []);
    for (name, why) in [
        ("a.n7.example.com", "may not issue for a.n7.example.com"),
        ("xn500.example.com", "may not issue for xn500.example.com"),
        ("*.example.com", "may not issue for *.example.com"),
    ] {
        names.push(name);
        let found = chain(&names, limited, |_| {});
        assert!(
            matches!(found.as_slice(), [Concern::Refused(text)] if text.contains(why)),
            "{found:?}"
        );
        names.pop();
    }
}

#[test]
fn a_path_longer_than_the_root_allows() {
    let keys: Vec<KeyPair> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
    let root_params = params("Root", IsCa::Ca(BasicConstraints::Constrained(0)));
    let middle_params = params("Middle", IsCa::Ca(BasicConstraints::Unconstrained));
    let root = root_params.self_signed(&keys[0]).unwrap();
    let middle = middle_params
        .signed_by(&keys[1], &Issuer::from_params(&root_params, &keys[0]))
        .unwrap();
    let leaf = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
    let leaf = leaf
        .signed_by(&keys[2], &Issuer::from_params(&middle_params, &keys[1]))
        .unwrap();
    let text = format!("{}{}{}", leaf.pem(), middle.pem(), root.pem());
    let found = read_chain(&text, now()).unwrap().concerns;
    assert!(
        matches!(found.as_slice(), [Concern::Refused(text)] if text.contains("pathLenConstraint")),
        "{found:?}"
    );
}

#[test]
fn what_a_private_ca_may_mean() {
    let found = chain(
        &["a.example.com"],
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        |p| p.key_usages = vec![KeyUsagePurpose::KeyAgreement],
    );
    let warnings: Vec<&str> = found
        .iter()
        .map(|c| match c {
            Concern::Warning(text) => text.as_str(),
            Concern::Refused(text) => panic!("{text}"),
        })
        .collect();
    assert!(
        warnings.iter().any(|w| w.contains("no digitalSignature")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|w| w.contains("which browsers refuse")),
        "{warnings:?}"
    );
}

#[test]
fn bytes_behind_the_certificate_are_refused() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
    let mut der = certificate.self_signed(&key).unwrap().der().to_vec();
    der.extend([0, 0]);
    let text = certmint_core::x509::pem::write("CERTIFICATE", &der);
    let error = read_chain(&text, now()).map(|_| ()).unwrap_err();
    assert!(
        error.problem.detail.contains("2 octets behind it"),
        "{}",
        error.problem.detail
    );
}

#[test]
fn other_blocks_are_told_apart() {
    for (label, advice) in [
        ("PKCS7", "openssl pkcs7"),
        ("TRUSTED CERTIFICATE", "openssl x509"),
        ("RSA PRIVATE KEY", "its own field"),
        ("PRIVATE KEY", "its own field"),
        ("CERTIFICATE REQUEST", "signing request"),
        ("NEW CERTIFICATE REQUEST", "signing request"),
        ("X509 CRL", "no CERTIFICATE"),
        ("PUBLIC KEY", "no CERTIFICATE"),
    ] {
        let text = certmint_core::x509::pem::write(label, b"something");
        let error = read_chain(&text, now()).map(|_| ()).unwrap_err().problem.detail;
        assert!(
            error.contains(advice) && error.contains("line 1") && error.contains(label),
            "{error}"
        );
    }
}
