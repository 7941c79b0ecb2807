//! What others made as large as a body may be: it is counted before it is compared, and what is compared is compared in one
//! pass.

use certmint_core::{
    words::{NameSet, Timestamp},
    x509::{
        Concern,
        chain::{ReadChain, read_chain},
        csr::Csr,
        pem,
    },
};

/// Octets of an upload's body.
const BODY: usize = 256 * 1024;

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    match length {
        0..0x80 => der.push(u8::try_from(length).unwrap()),
        _ => {
            let octets = u32::try_from(length).unwrap().to_be_bytes();
            let octets: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            der.push(0x80 | u8::try_from(octets.len()).unwrap());
            der.extend(octets);
        }
    }
    der.extend(content);
    der
}

fn sequence(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    tlv(0x30, &parts.into_iter().flatten().collect::<Vec<_>>())
}

fn set(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    tlv(0x31, &parts.into_iter().flatten().collect::<Vec<_>>())
}

/// organizationalUnitName, as a UTF8String.
fn ou(text: &str) -> Vec<u8> {
    sequence([tlv(0x06, &[0x55, 0x04, 0x0B]), tlv(0x0C, text.as_bytes())])
}

/// A name of one part that has all these attributes, in this order.
fn one_part(units: &[String]) -> Vec<u8> {
    sequence([set(units.iter().map(|unit| ou(unit)))])
}

fn dns(names: &[String]) -> Vec<Vec<u8>> {
    names.iter().map(|name| tlv(0x82, name.as_bytes())).collect()
}

fn extension(id: u8, value: Vec<u8>) -> Vec<u8> {
    sequence([tlv(0x06, &[0x55, 0x1D, id]), tlv(0x04, &value)])
}

/// What a certificate is made of.
struct Made {
    issuer: Vec<u8>,
    subject: Vec<u8>,
    names: Vec<String>,
    permitted: Vec<String>,
    excluded: Vec<String>,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            issuer: one_part(&["CA".into()]),
            subject: one_part(&["leaf".into()]),
            names: vec!["www.example.com".into()],
            permitted: vec![],
            excluded: vec![],
        }
    }
}

impl Made {
    /// Signed with SHA-1 by nobody: what names itself as its issuer is not told so.
    fn pem(&self) -> String {
        let sha1 = sequence([
            tlv(0x06, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05]),
            vec![0x05, 0x00],
        ]);
        let key = sequence([sequence([tlv(0x06, &[0x2B, 0x65, 0x70])]), tlv(0x03, &[0; 33])]);
        let subtrees = |tag: u8, names: &[String]| match names {
            [] => vec![],
            names => tlv(
                tag,
                &dns(names)
                    .into_iter()
                    .map(|name| sequence([name]))
                    .collect::<Vec<_>>()
                    .concat(),
            ),
        };
        let constraints = sequence([subtrees(0xA0, &self.permitted), subtrees(0xA1, &self.excluded)]);
        let mut extensions = vec![extension(0x11, sequence(dns(&self.names)))];
        if constraints.len() > 2 {
            extensions.push(extension(0x1E, constraints));
        }
        let body = sequence([
            tlv(0xA0, &[0x02, 0x01, 0x02]),
            tlv(0x02, &[0x01]),
            sha1.clone(),
            self.issuer.clone(),
            sequence([tlv(0x17, b"200101000000Z"), tlv(0x17, b"490101000000Z")]),
            self.subject.clone(),
            key,
            tlv(0xA3, &sequence(extensions)),
        ]);
        pem::write("CERTIFICATE", &sequence([body, sha1, tlv(0x03, &[0; 65])]))
    }
}

fn read(chain: &str) -> Result<ReadChain, String> {
    assert!(chain.len() <= BODY, "{} octets", chain.len());
    let now: Timestamp = std::time::SystemTime::now().into();
    read_chain(chain, now).map_err(|failure| failure.problem.detail)
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("u{n:05}")).collect()
}

fn reversed(mut list: Vec<String>) -> Vec<String> {
    list.reverse();
    list
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}.io")).collect()
}

