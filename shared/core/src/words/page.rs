//! Pages of a list: cut by rows and by bytes.

/// Bytes that the rows of one page have at most in an answer, unless one row alone has more. AWS Lambda quota: 6 MB an
/// answer; the rest is for the envelope, and for what the weights do not count.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of a row beside its texts: field names, numbers, times.
const ROW: usize = 2 * 1024;

/// Bytes of a text in JSON, its quotes and a comma included.
#[must_use]
pub fn json_bytes(text: &str) -> usize {
    let octet = |octet: u8| match octet {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(octet).sum::<usize>() + 3
}

/// The weight of a row with these texts.
#[must_use]
pub fn row_bytes<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    ROW + texts.into_iter().map(json_bytes).sum::<usize>()
}

/// What is left of a page's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    left: usize,
    is_empty: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            left: PAGE_BYTES,
            is_empty: true,
        }
    }
}

impl Room {
    /// Takes the room of a row of this weight; `false` if it does not fit any more. The first one always fits, so that
    /// each page leads on.
    pub fn takes(&mut self, weight: usize) -> bool {
        if weight > self.left && !self.is_empty {
            return false;
        }
        self.left = self.left.saturating_sub(weight);
        self.is_empty = false;
        true
    }
}

/// Which page: `page` from 1, or a cursor that an earlier answer gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub page: u32,
    /// Rows a page, 1 to 100.
    pub page_size: u32,
    /// Goes on where an earlier page ended; wins over `page`.
    pub cursor: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 20,
            cursor: None,
        }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub list: Vec<T>,
    /// Rows in the whole list.
    pub total: u64,
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page of a short list that is all there, without a cursor.
    #[must_use]
    pub fn of_all(rows: Vec<T>, asked: &PageRequest) -> Self {
        let total = rows.len() as u64;
        let size = asked.page_size as usize;
        let skip = (asked.page.max(1) as usize - 1) * size;
        Self {
            list: rows.into_iter().skip(skip).take(size).collect(),
            total,
            next_cursor: None,
        }
    }

    /// The same list of other rows.
    pub fn with<R>(self, list: Vec<R>) -> Page<R> {
        Page {
            list,
            total: self.total,
            next_cursor: self.next_cursor,
        }
    }
}
