//! Texts of others, cut to size, and octets as text.

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
