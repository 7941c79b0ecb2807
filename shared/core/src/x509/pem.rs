//! PEM as people paste it (RFC 7468, read laxly): the one reader for certificates, keys, CSRs and the CA's answers.
//!
//! Text around the blocks, byte order marks, any kind of line end, indentation and blocks on one line are taken. What
//! could hide a block is refused with its line, so that none is lost in silence. No error holds any of the contents.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const HYPHENS: &str = "-----";

/// Some tools leave the padding out; bits that stand for nothing are an error.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Blocks of a text. Chains have a few, and keys stand beside a few at most.
const MOST_BLOCKS: usize = 100;

/// One block. Its contents are wiped when dropped: they may be a key.
#[derive(Clone)]
pub struct Block {
    /// What it says it is, as `CERTIFICATE`.
    pub label: String,
    /// Its contents.
    pub der: Zeroizing<Vec<u8>>,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Whether it has header lines (RFC 1421 §4.6), which OpenSSL's old encryption does.
    pub has_headers: bool,
}

/// Why a text is not PEM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// More blocks than a text of ours has.
    #[error("line {line}: holds more than {MOST_BLOCKS} blocks")]
    TooMany {
        /// Where the first begins that is too many.
        line: usize,
    },
    /// A BEGIN line without its END line.
    #[error("line {line}: the block {label} has no END line")]
    NoEnd {
        /// Where it begins.
        line: usize,
        /// What it is.
        label: String,
    },
    /// An END line without its BEGIN line.
    #[error("line {line}: an END line without its BEGIN line")]
    NoBegin {
        /// Where.
        line: usize,
    },
    /// BEGIN and END differ.
    #[error("line {line}: the block {label} ends as {end}")]
    OtherEnd {
        /// Where it begins.
        line: usize,
        /// What it is.
        label: String,
        /// What its END line says.
        end: String,
    },
    /// A line that was to begin or end a block.
    #[error(
        "line {line}: a BEGIN or END line is written -----BEGIN CERTIFICATE-----, with five hyphens on each side"
    )]
    Boundary {
        /// Where.
        line: usize,
    },
    /// Not base64.
    #[error("line {line}: the block {label} holds something that is no base64; was it cut or reformatted?")]
    NotBase64 {
        /// The first line that is wrong.
        line: usize,
        /// What it is.
        label: String,
    },
    /// Nothing in it.
    #[error("line {line}: the block {label} is empty")]
    Empty {
        /// Where it begins.
        line: usize,
        /// What it is.
        label: String,
    },
}

/// The blocks of a text, in their order.
///
/// # Errors
/// The first thing that could hide a block, or that is none.
pub fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    // As it stands in JSON or in an environment variable: base64 has no backslash.
    let text = Zeroizing::new(text.replace("\\r", ""));
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    let (mut line, mut counted) = (1, 0);
    let mut blocks = Vec::new();
    let mut rest = 0;
    while let Some(begin) = find(&text, BEGIN, rest) {
        around(&text, rest, begin)?;
        // Counted on, not anew, however many blocks there are.
        line += line_ends(&text, counted, begin);
        counted = begin;
        if blocks.len() == MOST_BLOCKS {
            return Err(PemError::TooMany { line });
        }
        let (label, body) = label_after(&text, begin + BEGIN.len()).ok_or(PemError::Boundary { line })?;
        let no_end = || PemError::NoEnd {
            line,
            label: label.clone(),
        };
        let end = find(&text, HYPHENS, body).ok_or_else(no_end)?;
        let broken = || PemError::Boundary {
            line: line_at(&text, end),
        };
        if !text[end..].starts_with(END) {
            let begins = text[end..].starts_with(BEGIN);
            return Err(if begins { no_end() } else { broken() });
        }
        let (end_label, after) = label_after(&text, end + END.len()).ok_or_else(broken)?;
        if end_label != label {
            let end = end_label;
            return Err(PemError::OtherEnd { line, label, end });
        }
        // Two boundaries that share their hyphens, the second one cut perhaps.
        if text[after..].starts_with(&BEGIN[HYPHENS.len()..]) {
            return Err(broken());
        }
        blocks.push(block(&text, label, line, body, end)?);
        rest = after;
    }
    around(&text, rest, text.len())?;
    Ok(blocks)
}

