//! What stands at one name of a zone.

use super::{DnsError, TxtRrset, Zone};
use certmint_core::{challenge::is_challenge_value, words::Fqdn};

/// The record sets at one name, as far as a challenge's value is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtName {
    /// The TXT set, if it is one that a value can be added to.
    pub txt: Option<TxtRrset>,
    /// The target of a CNAME.
    pub cname: Option<Fqdn>,
    /// What keeps a plain TXT set from standing there, in words: TXT sets with a routing policy, or an alias.
    pub in_the_way: Option<String>,
    /// Types of the other sets.
    pub others: Vec<String>,
}

impl AtName {
    /// A TXT set and nothing else.
    #[must_use]
    pub fn of_txt(txt: Option<TxtRrset>) -> Self {
        Self {
            txt,
            ..Self::default()
        }
    }

    /// Why no challenge's value may be added here. The TXT set of a challenge's name is shared with whoever else answers
    /// challenges; that of any other name is somebody's as soon as one of its values is no challenge's.
    #[must_use]
    pub fn refusal(&self, zone: &Zone, fqdn: &Fqdn) -> Option<DnsError> {
        if let Some(target) = &self.cname {
            return Some(DnsError::Redirected {
                zone: zone.name.to_string(),
                fqdn: fqdn.to_string(),
                target: target.to_string(),
            });
        }
        let why = match (&self.in_the_way, self.foreign(fqdn)) {
            (Some(words), _) => words.clone(),
            (None, Some(value)) => format!(
                "its TXT records are not those of challenges ({value}); let the CNAME lead to a name that nothing else \
                 uses"
            ),
            (None, None) => return None,
        };
        Some(DnsError::Occupied {
            zone: zone.name.to_string(),
            fqdn: fqdn.to_string(),
            why,
        })
    }

    /// A TXT value that makes the set somebody's.
    fn foreign(&self, fqdn: &Fqdn) -> Option<&str> {
        let mut values = self.txt.iter().flat_map(|set| &set.values);
        let foreign = values.find(|value| !is_challenge_value(value.trim_matches('"')));
        foreign.map(String::as_str).filter(|_| !fqdn.is_challenge())
    }

    /// Types of what stands there besides the values of challenges, in words; `None`: nothing.
    #[must_use]
    pub fn belongings(&self, fqdn: &Fqdn) -> Option<String> {
        let mut types = self.others.clone();
        types.extend(self.cname.is_some().then(|| "CNAME".to_owned()));
        types.extend((self.in_the_way.is_some() || self.foreign(fqdn).is_some()).then(|| "TXT".to_owned()));
        (!types.is_empty()).then(|| types.join(", "))
    }
}
