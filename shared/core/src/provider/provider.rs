//! Certificate authorities are data.

use serde::Deserialize;

use super::{
    known_ca::{KNOWN, known_host},
    limits::Limits,
    order_rules::OrderRules,
};
use crate::words::ProviderId;

/// The roots that a CA's own server certificate must lead to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Roots {
    /// PEM.
    Pem(String),
    /// A PEM file beside the function: in its package or a layer.
    File(std::path::PathBuf),
}

/// A certificate authority with an ACME directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name, as clients send it.
    pub name: String,
    /// The ACME directory (RFC 8555 §7.1.1).
    pub directory_url: String,
    /// Whether accounts need an external account binding (RFC 8555 §7.3.4).
    pub requires_eab: bool,
    /// What it allows in a time.
    pub limits: Limits,
    /// What it takes in one order.
    pub orders: OrderRules,
    /// The common name of the root that chains should lead to, where the CA offers several; `None`: its default.
    pub preferred_chain: Option<String>,
    /// Whom to trust when talking to it; `None`: the web's roots, or those of the deployment.
    pub roots: Option<Roots>,
    /// Why it issues no more: it takes no new account.
    pub retired: Option<String>,
}

impl Provider {
    /// One of which is known what is known of its directory.
    #[must_use]
    pub fn new(id: ProviderId, name: &str, directory_url: &str) -> Self {
        let known = known_host(directory_url);
        Self {
            id,
            name: name.to_owned(),
            directory_url: directory_url.to_owned(),
            requires_eab: known.as_ref().is_some_and(|k| k.requires_eab),
            limits: known.as_ref().map_or(Limits::NONE, |k| k.limits),
            orders: known.map(|k| k.orders).unwrap_or_default(),
            preferred_chain: None,
            roots: None,
            retired: None,
        }
    }

    /// A public CA by its name.
    #[must_use]
    pub fn known(name: &str) -> Option<Self> {
        let ca = KNOWN.iter().find(|ca| ca.name == name)?;
        Some(Self {
            retired: ca.retired.map(str::to_owned),
            ..Self::new(ca.id, ca.name, ca.directory_url)
        })
    }
}

/// A provider as a deployment writes it down. What is left out is as known: of a public CA by its name, else of the
/// directory by its host.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderEntry {
    id: Option<u64>,
    name: String,
    directory_url: Option<String>,
    requires_eab: Option<bool>,
    limits: Option<Limits>,
    orders: Option<OrderRules>,
    preferred_chain: Option<String>,
    roots: Option<String>,
    roots_file: Option<std::path::PathBuf>,
}

/// Why a provider's entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The list has none.
    #[error("needs at least one provider")]
    None,
    /// Two have the same.
    #[error("has two providers with the {what} {value}; give each its own")]
    Twice {
        /// What.
        what: &'static str,
        /// Which.
        value: String,
    },
    /// Neither known nor said.
    #[error("provider {name} is no CA that is known by name: set its {field}")]
    Missing {
        /// Its name.
        name: String,
        /// What to set.
        field: &'static str,
    },
    /// Not a URL of TLS.
    #[error("provider {name}: directoryUrl must start with https://")]
    Url {
        /// Its name.
        name: String,
    },
    /// Both.
    #[error("provider {name} has roots and rootsFile; set one")]
    TwoRoots {
        /// Its name.
        name: String,
    },
}

impl TryFrom<ProviderEntry> for Provider {
    type Error = ProviderError;

    fn try_from(entry: ProviderEntry) -> Result<Self, ProviderError> {
        let name = entry.name.clone();
        let missing = |field| ProviderError::Missing {
            name: name.clone(),
            field,
        };
        let known = Self::known(&name);
        let id = entry.id.map(ProviderId::new).or(known.as_ref().map(|k| k.id));
        let id = id.ok_or_else(|| missing("id"))?;
        let provider = match (entry.directory_url, known) {
            (None, None) => return Err(missing("directoryUrl")),
            (None, Some(known)) => Self { id, ..known },
            (Some(url), _) if !url.starts_with("https://") => return Err(ProviderError::Url { name }),
            (Some(url), _) => Self::new(id, &name, &url),
        };
        let roots = match (entry.roots, entry.roots_file) {
            (Some(_), Some(_)) => return Err(ProviderError::TwoRoots { name }),
            (Some(pem), None) => Some(Roots::Pem(pem)),
            (None, file) => file.map(Roots::File),
        };
        Ok(Self {
            requires_eab: entry.requires_eab.unwrap_or(provider.requires_eab),
            limits: entry.limits.unwrap_or(provider.limits),
            orders: entry.orders.unwrap_or(provider.orders),
            preferred_chain: entry.preferred_chain,
            roots,
            ..provider
        })
    }
}

/// The configured certificate authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Providers(Vec<Provider>);

impl Providers {
    /// Takes the configured list.
    ///
    /// # Errors
    /// If it is empty, or two have the same id or name.
    pub fn new(list: Vec<Provider>) -> Result<Self, ProviderError> {
        if list.is_empty() {
            return Err(ProviderError::None);
        }
        for (i, one) in list.iter().enumerate() {
            for other in list.iter().skip(i + 1) {
                let twice = |what, value: String| Err(ProviderError::Twice { what, value });
                if one.id == other.id {
                    return twice("id", one.id.to_string());
                }
                if one.name == other.name {
                    return twice("name", one.name.clone());
                }
            }
        }
        Ok(Self(list))
    }

