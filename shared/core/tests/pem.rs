//! PEM as people paste it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_core::x509::pem::{PemError, blocks, write};
use proptest::prelude::*;

const BODY: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4\nOTAxMjM=";

fn certificate() -> String {
    format!("-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----\n")
}

fn lines(text: &str) -> Vec<(String, usize)> {
    let blocks = blocks(text).unwrap();
    blocks.into_iter().map(|b| (b.label, b.line)).collect()
}

#[test]
fn what_people_paste_is_taken_whole() {
    let one = certificate();
    let two = |a: usize, b: usize| vec![("CERTIFICATE".to_owned(), a), ("CERTIFICATE".to_owned(), b)];
    for (what, text, expected) in [
        ("plain", format!("{one}{one}"), two(1, 5)),
        ("byte order mark", format!("\u{feff}{one}{one}"), two(1, 5)),
        (
            "a mark before each",
            format!("\u{feff}{one}\u{feff}{one}"),
            two(1, 5),
        ),
        ("CRLF", format!("{one}{one}").replace('\n', "\r\n"), two(1, 5)),
        ("lone CR", format!("{one}{one}").replace('\n', "\r"), two(1, 5)),
        (
            "indented",
            format!("{one}{one}").replace('\n', "\n\t  "),
            two(1, 5),
        ),
        (
            "spaces at the ends",
            format!("{one}{one}").replace('\n', "  \n"),
            two(1, 5),
        ),
        (
            "no-break spaces",
            format!("{one}{one}").replace('\n', "\u{a0}\n\u{a0}"),
            two(1, 5),
        ),
        (
            "blank lines within",
            format!("{one}{one}").replace('\n', "\n\n"),
            two(1, 9),
        ),
        ("glued", format!("{}{one}", one.trim_end()), two(1, 4)),
        ("no last line end", format!("{one}{}", one.trim_end()), two(1, 5)),
        (
            "all on one line",
            format!("{one}{one}").replace('\n', " "),
            two(1, 1),
        ),
        (
            "escaped line ends",
            format!("{one}{one}").replace('\n', "\\n"),
            two(1, 5),
        ),
        (
            "escaped CRLF",
            format!("{one}{one}").replace('\n', "\\r\\n"),
            two(1, 5),
        ),
        (
            "text around",
            format!("subject=CN = a\n---\n{one}Bag Attributes\n    friendlyName: x\n{one}bye"),
            two(3, 9),
        ),
        (
            "a list's numbers",
            format!("Certificate 1 begins here:\n{one}\nthe end\n{one}"),
            two(2, 8),
        ),
        (
            "without padding",
            format!("{one}{one}").replace('=', ""),
            two(1, 5),
        ),
    ] {
        assert_eq!(lines(&text), expected, "{what}");
        let same = blocks(&text).unwrap();
        assert!(
            same.iter().all(|b| *b.der == *blocks(&one).unwrap()[0].der),
            "{what}"
        );
    }
    assert!(
        blocks("no block at all, - or -- or BEGIN of a sentence")
            .unwrap()
            .is_empty()
    );
    let old = certificate().replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
    assert!(blocks(&old).unwrap()[0].has_headers);
}

