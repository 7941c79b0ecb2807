//! Cursors of the ledger's list: a value's place, in characters that need no escaping in a query.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::StoreError;
use certmint_core::challenge::TxtRecord;

/// The cursor that goes on after this value.
#[must_use]
pub fn txt_cursor(record: &TxtRecord) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(record.place())
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
