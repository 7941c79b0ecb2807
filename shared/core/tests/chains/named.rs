//! Issuer and subject are compared as RFC 5280 §7.1 says.

use certmint_core::{words::Timestamp, x509::chain::read_chain};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, DnValue, IsCa, Issuer,
    KeyPair,
};

fn ca(names: Vec<(DnType, DnValue)>) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in names {
        params.distinguished_name.push(kind, value);
    }
    params
}

/// A leaf that names its issuer in one way, and the issuer's certificate that names it in another.
fn fits(as_issuer: Vec<(DnType, DnValue)>, as_subject: Vec<(DnType, DnValue)>) -> bool {
    let key = KeyPair::generate().unwrap();
    let pem = key.serialize_pem();
    let issuer = CertifiedIssuer::self_signed(ca(as_subject), key).unwrap();
    let same_key = Issuer::new(ca(as_issuer), KeyPair::from_pem(&pem).unwrap());
    let leaf = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &same_key).unwrap();
    let now: Timestamp = std::time::SystemTime::now().into();
    read_chain(&format!("{}{}", leaf.pem(), issuer.pem()), now).is_ok()
}

fn utf8(text: &str) -> DnValue {
    DnValue::Utf8String(text.into())
}

fn printable(text: &str) -> DnValue {
    DnValue::PrintableString(text.try_into().unwrap())
}

#[test]
fn the_same_name_in_other_clothes() {
    let cn = |value: DnValue| vec![(DnType::CommonName, value)];
    let bmp = DnValue::BmpString("Test CA".try_into().unwrap());
    let universal = DnValue::UniversalString("Test CA".try_into().unwrap());
    let teletex = DnValue::TeletexString("Test CA".try_into().unwrap());
    let ia5 = DnValue::Ia5String("Test CA".try_into().unwrap());
    for (what, one, other, same) in [
        ("alike", cn(utf8("Test CA")), cn(utf8("Test CA")), true),
        (
            "string types",
            cn(utf8("Test CA")),
            cn(printable("Test CA")),
            true,
        ),
        ("BMPString", cn(utf8("Test CA")), cn(bmp), true),
        ("UniversalString", cn(utf8("Test CA")), cn(universal), true),
        ("TeletexString", cn(utf8("Test CA")), cn(teletex), true),
        ("IA5String", cn(printable("Test CA")), cn(ia5), true),
        ("case", cn(printable("TEST ca")), cn(printable("Test CA")), true),
        (
            "case beyond ASCII",
            cn(utf8("ÜBER CA")),
            cn(utf8("über ca")),
            true,
        ),
        ("white space", cn(utf8("  Test   CA ")), cn(utf8("Test CA")), true),
        ("another word", cn(utf8("Test CB")), cn(utf8("Test CA")), false),
        (
            "words that are glued",
            cn(utf8("TestCA")),
            cn(utf8("Test CA")),
            false,
        ),
        (
            "another attribute",
            vec![(DnType::OrganizationName, utf8("Test CA"))],
            cn(utf8("Test CA")),
            false,
        ),
        (
            "one attribute more",
            vec![
                (DnType::CommonName, utf8("Test CA")),
                (DnType::CountryName, printable("DE")),
            ],
            cn(utf8("Test CA")),
            false,
        ),
    ] {
        assert_eq!(fits(one, other), same, "{what}");
    }
}
