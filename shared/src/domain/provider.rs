//! Certificate authorities are data.

use serde::{Deserialize, Serialize};

use super::ProviderId;
use crate::limits::Limits;

/// A certificate authority with an ACME directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name, as clients send it.
    pub name: String,
    /// The ACME directory (RFC 8555 §7.1.1).
    pub directory_url: String,
    /// Whether accounts need an external account binding (RFC 8555 §7.3.4).
    pub requires_eab: bool,
    /// What it allows in a time; `None`: as known for its directory ([`Limits::of_directory`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// The common name of the root that chains should lead to, where the CA offers several; `None`: its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_chain: Option<String>,
}

impl Provider {
    /// What it allows in a time.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
            .unwrap_or_else(|| Limits::of_directory(&self.directory_url))
    }
}

/// The configured certificate authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Providers(Vec<Provider>);

impl Providers {
    /// Takes the configured list; ids and names must be unique.
    #[must_use]
    pub fn new(list: Vec<Provider>) -> Option<Self> {
        let unique = list
            .iter()
            .enumerate()
            .all(|(i, a)| list.iter().skip(i + 1).all(|b| a.id != b.id && a.name != b.name));
        (unique && !list.is_empty()).then_some(Self(list))
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

    /// All, in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl Default for Providers {
    fn default() -> Self {
        let provider = |id, name: &str, directory: &str, requires_eab| Provider {
            id: ProviderId::new(id),
            name: name.to_owned(),
            directory_url: directory.to_owned(),
            requires_eab,
            limits: None,
            preferred_chain: None,
        };
        Self(vec![
            provider(
                1,
                "letsencrypt",
                "https://acme-v02.api.letsencrypt.org/directory",
                false,
            ),
            provider(2, "google", "https://dv.acme-v02.api.pki.goog/directory", true),
        ])
    }
}
