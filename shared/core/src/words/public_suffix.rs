//! The Public Suffix List. Only this module asks it: the list is code, compiled anew into every module that asks.

/// The part that somebody registered: one label below the suffix. `None`: the name is a suffix itself.
pub(super) fn registered(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

/// Whether it is a suffix of the list's ICANN section, which the Baseline Requirements mean (§3.2.2.6). The list's
/// default rule `*` makes every unknown top-level name a suffix; only listed ones count.
pub(super) fn is_icann(name: &str) -> bool {
    is_suffix(name, psl::Type::Icann)
}

/// Whether it is a suffix of the list's private section: somebody's name, below which others have theirs.
pub(super) fn is_private(name: &str) -> bool {
    is_suffix(name, psl::Type::Private)
}

/// Whether the list knows the name's suffix; its default rule `*` is none.
pub(super) fn is_below_one(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

fn is_suffix(name: &str, section: psl::Type) -> bool {
    let suffix = psl::suffix(name.as_bytes());
    suffix.is_some_and(|s| s.as_bytes() == name.as_bytes() && s.typ() == Some(section))
}
