//! The same key however it is written, and kinds of keys that nothing here has a use for, by their names.

use certmint_core::{
    words::{NameSet, Timestamp},
    x509::{
        KeyError, PrivateKey,
        chain::{ReadChain, check_chain_of, read_chain},
        csr::Csr,
    },
};

use super::openssl::Shop;

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const SELF_SIGNED: &str =
    "req -x509 -subj /CN=k -addext subjectAltName=DNS:key.example.com -days 20 -out self.pem";

fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

fn key(shop: &Shop, file: &str) -> Result<PrivateKey, KeyError> {
    PrivateKey::read(&shop.read(file).into(), None)
}

fn certificate(shop: &Shop) -> ReadChain {
    read_chain(&shop.read("self.pem"), now()).unwrap()
}

#[test]
fn a_point_is_the_same_in_each_of_its_forms() {
    let shop = Shop::new(P256, "-sha256");
    let names = NameSet::parse(&["key.example.com"]).unwrap();
    for curve in [P256, P384] {
        shop.run(&format!("genpkey {curve} -out key"));
        shop.run(&format!("genpkey {curve} -out other"));
        let (ours, other) = (key(&shop, "key").unwrap(), key(&shop, "other").unwrap());
        for form in ["uncompressed", "compressed", "hybrid"] {
            shop.run(&format!("ec -in key -conv_form {form} -out formed"));
            shop.run(&format!("{SELF_SIGNED} -key formed"));
            let read = certificate(&shop);
            assert!(read.has_key(ours.public_key()), "{curve} {form}");
            assert!(!read.has_key(other.public_key()), "{curve} {form}");
            assert_eq!(read.other_kind, None, "{curve} {form}");
            assert_eq!(
                key(&shop, "formed").unwrap().public_key(),
                ours.public_key(),
                "the private key too, {form}"
            );
            let checked = check_chain_of(&shop.read("self.pem"), ours.public_key(), &names, now());
            assert!(checked.is_ok(), "{curve} {form}: {checked:?}");
            // A CA may write the point of a CSR in another form.
            shop.run(
                "req -new -key formed -subj /CN=key.example.com -addext subjectAltName=DNS:key.example.com -out csr",
            );
            let csr = Csr::check(&shop.read("csr"), &names).unwrap();
            assert!(read.has_key(csr.public_key()), "{curve} {form}");
            // The point on the other side of the axis has the same x.
            let mut mirrored = csr.public_key().to_vec();
            if form == "compressed" {
                let point = mirrored.len() - if curve == P256 { 33 } else { 49 };
                mirrored[point] ^= 1;
                assert!(!read.has_key(&mirrored), "{curve}");
            }
        }
    }
}

#[test]
fn rsa_without_its_null_is_the_same() {
    let shop = Shop::new(P256, "-sha256");
    shop.run(&format!("genpkey {RSA} -out key"));
    shop.run(&format!("{SELF_SIGNED} -key key"));
    let (ours, read) = (key(&shop, "key").unwrap(), certificate(&shop));
    // SEQUENCE { SEQUENCE { OID, NULL }, BIT STRING }, both lengths two shorter.
    let der = ours.public_key();
    let mut bare = [&der[..17], &der[19..]].concat();
    assert_eq!(der[17..19], [0x05, 0x00]);
    (bare[3], bare[5]) = (bare[3] - 2, bare[5] - 2);
    assert!(read.has_key(der) && read.has_key(&bare));
    *bare.last_mut().unwrap() ^= 1;
    assert!(!read.has_key(&bare), "another exponent");
    assert!(!read.has_key(&[]) && !read.has_key(&der[1..]));
}

#[test]
fn other_kinds_are_called_by_their_names() {
    let shop = Shop::new(P256, "-sha256");
    for (made, name) in [
        (
            "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
            "id-RSASSA-PSS",
        ),
        ("-algorithm ED25519", "Ed25519"),
        ("-algorithm ED448", "Ed448"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "P-521"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-224", "P-224"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "secp256k1"),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
            "1.3.36.3.3.2.8.1.1.7",
        ),
    ] {
        shop.run(&format!("genpkey {made} -out key"));
        let refused = key(&shop, "key").map(|_| ()).expect_err(made).to_string();
        assert!(
            refused.contains(name) && refused.contains("P-384 is taken"),
            "{made}: {refused}"
        );
        shop.run(&format!("{SELF_SIGNED} -key key"));
        let kind = certificate(&shop).other_kind.unwrap_or_default();
        assert!(kind.contains(name), "{made}: {kind}");
    }
    // Whoever spells the curve out means the same curve; clients do not read it in a certificate (RFC 5480 §2.1.1).
    shop.run(&format!("genpkey {P256} -pkeyopt ec_param_enc:explicit -out key"));
    assert!(key(&shop, "key").is_ok());
    shop.run(&format!("{SELF_SIGNED} -key key"));
    let kind = certificate(&shop).other_kind;
    assert_eq!(kind.as_deref(), Some("EC without a named curve"));
    shop.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key");
    let short = key(&shop, "key").map(|_| ()).unwrap_err();
    assert_eq!(short, KeyError::Unsupported, "its kind is right, its size is not");
}