/// Each is out of order beside: what is told is its size, so nothing was compared before.
#[test]
fn what_is_too_much_is_refused_by_its_number_before_it_is_compared() {
    let leaf = Made::default();
    let stranger = one_part(&["stranger".into()]);
    let behind = |issuer: Made| leaf.pem() + &issuer.pem();
    let chain_of = |count: usize| {
        let one = |n: usize| Made {
            subject: one_part(&[format!("c{n}")]),
            ..Made::default()
        };
        (0..count).map(|n| one(n).pem()).collect::<String>()
    };
    let within = |permitted: Vec<String>, excluded: Vec<String>| Made {
        subject: stranger.clone(),
        permitted,
        excluded,
        ..Made::default()
    };
    let many_parts = sequence(numbered(6_000).iter().map(|unit| set([ou(unit)])));
    for (what, chain, told) in [
        (
            "one part of the subject and the issuer, in opposite order",
            Made {
                issuer: one_part(&numbered(4_500)),
                subject: one_part(&reversed(numbered(4_500))),
                ..Made::default()
            }
            .pem(),
            "it has 4500 attributes in its issuer's name; at most 100 are taken",
        ),
        (
            "many parts",
            behind(Made {
                subject: many_parts,
                ..Made::default()
            }),
            "certificate 2 of the chain has 6000 attributes in its subject; at most 100 are taken",
        ),
        (
            "few attributes, long ones",
            Made {
                subject: one_part(&["x".repeat(180_000)]),
                ..Made::default()
            }
            .pem(),
            "it has 180025 octets in its subject; at most 8192 are taken",
        ),
        (
            "names and subtrees",
            Made {
                names: names(8_000),
                ..Made::default()
            }
            .pem()
                + &within(vec![], names(4_500)).pem(),
            "it has 8000 names; at most 1000 are taken",
        ),
        (
            "names that are all one",
            Made {
                names: vec!["a.io".into(); 20_000],
                ..Made::default()
            }
            .pem(),
            "it has 20000 names; at most 1000 are taken",
        ),
        (
            "names of an issuer",
            behind(Made {
                subject: stranger.clone(),
                names: names(12_000),
                ..Made::default()
            }),
            "certificate 2 of the chain has 12000 names; at most 1000 are taken",
        ),
        (
            "excluded subtrees",
            behind(within(vec![], names(11_000))),
            "certificate 2 of the chain has 11000 subtrees in its nameConstraints; at most 1000 are taken",
        ),
        (
            "permitted subtrees",
            behind(within(names(11_000), vec![])),
            "certificate 2 of the chain has 11000 subtrees in its nameConstraints; at most 1000 are taken",
        ),
        (
            "both kinds together",
            behind(within(names(600), names(600))),
            "certificate 2 of the chain has 1200 subtrees in its nameConstraints; at most 1000 are taken",
        ),
        (
            "certificates",
            chain_of(21),
            "it has 21 certificates; at most 20 are taken",
        ),
        ("blocks", chain_of(400), "holds more than 100 blocks"),
        (
            "blocks of nothing",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".repeat(4_000),
            "the chain is no PEM: line 301: holds more than 100 blocks",
        ),
    ] {
        let why = read(&chain).err().unwrap_or_else(|| panic!("{what} was taken"));
        assert!(why.contains(told), "{what}: {why}");
    }
}

/// As many as are taken, and what is right of them.
#[test]
fn what_may_be_there_is_read() {
    let with_names = |issuer: &[String], subject: &[String]| Made {
        issuer: one_part(issuer),
        subject: one_part(subject),
        ..Made::default()
    };
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    // An anchor's signature is nobody's business: only another certificate is told that SHA-1 is weak.
    for (what, made, is_same) in [
        (
            "in opposite order",
            with_names(&numbered(100), &reversed(numbered(100))),
            true,
        ),
        (
            "in other clothes",
            with_names(&texts(&["A  b", "c"]), &texts(&[" C", "a B "])),
            true,
        ),
        (
            "as often in both",
            with_names(&texts(&["a", "b", "a"]), &texts(&["a", "a", "B"])),
            true,
        ),
        (
            "another one twice",
            with_names(&texts(&["a", "a", "b"]), &texts(&["a", "b", "b"])),
            false,
        ),
        ("one less", with_names(&numbered(100), &numbered(99)), false),
        (
            "another last one",
            with_names(&numbered(100), &[numbered(99), texts(&["x"])].concat()),
            false,
        ),
    ] {
        let read = read(&made.pem()).map_err(|why| panic!("{what}: {why}")).unwrap();
        let is_told = |concern: &Concern| matches!(concern, Concern::Warning(text) if text.contains("sha1"));
        assert_eq!(!read.concerns.iter().any(is_told), is_same, "{what}");
    }
    let full = Made {
        names: names(1_000),
        ..Made::default()
    };
    assert_eq!(read(&full.pem()).unwrap().dns_names.len(), 1_000);
}

/// The names of a signing request are compared as two sets, however many it has.
#[test]
fn a_signing_request_of_thousands_of_names_is_not_what_was_asked_for() {
    let mut params = rcgen::CertificateParams::new(names(3_000)).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let csr = params
        .serialize_request(&rcgen::KeyPair::generate().unwrap())
        .unwrap();
    let asked = NameSet::parse(&names(100)).unwrap();
    let why = Csr::check(&csr.pem().unwrap(), &asked).unwrap_err().to_string();
    assert!(why.contains("exactly the names in domains"), "{why}");
}
