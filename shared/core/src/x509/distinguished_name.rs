//! Distinguished names, compared and read as RFC 5280 §7.1 says.

use x509_parser::{
    asn1_rs::{Any, Tag},
    x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name},
};

/// An attribute's text in any of ASN.1's string types; `None` if it is none of them or not what its type says.
#[must_use]
pub(super) fn text_of(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    decode(attribute.attr_value())
}

fn decode(value: &Any<'_>) -> Option<String> {
    let data = value.data;
    match value.tag() {
        Tag::Utf8String => std::str::from_utf8(data).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            let text = std::str::from_utf8(data).ok()?;
            text.is_ascii().then(|| text.to_owned())
        }
        // ITU-T T.61 in theory; in practice Latin-1.
        Tag::T61String => Some(data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (units, rest) = data.as_chunks::<2>();
            let units = units.iter().map(|pair| u16::from_be_bytes(*pair));
            let text = char::decode_utf16(units).collect::<Result<String, _>>().ok();
            text.filter(|_| rest.is_empty())
        }
        Tag::UniversalString => {
            let (units, rest) = data.as_chunks::<4>();
            let text = units
                .iter()
                .map(|four| char::from_u32(u32::from_be_bytes(*four)))
                .collect::<Option<String>>();
            text.filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// Whether two names are the same: attribute by attribute, without regard to case, to white space at the ends and to
/// how much of it stands between words, whatever string types they are in.
#[must_use]
pub(super) fn same(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    one.as_raw() == other.as_raw() || all_pairs(one.iter_rdn(), other.iter_rdn(), same_rdn)
}

fn all_pairs<T>(
    one: impl Iterator<Item = T>,
    other: impl Iterator<Item = T>,
    fits: impl Fn(&T, &T) -> bool,
) -> bool {
    let (one, other): (Vec<T>, Vec<T>) = (one.collect(), other.collect());
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| fits(a, b))
}

/// A relative name is a set: its attributes come in any order, each as often in one as in the other.
fn same_rdn(one: &&RelativeDistinguishedName<'_>, other: &&RelativeDistinguishedName<'_>) -> bool {
    sorted(one) == sorted(other)
}

/// The attributes of a relative name as they are compared, each made ready once.
fn sorted<'a>(name: &'a RelativeDistinguishedName<'_>) -> Vec<(&'a [u8], Comparable<'a>)> {
    let attributes = name.iter().map(|attribute| {
        let value = attribute.attr_value();
        let comparable = match text_of(attribute) {
            Some(text) => Comparable::Text(folded(&text)),
            None => Comparable::Other(value.tag().0, value.data),
        };
        (attribute.attr_type().as_bytes(), comparable)
    });
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort_unstable();
    attributes
}

/// A value in the form in which equal ones are alike.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Comparable<'a> {
    Text(String),
    /// None that we can read: its tag and its octets.
    Other(u32, &'a [u8]),
}

fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}
