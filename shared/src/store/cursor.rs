//! Where a page starts: by number, to a depth, or behind a cursor that an earlier page gave.
//!
//! A cursor has no character that needs escaping in a query.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::error::StoreError;
use certmint_core::{
    certificate::Binding,
    challenge::TxtRecord,
    words::{CertificateId, PageRequest},
};

/// How many rows on a page by number may start: a store reads the keys up to it.
pub const DEPTH: usize = 10_000;
/// The same of certificates by name, or by end and status, which a store has to read to know whether they count.
pub const NAMED_DEPTH: usize = 1_000;

/// How many rows come before a page.
///
/// # Errors
/// [`StoreError::TooDeep`] if a page by number starts more than `depth` rows on.
pub fn rows_before(page: &PageRequest, depth: usize) -> Result<usize, StoreError> {
    if page.cursor.is_some() {
        return Ok(0);
    }
    let rows = u64::from(page.page.max(1) - 1) * u64::from(page.page_size);
    match usize::try_from(rows) {
        Ok(rows) if rows <= depth => Ok(rows),
        _ => Err(StoreError::TooDeep { rows: depth }),
    }
}

/// The id that the page goes on after, and how many rows were found up to it, where a cursor says so.
///
/// # Errors
/// [`StoreError::BadCursor`] if the cursor names no id.
pub fn id_after(page: &PageRequest) -> Result<Option<(u64, u64)>, StoreError> {
    let Some(cursor) = &page.cursor else {
        return Ok(None);
    };
    let (id, found) = cursor.split_once('-').unwrap_or((cursor, "0"));
    match (id.parse(), found.parse()) {
        (Ok(id), Ok(found)) => Ok(Some((id, found))),
        _ => Err(StoreError::BadCursor),
    }
}

/// The cursor that goes on after this binding.
#[must_use]
pub fn binding_cursor(binding: &Binding) -> String {
    format!("{}-{}", binding.certificate_id, binding.website_id)
}

/// The certificate and website that the page goes on after.
///
/// # Errors
/// [`StoreError::BadCursor`] if the cursor names none.
pub fn binding_after(page: &PageRequest) -> Result<Option<(CertificateId, u64)>, StoreError> {
    let Some(cursor) = &page.cursor else {
        return Ok(None);
    };
    let (id, website) = cursor.split_once('-').ok_or(StoreError::BadCursor)?;
    match (id.parse(), website.parse()) {
        (Ok(id), Ok(website)) => Ok(Some((CertificateId::new(id), website))),
        _ => Err(StoreError::BadCursor),
    }
}

/// The place in the order of ends that the page goes on after, and what the pages before it counted or found.
///
/// # Errors
/// [`StoreError::BadCursor`] if the cursor names none.
pub fn ending_after(page: &PageRequest) -> Result<Option<(&str, u64)>, StoreError> {
    let Some(cursor) = &page.cursor else {
        return Ok(None);
    };
    let (place, found) = cursor.rsplit_once('-').ok_or(StoreError::BadCursor)?;
    match found.parse() {
        Ok(found) if place.contains('#') => Ok(Some((place, found))),
        _ => Err(StoreError::BadCursor),
    }
}

/// The cursor that goes on after a value at this place.
#[must_use]
pub fn txt_cursor_of(place: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(place)
}

/// The cursor that goes on after this value.
#[must_use]
pub fn txt_cursor(record: &TxtRecord) -> String {
    txt_cursor_of(&record.place())
}

/// The place that a cursor names.
///
/// # Errors
/// [`StoreError::BadCursor`] if it names none.
pub fn place_after(cursor: &str) -> Result<String, StoreError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor);
    let place = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    place
        .filter(|place| place.contains('#'))
        .ok_or(StoreError::BadCursor)
}
