//! Link headers (RFC 8288 §3).

use http::{HeaderMap, Uri, header::LINK};
use url::Url;

/// Links of an answer that are looked at; CAs send three or four.
const MOST: usize = 32;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Absolute.
    pub(super) url: String,
    /// The relation types, as written.
    relations: String,
}

impl Link {
    /// Whether it has a relation type; they are told apart without case (RFC 8288 §2.1.1).
    pub(super) fn has(&self, relation: &str) -> bool {
        let mut all = self.relations.split_ascii_whitespace();
        all.any(|one| one.eq_ignore_ascii_case(relation))
    }
}

/// The links of an answer to a request for `base`. What is not well-formed ends its header's list.
pub(super) fn links(headers: &HeaderMap, base: &Uri) -> Vec<Link> {
    let lines = headers.get_all(LINK).iter().filter_map(|v| v.to_str().ok());
    let links = lines.flat_map(|line| Links { rest: line, base });
    links.take(MOST).collect()
}

/// Goes through one header.
struct Links<'a> {
    rest: &'a str,
    base: &'a Uri,
}

impl Iterator for Links<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        loop {
            let rest = self.rest.trim_start_matches([' ', '\t', ',']);
            let (target, rest) = rest.strip_prefix('<')?.split_once('>')?;
            self.rest = rest;
            let mut relations = None;
            while let Some((name, value)) = self.parameter() {
                // RFC 8288 §3.3: those after the first are ignored.
                if name.eq_ignore_ascii_case("rel") && relations.is_none() {
                    relations = Some(value);
                }
            }
            if let Some(url) = absolute(target.trim(), self.base) {
                let relations = relations.unwrap_or_default();
                return Some(Link { url, relations });
            }
        }
    }
}

impl<'a> Links<'a> {
    /// `; name=token`, `; name="quoted"` or `; name`.
    fn parameter(&mut self) -> Option<(&'a str, String)> {
        let rest = self.rest.trim_start().strip_prefix(';')?.trim_start();
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let Some(value) = rest.strip_prefix('=') else {
            self.rest = rest;
            return Some((name.trim_end(), String::new()));
        };
        let value = value.trim_start();
        let (value, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.find([';', ',']).unwrap_or(value.len());
                let (token, rest) = value.split_at(end);
                (token.trim_end().to_owned(), rest)
            }
        };
        self.rest = rest;
        Some((name.trim_end(), value))
    }
}

/// The text up to the closing quote, and what comes after it (RFC 9110 §5.6.4).
fn unquote(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => text.extend(chars.next().map(|(_, c)| c)),
            c => text.push(c),
        }
    }
    (text, "")
}

/// One that is absolute stays as the CA wrote it.
fn absolute(target: &str, base: &Uri) -> Option<String> {
    if Url::parse(target).is_ok() {
        return Some(target.to_owned());
    }
    let base = Url::parse(&base.to_string()).ok()?;
    base.join(target).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str], relation: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, line.parse().unwrap());
        }
        let base = Uri::from_static("https://ca.test/certZ/1");
        let all = links(&headers, &base).into_iter();
        all.filter(|l| l.has(relation)).map(|l| l.url).collect()
    }

    #[test]
    fn every_form_of_a_link_is_read() {
        let table: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (
                &[r#"<https://ca.test/a>;rel="alternate""#],
                &["https://ca.test/a"],
            ),
            (&["<https://ca.test/a>; rel=alternate"], &["https://ca.test/a"]),
            (
                &["<https://ca.test/a> ;\tREL = Alternate ;x"],
                &["https://ca.test/a"],
            ),
            // Several in one header, and several headers.
            (
                &[
                    r#"<https://ca.test/dir>;rel="index", <https://ca.test/a>;rel="alternate",<https://ca.test/b>;rel=alternate"#,
                    r#"<https://ca.test/up>;rel="up""#,
                    r#"<https://ca.test/c>;rel="alternate""#,
                ],
                &["https://ca.test/a", "https://ca.test/b", "https://ca.test/c"],
            ),
            // Commas, semicolons and quotes where they separate nothing.
            (
                &[
                    r#"<https://ca.test/a,b;c>;title="x, <y>; rel=\"up\"";rel="alternate", <https://ca.test/d>;rel="alternate""#,
                ],
                &["https://ca.test/a,b;c", "https://ca.test/d"],
            ),
            // More than one relation; of two parameters the first counts.
            (
                &[r#"<https://ca.test/a>;rel="up alternate""#],
                &["https://ca.test/a"],
            ),
            (&[r#"<https://ca.test/a>;rel="up";rel="alternate""#], &[]),
            (
                &[r#"<https://ca.test/a>;rel="alternates""#, "<https://ca.test/a>"],
                &[],
            ),
            // Relative to what was asked for.
            (
                &[
                    r#"</x>;rel=alternate, <2>;rel=alternate, <//other.test/y>;rel=alternate, <>;rel=alternate"#,
                ],
                &[
                    "https://ca.test/x",
                    "https://ca.test/certZ/2",
                    "https://other.test/y",
                    "https://ca.test/certZ/1",
                ],
            ),
            // What is none.
            (&["https://ca.test/a;rel=alternate"], &[]),
            (&["<https://ca.test/a;rel=alternate"], &[]),
            (&[r#"<https://ca.test/a>;rel="alternate"#], &["https://ca.test/a"]),
            (
                &[r#"<https://[>;rel=alternate, <https://ca.test/a>;rel=alternate"#],
                &["https://ca.test/a"],
            ),
        ];
        for (lines, expected) in table {
            assert_eq!(found(lines, "alternate"), *expected, "{lines:?}");
        }
        let up = [r#"<https://ca.test/a>;rel="alternate", <../issuer>;rel="up""#];
        assert_eq!(found(&up, "up"), ["https://ca.test/issuer"]);
    }

    #[test]
    fn more_links_than_anybody_sends_are_left_out() {
        let line = "<https://ca.test/a>;rel=alternate,".repeat(1000);
        assert_eq!(found(&[&line], "alternate").len(), MOST);
    }
}
