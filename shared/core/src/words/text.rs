//! Texts: those that a client sends, read; those of others, cut to size; octets as text.

/// The first `most` octets of a text, whole characters only; a cut is shown. In octets, since items are measured so.
#[must_use]
pub fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    let (kept, _) = text.split_at(end);
    format!("{kept}…")
}

/// Octets in lower-case hexadecimal.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Octets of a text in one line.
const LINE: usize = 4096;

/// Why a text is none that a person could have meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing to be seen.
    #[error("is blank; send a text, or leave the field out")]
    Blank,
    /// Over [`LINE`].
    #[error("is over {LINE} octets")]
    TooLong,
    /// A C0 or C1 control, or a line break that Unicode knows beside them.
    #[error("holds a control character (U+{:04X}); send plain text", u32::from(*.0))]
    Control(char),
    /// Makes what follows look like something else (Unicode TR #36 §2.7).
    #[error("holds a character that changes the direction of writing (U+{:04X}); send it without", u32::from(*.0))]
    Direction(char),
    /// Is there and cannot be seen.
    #[error("holds an invisible character (U+{:04X}); type the text anew instead of pasting it", u32::from(*.0))]
    Invisible(char),
}

const fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

/// Format characters and fillers without a shape (Unicode's Default_Ignorable_Code_Point, without variation selectors,
/// which only choose a shape).
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{034f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

fn wrong(c: char) -> Option<TextError> {
    match c {
        '\u{2028}' | '\u{2029}' => Some(TextError::Control(c)),
        c if c.is_control() => Some(TextError::Control(c)),
        c if is_direction(c) => Some(TextError::Direction(c)),
        c if is_invisible(c) => Some(TextError::Invisible(c)),
        _ => None,
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// A text of one line that is what it looks like.
///
/// # Errors
/// The first thing wrong with it.
pub fn line(text: &str) -> Result<&str, TextError> {
    match text.chars().find_map(wrong) {
        _ if text.len() > LINE => Err(TextError::TooLong),
        Some(error) => Err(error),
        None if is_blank(text) => Err(TextError::Blank),
        None => Ok(text),
    }
}

/// A text of several lines, such as PEM: line breaks and tabs are part of it, and a byte order mark before a block, which
/// editors write there and readers of PEM skip.
///
/// # Errors
/// The first thing wrong with it.
pub fn lines(text: &str) -> Result<&str, TextError> {
    let stray = |c: &char| !matches!(c, '\n' | '\r' | '\t' | '\u{feff}');
    match text.chars().filter(stray).find_map(wrong) {
        Some(error) => Err(error),
        None if is_blank(text.trim_matches('\u{feff}')) => Err(TextError::Blank),
        None => Ok(text),
    }
}
