//! Settings from the environment.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use crate::domain::{Provider, Providers};

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name} {why}")]
pub struct ConfigError {
    name: &'static str,
    why: String,
}

/// The worker's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// `ACME_WORKER_ENABLED` (true).
    pub enabled: bool,
    /// `ACME_WORKER_BATCH_SIZE` (100): issuances in hand at once.
    pub batch_size: usize,
}

/// Everything that a function reads from its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `CERTMINT_TABLE`.
    pub table: String,
    /// `CERTMINT_SECRET_PREFIX` (`certmint`).
    pub secret_prefix: String,
    /// `CERTMINT_EVENT_BUS` (`default`).
    pub event_bus: String,
    /// `CERTMINT_PROVIDERS`: a JSON array of `{id, name, directoryUrl, requiresEab}`.
    pub providers: Providers,
    /// `CERTMINT_DNS_SERVER`: the one server to ask for everything (local mode).
    pub dns_server: Option<SocketAddr>,
    /// `CERTMINT_CLOCK_OFFSET` (0): seconds that the functions' clock is ahead of the machine's. For drills only.
    pub clock_offset: i64,
    /// `CERTMINT_CA_ROOT`: a PEM file with the root of a private CA.
    pub ca_root: Option<PathBuf>,
    /// The worker's settings.
    pub worker: WorkerConfig,
}

impl Config {
    /// Reads the settings through `env`, which answers one variable.
    ///
    /// # Errors
    /// The first setting that is missing or wrong, with what to set.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &'static str| env(name).filter(|value| !value.is_empty());
        let table = get("CERTMINT_TABLE").ok_or_else(|| ConfigError {
            name: "CERTMINT_TABLE",
            why: "is not set; set it to the DynamoDB table's name".into(),
        })?;
        let batch_size = parse(&get, "ACME_WORKER_BATCH_SIZE", 100)?;
        if !(1..=1000).contains(&batch_size) {
            return Err(ConfigError {
                name: "ACME_WORKER_BATCH_SIZE",
                why: "must be 1 to 1000".into(),
            });
        }
        Ok(Self {
            table,
            secret_prefix: get("CERTMINT_SECRET_PREFIX").unwrap_or_else(|| "certmint".into()),
            event_bus: get("CERTMINT_EVENT_BUS").unwrap_or_else(|| "default".into()),
            providers: match get("CERTMINT_PROVIDERS") {
                Some(json) => providers(&json)?,
                None => Providers::default(),
            },
            dns_server: get("CERTMINT_DNS_SERVER")
                .map(|t| read("CERTMINT_DNS_SERVER", &t))
                .transpose()?,
            clock_offset: parse(&get, "CERTMINT_CLOCK_OFFSET", 0)?,
            ca_root: get("CERTMINT_CA_ROOT").map(PathBuf::from),
            worker: WorkerConfig {
                enabled: parse(&get, "ACME_WORKER_ENABLED", true)?,
                batch_size,
            },
        })
    }
}

fn read<T: FromStr<Err: std::fmt::Display>>(name: &'static str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|e| ConfigError {
        name,
        why: format!("has the value {text:?}: {e}"),
    })
}

fn parse<T: FromStr<Err: std::fmt::Display>>(
    get: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    default: T,
) -> Result<T, ConfigError> {
    get(name).map_or(Ok(default), |text| read(name, &text))
}

fn providers(json: &str) -> Result<Providers, ConfigError> {
    let name = "CERTMINT_PROVIDERS";
    let list: Vec<Provider> = serde_json::from_str(json).map_err(|e| ConfigError {
        name,
        why: format!("is not valid: {e}"),
    })?;
    Providers::new(list).ok_or_else(|| ConfigError {
        name,
        why: "needs at least one, with ids and names that differ".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[(&str, &str)]) -> Result<Config, String> {
        let find = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_env(find).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let config = config(&[("CERTMINT_TABLE", "t")]).unwrap();
        assert_eq!(
            config.worker,
            WorkerConfig {
                enabled: true,
                batch_size: 100
            }
        );
        assert!(config.providers.by_name("google").unwrap().requires_eab);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert!(config(&[]).unwrap_err().starts_with("CERTMINT_TABLE is not set"));
        for (name, value) in [
            ("ACME_WORKER_ENABLED", "yes"),
            ("ACME_WORKER_BATCH_SIZE", "0"),
            ("CERTMINT_DNS_SERVER", "localhost"),
            ("CERTMINT_PROVIDERS", "[]"),
            (
                "CERTMINT_PROVIDERS",
                r#"[{"id":1,"name":"a","directoryUrl":"u","requiresEab":false,"x":1}]"#,
            ),
        ] {
            assert!(
                config(&[("CERTMINT_TABLE", "t"), (name, value)])
                    .unwrap_err()
                    .starts_with(name),
                "{name}"
            );
        }
    }
}
