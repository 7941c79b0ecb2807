//! What a CA takes in one order, so that what it would refuse is not asked of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    certificate::KeyPlan,
    words::{Cause, Class, DomainName, Failure, MAX_NAMES, NameSet, Stage},
};

/// What a CA takes in one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OrderRules {
    /// Names of one order, at most [`MAX_NAMES`].
    pub most_names: usize,
    /// The same of profiles that take fewer.
    pub profiles: BTreeMap<String, usize>,
    /// Whether it refuses an order that has a name beside a star that covers it.
    pub refuses_covered_names: bool,
}

impl Default for OrderRules {
    fn default() -> Self {
        Self {
            most_names: MAX_NAMES,
            profiles: BTreeMap::new(),
            refuses_covered_names: false,
        }
    }
}

/// Why a CA would take no order for names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOrderable {
    /// More than it takes.
    #[error("has {names} names to order; {ca} takes at most {most}{}: send fewer in one request{}",
        .profile.as_ref().map(|p| format!(" in the profile {p}")).unwrap_or_default(),
        .profile.as_ref().map(|_| ", or another profile").unwrap_or_default())]
    TooMany {
        /// The CA.
        ca: String,
        /// How many would be ordered.
        names: usize,
        /// How many it takes.
        most: usize,
        /// The profile that takes no more.
        profile: Option<String>,
    },
    /// A CSR cannot be made anew without the name.
    #[error(
        "has {name}, which {star} covers: {ca} refuses both in one certificate; leave {name} out of domains and csr"
    )]
    Covered {
        /// The CA.
        ca: String,
        /// The name.
        name: DomainName,
        /// The star.
        star: DomainName,
    },
}

impl OrderRules {
    /// Let's Encrypt.
    // https://letsencrypt.org/docs/profiles/ ("Max Names", September 2026). Covered names: Boulder's RA answers newOrder
    // with `malformed`, "… is redundant with a wildcard domain in the same request".
    pub(super) fn lets_encrypt() -> Self {
        Self {
            profiles: ["tlsserver", "shortlived"].map(|p| (p.to_owned(), 25)).into(),
            refuses_covered_names: true,
            ..Self::default()
        }
    }

    fn most(&self, profile: Option<&str>) -> (usize, Option<String>) {
        let of_profile = profile.and_then(|p| Some((*self.profiles.get(p)?, Some(p.to_owned()))));
        of_profile.unwrap_or((self.most_names, None))
    }

    /// The names that are ordered for these: covered ones are left out where the CA refuses them. A client's CSR has its
    /// names and no others (RFC 8555 §7.4), so there nothing is left out.
    #[must_use]
    pub fn ordered(&self, names: &NameSet, key: &KeyPlan) -> NameSet {
        match (self.refuses_covered_names, key) {
            (true, KeyPlan::Us { .. }) => names.without_covered(),
            _ => names.clone(),
        }
    }

    /// Whether the CA called `ca` takes an order for the names.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        ca: &str,
        names: &NameSet,
        key: &KeyPlan,
        profile: Option<&str>,
    ) -> Result<(), NotOrderable> {
        let ordered = self.ordered(names, key);
        if let (true, Some((name, star))) = (self.refuses_covered_names, ordered.covered().next()) {
            return Err(NotOrderable::Covered {
                ca: ca.to_owned(),
                name: name.clone(),
                star: star.clone(),
            });
        }
        let (count, (most, profile)) = (ordered.as_slice().len(), self.most(profile));
        match count > most {
            true => Err(NotOrderable::TooMany {
                ca: ca.to_owned(),
                names: count,
                most,
                profile,
            }),
            false => Ok(()),
        }
    }

    /// What a person should know of names that a star covers.
    #[must_use]
    pub fn notes(&self, ca: &str, names: &NameSet, key: &KeyPlan) -> Vec<String> {
        let left_out = self.ordered(names, key) != *names;
        let note = |(name, star): (&DomainName, &DomainName)| match left_out {
            true => format!(
                "{name} is left out of the order: {star} covers it, and {ca} refuses both in one certificate"
            ),
            false => format!(
                "{name} is covered by {star}: some CAs (Let's Encrypt) refuse both in one certificate, so leave it out"
            ),
        };
        names.covered().map(note).collect()
    }
}

impl From<NotOrderable> for Failure {
    fn from(error: NotOrderable) -> Self {
        let text = format!("the request {error}");
        Self::new(Class::Permanent, Stage::Request, Cause::NotOrderable, text)
    }
}
