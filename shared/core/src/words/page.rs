//! Pages of a list.

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
    /// The page of a list that is all there.
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
}