fn find(text: &str, what: &str, from: usize) -> Option<usize> {
    text[from..].find(what).map(|at| from + at)
}

fn line_at(text: &str, at: usize) -> usize {
    line_ends(text, 0, at) + 1
}

/// The lines that end between two places.
fn line_ends(text: &str, from: usize, to: usize) -> usize {
    let bytes = text.as_bytes();
    // A lone CR ends a line, too.
    let ends = bytes
        .iter()
        .enumerate()
        .take(to)
        .skip(from)
        .filter(|(i, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(i + 1) != Some(&b'\n'),
            _ => false,
        });
    ends.count()
}

/// The label that begins at `from`, and what comes after its hyphens: no other boundary that shares some of them, which
/// would be read as text or base64.
fn label_after(text: &str, from: usize) -> Option<(String, usize)> {
    let end = find(text, HYPHENS, from)?;
    let (label, after) = (&text[from..end], end + HYPHENS.len());
    let behind = &text[after..];
    let word = behind.trim_start_matches('-');
    if !behind.starts_with(HYPHENS) && [BEGIN, END].iter().any(|b| word.starts_with(&b[HYPHENS.len()..])) {
        return None;
    }
    let is_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ' || c == '#';
    (!label.is_empty() && label.chars().all(is_label)).then(|| (label.to_owned(), after))
}

/// Text outside of blocks must not look like a line that was to begin or end one: with other dashes, in lower case, with
/// more or fewer hyphens.
fn around(text: &str, from: usize, to: usize) -> Result<(), PemError> {
    let is_dash = |c: char| {
        matches!(
            c,
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
        )
    };
    let mut at = from;
    for part in text[from..to].split_inclusive(['\n', '\r']) {
        let trimmed = part.trim_matches(is_blank);
        let dashes = trimmed.chars().take_while(|c| is_dash(*c)).count();
        let dashes = dashes.max(trimmed.chars().rev().take_while(|c| is_dash(*c)).count());
        let words = trimmed
            .trim_matches(|c| is_dash(c) || is_blank(c))
            .to_ascii_uppercase();
        if dashes >= 2 && (words.starts_with("BEGIN ") || words.starts_with("END ")) {
            let line = line_at(text, at);
            return Err(match trimmed.starts_with(END) {
                true => PemError::NoBegin { line },
                false => PemError::Boundary { line },
            });
        }
        at += part.len();
    }
    match text[from..to].find(END) {
        Some(end) => Err(PemError::NoBegin {
            line: line_at(text, from + end),
        }),
        None => Ok(()),
    }
}

/// White space, and what people paste without seeing it.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

/// RFC 1421 §4.6: `Name: value`. Any other text with a colon is none, or it could hide what stands before that.
fn is_header(line: &str) -> bool {
    let name = line
        .split_once(':')
        .map_or("", |(name, _)| name.trim_matches(is_blank));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name)
}

fn block(text: &str, label: String, line: usize, from: usize, to: usize) -> Result<Block, PemError> {
    let (mut base64, mut has_headers) = (Zeroizing::new(String::with_capacity(to - from)), false);
    let mut at = from;
    for part in text[from..to].split_inclusive(['\n', '\r']) {
        if base64.is_empty() && is_header(part) {
            has_headers = true;
        } else {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
            for c in part.chars().filter(|c| !is_blank(*c)) {
                if !known(c) {
                    let line = line_at(text, at);
                    return Err(PemError::NotBase64 { line, label });
                }
                base64.push(c);
            }
        }
        at += part.len();
    }
    match BASE64.decode(base64.as_bytes()) {
        // All on one line, its headers hide what follows them.
        Ok(der) if der.is_empty() && !has_headers => Err(PemError::Empty { line, label }),
        Ok(der) => Ok(Block {
            label,
            der: Zeroizing::new(der),
            line,
            has_headers,
        }),
        Err(_) => Err(PemError::NotBase64 { line, label }),
    }
}

/// A block as it is stored: lines of 64 characters (RFC 7468 §2).
#[must_use]
pub fn write(label: &str, der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut text = format!("{BEGIN}{label}{HYPHENS}\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n{END}{label}{HYPHENS}\n"));
    text
}