    /// By name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|p| p.name == name)
    }

    /// By id.
    #[must_use]
    pub fn by_id(&self, id: ProviderId) -> Option<&Provider> {
        self.0.iter().find(|p| p.id == id)
    }

    /// All, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl Default for Providers {
    /// All that are known by name.
    fn default() -> Self {
        Self(KNOWN.iter().filter_map(|ca| Provider::known(ca.name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(json: &str) -> Result<Provider, String> {
        let entry: ProviderEntry = serde_json::from_str(json).map_err(|e| e.to_string())?;
        Provider::try_from(entry).map_err(|e| e.to_string())
    }

    #[test]
    fn a_public_ca_needs_its_name_only() {
        let google = one(r#"{"name":"google"}"#).unwrap();
        assert_eq!(google, *Providers::default().by_id(ProviderId::new(2)).unwrap());
        assert!(google.requires_eab);
        assert_eq!(google.limits, Limits::GOOGLE);
        // An id of one's own, for accounts that have it already.
        assert_eq!(
            one(r#"{"id":7,"name":"zerossl"}"#).unwrap().id,
            ProviderId::new(7)
        );
    }

    #[test]
    fn a_private_ca_needs_id_and_directory() {
        let json =
            r#"{"id":9,"name":"internal","directoryUrl":"https://ca.internal:9000/acme/dir","roots":"PEM"}"#;
        let ca = one(json).unwrap();
        assert_eq!((ca.requires_eab, ca.limits), (false, Limits::NONE));
        assert_eq!(ca.roots, Some(Roots::Pem("PEM".into())));
        for (wrong, why) in [
            (
                r#"{"name":"internal","directoryUrl":"https://ca.internal/dir"}"#,
                "set its id",
            ),
            (r#"{"id":9,"name":"internal"}"#, "set its directoryUrl"),
            (
                r#"{"id":9,"name":"internal","directoryUrl":"http://ca.internal/dir"}"#,
                "https://",
            ),
            (
                r#"{"id":9,"name":"i","directoryUrl":"https://c.i/d","roots":"p","rootsFile":"f"}"#,
                "set one",
            ),
        ] {
            assert!(one(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_of_acm_is_known_by_its_host() {
        let url = "https://acm-acme-enroll.eu-west-1.api.aws/6a1f/directory";
        let aws = one(&format!(r#"{{"id":9,"name":"aws","directoryUrl":"{url}"}}"#)).unwrap();
        assert!(aws.requires_eab);
        let other = "https://acm-acme-enroll.example.com/directory";
        assert!(
            !one(&format!(r#"{{"id":9,"name":"x","directoryUrl":"{other}"}}"#))
                .unwrap()
                .requires_eab
        );
    }

    #[test]
    fn what_a_ca_takes_is_known_by_its_host_or_said() {
        let orders = |json: &str| one(json).unwrap().orders;
        let strict = orders(r#"{"name":"letsencrypt"}"#);
        assert!(strict.refuses_covered_names);
        assert_eq!(strict.profiles.get("tlsserver"), Some(&25));
        let proxied =
            r#"{"id":9,"name":"le","directoryUrl":"https://acme-v02.api.letsencrypt.org:443/directory"}"#;
        assert_eq!(orders(proxied), strict);
        assert_eq!(orders(r#"{"name":"letsencrypt-staging"}"#), strict);
        let acm = r#"{"id":9,"name":"aws","directoryUrl":"https://acm-acme-enroll.eu-west-1.api.aws/6a1f/directory"}"#;
        for public in [r#"{"name":"google"}"#, r#"{"name":"zerossl"}"#, acm] {
            assert_eq!(orders(public), OrderRules::public(), "{public}");
        }
        for other in [
            r#"{"id":9,"name":"letsencrypt","directoryUrl":"https://ca.internal/dir"}"#,
            r#"{"name":"letsencrypt","orders":{}}"#,
        ] {
            assert_eq!(orders(other), OrderRules::default(), "{other}");
        }
        let said = orders(
            r#"{"name":"google","orders":{"mostNames":10,"profiles":{"p":2},"refusesCoveredNames":true}}"#,
        );
        assert_eq!(
            (said.most_names, said.profiles["p"], said.refuses_covered_names),
            (10, 2, true)
        );
        assert!(one(r#"{"name":"google","orders":{"names":1}}"#).is_err());
    }

    #[test]
    fn a_retired_ca_says_so() {
        assert!(Provider::known("buypass").unwrap().retired.is_some());
        // Under another directory the name is just a name.
        let own = r#"{"id":6,"name":"buypass","directoryUrl":"https://ca.internal/dir"}"#;
        assert_eq!(one(own).unwrap().retired, None);
    }

    #[test]
    fn ids_and_names_are_unique() {
        let ids: Vec<_> = KNOWN.iter().map(|k| (k.id, k.name)).collect();
        let all: Vec<Provider> = ids.iter().filter_map(|(_, name)| Provider::known(name)).collect();
        assert_eq!(all.len(), KNOWN.len());
        assert!(Providers::new(all).is_ok());
        let twice = Providers::new(vec![Provider::known("google").unwrap(); 2]);
        assert_eq!(
            twice.unwrap_err().to_string(),
            "has two providers with the id 2; give each its own"
        );
        assert_eq!(Providers::new(vec![]), Err(ProviderError::None));
    }
}
