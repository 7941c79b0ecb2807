//! Headers. This is the only reader of them: one that cannot be read, or came twice, is refused and never counts as absent.

use http::{HeaderMap, HeaderName, header};

use super::error::ApiError;

/// The headers of a call.
pub(super) struct Headers<'a>(pub(super) &'a HeaderMap);

/// Why a header has no value that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// Octets beyond ASCII, of which HTTP does not say what they mean (RFC 9110 §5.5).
    NotAscii,
    /// Only one of them could count.
    Twice,
}

impl<'a> Headers<'a> {
    /// The one value of a header.
    pub(super) fn one(&self, name: &HeaderName) -> Result<Option<&'a str>, HeaderError> {
        let mut all = self.0.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(HeaderError::Twice),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| HeaderError::NotAscii),
        }
    }

    /// A header that a client chooses, as its name is shown.
    pub(super) fn chosen(&self, name: &HeaderName, shown: &str) -> Result<Option<&'a str>, ApiError> {
        self.one(name).map_err(|error| match error {
            HeaderError::NotAscii => ApiError::value(shown, "must be 1 to 255 visible ASCII characters"),
            HeaderError::Twice => ApiError::value(shown, "came twice; send it once"),
        })
    }

    /// Refuses what would make a call depend on a state that we do not compare: done without looking, it would undo what
    /// another client did (RFC 9110 §13.1).
    pub(super) fn check_conditions(&self) -> Result<(), ApiError> {
        let conditions = [
            (header::IF_MATCH, "If-Match"),
            (header::IF_UNMODIFIED_SINCE, "If-Unmodified-Since"),
        ];
        match conditions.iter().find(|(name, _)| self.0.contains_key(name)) {
            Some((_, shown)) => Err(ApiError::value(shown, "is not supported; leave it out")),
            None => Ok(()),
        }
    }

    /// Refuses a body that says it is not UTF-8, or is packed. Its media type is not looked at: curl says
    /// `application/x-www-form-urlencoded` of everything.
    pub(super) fn check_content(&self) -> Result<(), ApiError> {
        let read = |name: &HeaderName, shown: &str| {
            self.one(name)
                .map_err(|_| ApiError::format(shown, "cannot be read; send application/json once"))
        };
        let content_type = read(&header::CONTENT_TYPE, "Content-Type")?.unwrap_or_default();
        let parameters = content_type.split([';', ',']).filter_map(|p| p.split_once('='));
        let charsets = parameters
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, charset)| charset.trim().trim_matches('"'));
        let is_known = |charset: &&str| {
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| charset.eq_ignore_ascii_case(known))
        };
        if !charsets.into_iter().all(|charset| is_known(&charset)) {
            return Err(ApiError::format(
                "Content-Type",
                "names a charset that is not UTF-8; send the body in UTF-8 (RFC 8259 section 8.1)",
            ));
        }
        let encoding = match self.one(&header::CONTENT_ENCODING) {
            Ok(encoding) => encoding.unwrap_or("identity").trim(),
            Err(_) => "",
        };
        match encoding.eq_ignore_ascii_case("identity") {
            true => Ok(()),
            false => Err(ApiError::format(
                "Content-Encoding",
                "is not supported; send the body unpacked",
            )),
        }
    }
}
