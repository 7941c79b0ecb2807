//! Whole numbers that clients send, each with its range.

use std::fmt;

/// The numbers that a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    least: u64,
    most: u64,
    kind: &'static str,
}

/// Why a value is no number for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Not a whole number, or not written as one.
    #[error("must be a {kind} {0}, written in digits alone", kind = .0.kind)]
    NotWhole(NumberRange),
    /// There is no record before the first.
    #[error("must be a positive integer; ids start at 1")]
    NoId,
    /// Below the range.
    #[error("is too small: it must be {0}")]
    TooSmall(NumberRange),
    /// Above the range.
    #[error("is too large: it must be {0}")]
    TooLarge(NumberRange),
}

impl NumberError {
    /// Whether it is the form that is wrong, not the value.
    #[must_use]
    pub const fn is_of_form(self) -> bool {
        matches!(self, Self::NotWhole(_) | Self::NoId)
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", self.least, self.most)
    }
}

impl NumberRange {
    /// Ids of records, from 1 to what 64 bits with a sign hold: clients' integers, and `int64` in OpenAPI, are these.
    pub const IDS: Self = Self {
        least: 1,
        most: i64::MAX.unsigned_abs(),
        kind: "positive integer",
    };

    /// From the least to the most, both in it.
    #[must_use]
    pub const fn new(least: u64, most: u64) -> Self {
        let kind = "whole number";
        Self { least, most, kind }
    }

    /// What a number before the first is.
    fn too_small(self) -> NumberError {
        match self {
            Self::IDS => NumberError::NoId,
            range => NumberError::TooSmall(range),
        }
    }

    /// Reads digits: no sign, no leading zero, no fraction, so that one number is written in one way.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self, text: &str) -> Result<u64, NumberError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let is_padded = digits.len() > 1 && digits.starts_with('0');
        match digits.parse() {
            _ if !is_whole || is_padded => Err(NumberError::NotWhole(self)),
            _ if digits.len() < text.len() => Err(self.too_small()),
            Ok(number) => self.check(number),
            Err(_) => Err(NumberError::TooLarge(self)),
        }
    }

    /// Whether a number is in it.
    ///
    /// # Errors
    /// On which side it is not.
    pub fn check(self, number: u64) -> Result<u64, NumberError> {
        match number {
            n if n < self.least => Err(self.too_small()),
            n if n > self.most => Err(NumberError::TooLarge(self)),
            n => Ok(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_told_what_is_wrong_with_it() {
        let range = NumberRange::new(1, 100);
        for (text, wanted) in [
            ("1", Ok(1)),
            ("100", Ok(100)),
            ("0", Err(NumberError::TooSmall(range))),
            ("-1", Err(NumberError::TooSmall(range))),
            ("-99999999999999999999999", Err(NumberError::TooSmall(range))),
            ("101", Err(NumberError::TooLarge(range))),
            ("18446744073709551616", Err(NumberError::TooLarge(range))),
            ("", Err(NumberError::NotWhole(range))),
            ("-", Err(NumberError::NotWhole(range))),
            ("+1", Err(NumberError::NotWhole(range))),
            ("01", Err(NumberError::NotWhole(range))),
            ("00", Err(NumberError::NotWhole(range))),
            ("1.0", Err(NumberError::NotWhole(range))),
            ("1e2", Err(NumberError::NotWhole(range))),
            (" 1", Err(NumberError::NotWhole(range))),
            ("1_0", Err(NumberError::NotWhole(range))),
            ("0x1", Err(NumberError::NotWhole(range))),
            ("١", Err(NumberError::NotWhole(range))),
        ] {
            assert_eq!(range.read(text), wanted, "{text:?}");
        }
        for text in ["0", "-1", "-99999999999999999999999"] {
            assert_eq!(NumberRange::IDS.read(text), Err(NumberError::NoId), "{text}");
        }
        let most = "9223372036854775807";
        assert_eq!(
            NumberRange::IDS.read(most).map(|n| n.to_string()).as_deref(),
            Ok(most)
        );
        let above = NumberRange::IDS.read("9223372036854775808");
        assert_eq!(above, Err(NumberError::TooLarge(NumberRange::IDS)));
        let said = NumberError::TooLarge(range).to_string();
        assert_eq!(said, "is too large: it must be from 1 to 100");
    }
}