#[test]
fn what_could_hide_a_block_is_refused_with_its_line() {
    let (one, label) = (certificate(), || "CERTIFICATE".to_owned());
    let boundary = |line| PemError::Boundary { line };
    for (what, text, error) in [
        (
            "no END",
            format!("{one}{}", one.replace("-----END CERTIFICATE-----\n", "")),
            PemError::NoEnd {
                line: 5,
                label: label(),
            },
        ),
        (
            "END is missing between two",
            format!("{}{one}", one.replace("-----END CERTIFICATE-----\n", "")),
            PemError::NoEnd {
                line: 1,
                label: label(),
            },
        ),
        (
            "no BEGIN",
            format!("{one}{}", one.replace("-----BEGIN CERTIFICATE-----\n", "")),
            PemError::NoBegin { line: 7 },
        ),
        (
            "another END",
            one.replace("END CERTIFICATE", "END PRIVATE KEY"),
            PemError::OtherEnd {
                line: 1,
                label: label(),
                end: "PRIVATE KEY".into(),
            },
        ),
        (
            "four hyphens",
            format!("{one}{}", one.replace("-----BEGIN", "----BEGIN")),
            boundary(5),
        ),
        (
            "six hyphens at the end",
            one.replace("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE----"),
            boundary(1),
        ),
        (
            "em dashes",
            format!("{one}{}", one.replace("-----", "——–")),
            boundary(5),
        ),
        (
            "non-breaking hyphens",
            format!("{one}{}", one.replace('-', "\u{2011}")),
            boundary(5),
        ),
        (
            "lower case",
            format!("{one}{}", one.replace("BEGIN CERTIFICATE", "begin certificate")),
            boundary(5),
        ),
        (
            "a lower-case label",
            one.replace("CERTIFICATE", "Certificate"),
            boundary(1),
        ),
        (
            "no label",
            one.replace("BEGIN CERTIFICATE", "BEGIN "),
            boundary(1),
        ),
        (
            "a quote's sign",
            one.replace("\nOTAx", "\n> OTAx"),
            PemError::NotBase64 {
                line: 3,
                label: label(),
            },
        ),
        (
            "a BEGIN that shares an END's hyphens",
            format!("{}{}", one.trim_end(), one.trim_start_matches('-')),
            boundary(4),
        ),
        (
            "a BEGIN that shares a BEGIN's hyphens",
            one.replacen('\n', "BEGIN CERTIFICA\n", 1),
            boundary(1),
        ),
        (
            "an END that shares a BEGIN's hyphens",
            one.replacen('\n', "END CERTIFICA\n", 1),
            boundary(1),
        ),
        (
            "a BEGIN that has one hyphen of its own, on one line",
            format!(
                "{}-{}",
                one.trim_end(),
                one.trim_start_matches('-').replace('\n', "")
            ),
            boundary(4),
        ),
        (
            "a BEGIN behind an END, cut",
            format!("{}BEGIN CERTIFI", one.trim_end()),
            boundary(4),
        ),
        (
            "a BEGIN behind a BEGIN, and a colon",
            one.replacen('\n', "-BEGIN THIS: no header\n", 1),
            boundary(1),
        ),
        (
            "base64 with a colon",
            one.replace("MTIz", "MT+z:"),
            PemError::NotBase64 {
                line: 2,
                label: label(),
            },
        ),
        (
            "an ellipsis",
            one.replace("\nOTAxMjM=", "\n..."),
            PemError::NotBase64 {
                line: 3,
                label: label(),
            },
        ),
        (
            "base64url",
            one.replace("\nOTAx", "\nOT_x"),
            PemError::NotBase64 {
                line: 3,
                label: label(),
            },
        ),
        (
            "cut",
            one.replace("\nOTAxMjM=", "\nO"),
            PemError::NotBase64 {
                line: 1,
                label: label(),
            },
        ),
        (
            "padding in the middle",
            one.replace("MTIz", "MT=="),
            PemError::NotBase64 {
                line: 1,
                label: label(),
            },
        ),
        (
            "empty",
            "-----BEGIN X-----\n-----END X-----".into(),
            PemError::Empty {
                line: 1,
                label: "X".into(),
            },
        ),
    ] {
        assert_eq!(blocks(&text).map(|b| b.len()), Err(error), "{what}");
    }
}

#[test]
fn what_is_written_is_read() {
    for octets in [1, 47, 48, 49, 96, 1000] {
        let der = vec![0xA5; octets];
        let text = write("CERTIFICATE", &der);
        assert!(text.lines().all(|l| l.len() <= 64));
        assert_eq!(*blocks(&text).unwrap()[0].der, der);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(-{4,6}|BEGIN |END |CERTIFICATE|[A-Za-z+/=]{0,8}|\\s|\\PC){0,40}") {
        let _ = blocks(&text);
    }

    /// As many blocks as were put in come out, or it is an error.
    #[test]
    fn no_block_is_lost(count in 1usize..5, glue in prop::collection::vec("[ \\r\\n\\t-]{0,6}|text:[a-z ]{0,5}\\n", 4)) {
        let mut text = String::new();
        for between in glue.iter().take(count) {
            text.push_str(certificate().trim_end());
            text.push_str(between);
        }
        if let Ok(read) = blocks(&text) {
            prop_assert_eq!(read.len(), count);
        }
    }
}
