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
    /// Labels of a name, a star not counted; without it as many as a name can have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_labels: Option<usize>,
    /// Whether it takes names of the public DNS alone, as the Baseline Requirements have it: under a top-level domain that
    /// there is, and without reserved labels (`ab--cd`).
    pub public_names_only: bool,
}

impl Default for OrderRules {
    fn default() -> Self {
        Self {
            most_names: MAX_NAMES,
            profiles: BTreeMap::new(),
            refuses_covered_names: false,
            most_labels: None,
            public_names_only: false,
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
    /// More labels than it takes.
    #[error(
        "has {name}, a name of {labels} labels; {ca} takes at most {most}: leave it out, or choose a shorter name or an \
         account of another CA"
    )]
    ManyLabels {
        /// The CA.
        ca: String,
        /// The name.
        name: DomainName,
        /// How many it has.
        labels: usize,
        /// How many it may have.
        most: usize,
    },
    /// A reserved label that is no A-label.
    #[error(
        "has {name}, whose label {label} has hyphens in the third and fourth place without being an international one \
         (RFC 5890 §2.3.1): no public CA such as {ca} certifies it; choose another name, or an account of a private CA"
    )]
    Reserved {
        /// The CA.
        ca: String,
        /// The name.
        name: DomainName,
        /// Its label.
        label: String,
    },
    /// Not a name of the public DNS.
    #[error(
        "has {name}, and there is no top-level domain {tld} in the public DNS: no public CA such as {ca} certifies it; \
         choose another name, or an account of a private CA"
    )]
    Internal {
        /// The CA.
        ca: String,
        /// The name.
        name: DomainName,
        /// Its last label.
        tld: String,
    },
}

impl OrderRules {
    /// A CA that browsers trust: CA/Browser Forum, *Baseline Requirements*, §1.6.1 (Internal Name), §7.1.2.7.12 (labels).
    pub(super) fn public() -> Self {
        Self {
            public_names_only: true,
            ..Self::default()
        }
    }

    /// Let's Encrypt.
    // https://letsencrypt.org/docs/profiles/ ("Max Names", September 2026). Covered names: Boulder's RA answers newOrder
    // with `malformed`, "… is redundant with a wildcard domain in the same request". Labels: its policy authority answers
    // "Domain name has more than 10 labels (parts)".
    pub(super) fn lets_encrypt() -> Self {
        Self {
            profiles: ["tlsserver", "shortlived"].map(|p| (p.to_owned(), 25)).into(),
            refuses_covered_names: true,
            most_labels: Some(10),
            ..Self::public()
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
        for name in ordered.as_slice() {
            self.check_name(ca, name)?;
        }
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

    fn check_name(&self, ca: &str, name: &DomainName) -> Result<(), NotOrderable> {
        let (ca, labels) = (ca.to_owned(), name.base().split('.').count());
        if let Some(most) = self.most_labels.filter(|most| labels > *most) {
            let name = name.clone();
            return Err(NotOrderable::ManyLabels {
                ca,
                name,
                labels,
                most,
            });
        }
        if !self.public_names_only {
            return Ok(());
        }
        if let Some(label) = name.reserved_label() {
            let (name, label) = (name.clone(), label.to_owned());
            return Err(NotOrderable::Reserved { ca, name, label });
        }
        match name.is_public() {
            true => Ok(()),
            false => Err(NotOrderable::Internal {
                ca,
                name: name.clone(),
                tld: name.base().rsplit('.').next().unwrap_or_default().to_owned(),
            }),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn check(rules: &OrderRules, name: &str) -> Result<(), String> {
        let names = NameSet::parse(&[name]).unwrap();
        let checked = rules.check("the-ca", &names, &KeyPlan::default(), None);
        checked.map_err(|e| e.to_string())
    }

    #[test]
    fn names_that_no_public_ca_certifies() {
        let ten = "a.b.c.d.e.f.g.h.example.com";
        let (boulder, public, own) = (
            OrderRules::lets_encrypt(),
            OrderRules::public(),
            OrderRules::default(),
        );
        for name in [
            "example.com",
            "*.example.com",
            ten,
            "*.a.b.c.d.e.f.g.h.example.com",
            "xn--bcher-kva.example",
            "xn--bcher-kva.de",
            "a-b.example.co.uk",
            "a.b--c.example.com",
            "shop.github.io",
            "www.kyoto.jp",
            "a.xn--p1ai",
        ] {
            let known = name != "xn--bcher-kva.example";
            assert_eq!(check(&boulder, name).is_ok(), known, "{name}");
            assert_eq!(check(&public, name).is_ok(), known, "{name}");
            assert_eq!(check(&own, name), Ok(()), "{name}");
        }
        for (name, words) in [
            ("z.a.b.c.d.e.f.g.h.example.com", "11 labels"),
            ("*.z.a.b.c.d.e.f.g.h.example.com", "11 labels"),
        ] {
            let refused = check(&boulder, name).unwrap_err();
            assert!(
                refused.contains(words) && refused.contains("at most 10"),
                "{refused}"
            );
            assert_eq!(check(&public, name), Ok(()), "{name}");
        }
        for (name, words) in [
            ("ab--cd.example.com", "label ab--cd"),
            ("www.bq--abwhky3f6fxq.example.com", "label bq--abwhky3f6fxq"),
            ("h---test.example.com", "label h---test"),
            ("*.12--34.example.com", "label 12--34"),
            ("vault.internal", "top-level domain internal"),
            ("www.corp", "top-level domain corp"),
            ("nas.home.lan", "top-level domain lan"),
            ("*.k8s.local", "top-level domain local"),
            ("example.acting", "top-level domain acting"),
        ] {
            for rules in [&boulder, &public] {
                let refused = check(rules, name).unwrap_err();
                assert!(
                    refused.contains(words) && refused.contains("private CA"),
                    "{refused}"
                );
            }
            assert_eq!(check(&own, name), Ok(()), "{name}");
        }
    }
}
