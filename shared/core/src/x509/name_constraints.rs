//! Name constraints of a CA (RFC 5280 §4.2.1.10), for DNS names.

use std::collections::BTreeSet;

use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};

use super::bounds::subtrees;

/// Octets of a DNS name (RFC 1035 §2.3.4): a longer subtree has no names.
const LONGEST: usize = 253;

/// What a CA may issue for, made ready once for all names.
pub(super) struct Allowed {
    permitted: Subtrees,
    excluded: Subtrees,
}

impl Allowed {
    pub(super) fn new(constraints: &NameConstraints<'_>) -> Self {
        let (permitted, excluded) = subtrees(constraints);
        Self {
            permitted: Subtrees::new(permitted),
            excluded: Subtrees::new(excluded),
        }
    }

    /// Whether it may issue for this name, in lower case. The work is that of the name's labels, however many subtrees
    /// there are.
    pub(super) fn allows(&self, name: &str) -> bool {
        // A star stands for names below its base; one that may lie in an excluded subtree is excluded.
        let base = name.strip_prefix("*.").unwrap_or(name);
        let in_permitted = self.permitted.bases.is_empty() || self.permitted.have(base);
        let in_excluded = self.excluded.have(base) || (base != name && self.excluded.parents.contains(base));
        in_permitted && !in_excluded
    }
}

struct Subtrees {
    bases: BTreeSet<String>,
    /// The names one label above them: `*.` in front of such a one covers a base itself.
    parents: BTreeSet<String>,
}

impl Subtrees {
    fn new(subtrees: &[GeneralSubtree<'_>]) -> Self {
        let dns = subtrees.iter().filter_map(|subtree| match subtree.base {
            GeneralName::DNSName(base) => Some(base.to_ascii_lowercase()),
            _ => None,
        });
        let dns: Vec<String> = dns.collect();
        let parent = |base: &String| base.split_once('.').map(|(_, parent)| parent.to_owned());
        Self {
            parents: dns.iter().filter_map(parent).collect(),
            // A leading dot is not in the standard for DNS names, but people and clients know what it means.
            bases: dns
                .iter()
                .map(|base| base.trim_start_matches('.').to_owned())
                .collect(),
        }
    }

    /// Whether the name lies in one of them: it is a base, or below one.
    fn have(&self, name: &str) -> bool {
        let below = name.match_indices('.').map(|(dot, _)| dot + 1);
        // Where the part begins that a base as long as possible could be.
        let mut parts = std::iter::once(0)
            .chain(below)
            .filter(|at| name.len() - at <= LONGEST);
        self.bases.contains("")
            || parts.any(|at| name.get(at..).is_some_and(|part| self.bases.contains(part)))
    }
}
