//! Settings from the environment.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use certmint_core::provider::{Provider, ProviderEntry, ProviderError, Providers};

/// The variables that are read; another one cannot be.
pub const VARIABLES: [&str; 16] = [
    "ACME_WORKER_BATCH_SIZE",
    "ACME_WORKER_ENABLED",
    "ACME_WORKER_PATIENCE",
    "CERTMINT_CA_ROOT",
    "CERTMINT_CLOCK_OFFSET",
    "CERTMINT_CLOCK_SKEW",
    "CERTMINT_DNS_SERVER",
    "CERTMINT_EVENT_BUS",
    "CERTMINT_KEY_VAULT",
    "CERTMINT_KMS_KEY",
    "CERTMINT_PROVIDERS",
    "CERTMINT_SECRETS_KMS_KEY",
    "CERTMINT_SECRET_PREFIX",
    "CERTMINT_TABLE",
    "CERTMINT_WAKE_QUEUE",
    LOG_FILTER,
];
/// Of the logs; `telemetry` reads it.
const LOG_FILTER: &str = "RUST_LOG";

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
    /// `ACME_WORKER_PATIENCE` (1): seconds that a pass may stand idle, waiting for DNS or the CA; then it ends, and a wake
    /// starts the next one.
    pub patience: Duration,
}

/// Where keys are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VaultConfig {
    /// One secret a key in Secrets Manager.
    #[default]
    SecretsManager,
    /// Ciphertext in the table, under data keys that KMS wraps.
    Envelope {
        /// `CERTMINT_KMS_KEY`: id, ARN or alias of the KMS key.
        kms_key: String,
    },
}

/// Everything that a function reads from its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `CERTMINT_TABLE`.
    pub table: String,
    /// `CERTMINT_SECRET_PREFIX` (`certmint`).
    pub secret_prefix: String,
    /// `CERTMINT_KEY_VAULT` (`secrets-manager`), or `envelope` with `CERTMINT_KMS_KEY`.
    pub key_vault: VaultConfig,
    /// `CERTMINT_SECRETS_KMS_KEY`: id, ARN or alias of the KMS key that new secrets in Secrets Manager are under; without it
    /// the account's `aws/secretsmanager`.
    pub secrets_kms_key: Option<String>,
    /// `CERTMINT_EVENT_BUS` (`default`).
    pub event_bus: String,
    /// `CERTMINT_WAKE_QUEUE`: URL of the SQS queue whose messages start the worker; without it what waits is looked at by
    /// the schedule only.
    pub wake_queue: Option<String>,
    /// `CERTMINT_PROVIDERS`: a JSON array of `{name, id?, directoryUrl?, requiresEab?, limits?, preferredChain?,
    /// roots?, rootsFile?}`; a public CA needs its name only ([`Provider::known`]). `limits` is
    /// `{newOrders?, certificatesPerDomain?, duplicateCertificates?, failedAuthorizations?}`, each
    /// `{count, windowSeconds}`; without it the numbers known for the directory hold, `{}` counts nothing. Without the
    /// setting all public CAs are configured.
    pub providers: Providers,
    /// `CERTMINT_DNS_SERVER`: the one server to ask for everything (local mode).
    pub dns_server: Option<SocketAddr>,
    /// `CERTMINT_CLOCK_OFFSET` (0): seconds that the functions live ahead of the time. For drills only.
    pub clock_offset: i64,
    /// `CERTMINT_CLOCK_SKEW` (0): seconds that the machine's clock is taken to be wrong by (ahead). For drills only.
    pub clock_skew: i64,
    /// `CERTMINT_CA_ROOT`: a PEM file with the root of all providers that name none of their own.
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
        let get = |name: &'static str| {
            let known = VARIABLES.contains(&name);
            known
                .then(|| env(name))
                .flatten()
                .filter(|value| !value.is_empty())
        };
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
            key_vault: key_vault(&get)?,
            secrets_kms_key: get("CERTMINT_SECRETS_KMS_KEY"),
            event_bus: get("CERTMINT_EVENT_BUS").unwrap_or_else(|| "default".into()),
            wake_queue: get("CERTMINT_WAKE_QUEUE"),
            providers: match get("CERTMINT_PROVIDERS") {
                Some(json) => providers(&json)?,
                None => Providers::default(),
            },
            dns_server: get("CERTMINT_DNS_SERVER")
                .map(|t| read("CERTMINT_DNS_SERVER", &t))
                .transpose()?,
            clock_offset: parse(&get, "CERTMINT_CLOCK_OFFSET", 0)?,
            clock_skew: parse(&get, "CERTMINT_CLOCK_SKEW", 0)?,
            ca_root: get("CERTMINT_CA_ROOT").map(PathBuf::from),
            worker: WorkerConfig {
                enabled: parse(&get, "ACME_WORKER_ENABLED", true)?,
                batch_size,
                patience: Duration::from_secs(parse(&get, "ACME_WORKER_PATIENCE", 1)?),
            },
        })
    }
}

fn key_vault(get: &impl Fn(&'static str) -> Option<String>) -> Result<VaultConfig, ConfigError> {
    let name = "CERTMINT_KEY_VAULT";
    match get(name).as_deref() {
        None | Some("secrets-manager") => Ok(VaultConfig::SecretsManager),
        Some("envelope") => match get("CERTMINT_KMS_KEY") {
            Some(kms_key) => Ok(VaultConfig::Envelope { kms_key }),
            None => Err(ConfigError {
                name: "CERTMINT_KMS_KEY",
                why: "is not set; the envelope vault needs a KMS key's id, ARN or alias".into(),
            }),
        },
        Some(other) => Err(ConfigError {
            name,
            why: format!("has the value {other:?}; it must be secrets-manager or envelope"),
        }),
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
    let wrong = |e: ProviderError| ConfigError {
        name,
        why: e.to_string(),
    };
    let entries: Vec<ProviderEntry> = serde_json::from_str(json).map_err(|e| ConfigError {
        name,
        why: format!("is not valid: {e}"),
    })?;
    let list = entries.into_iter().map(|e| Provider::try_from(e).map_err(wrong));
    Providers::new(list.collect::<Result<_, _>>()?).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use certmint_core::provider::{Limit, Limits};

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
                batch_size: 100,
                patience: Duration::from_secs(1),
            }
        );
        assert!(config.providers.by_name("google").unwrap().requires_eab);
    }

    #[test]
    fn limits_are_data_of_the_provider() {
        let limits = |more: &str| {
            let json = format!(
                r#"[{{"id":1,"name":"a","directoryUrl":"https://acme-v02.api.letsencrypt.org/directory","requiresEab":false{more}}}]"#
            );
            let config = config(&[("CERTMINT_TABLE", "t"), ("CERTMINT_PROVIDERS", &json)]);
            config.map(|c| c.providers.by_name("a").unwrap().limits)
        };
        assert_eq!(limits("").unwrap(), Limits::LETS_ENCRYPT);
        assert_eq!(limits(r#","limits":{}"#).unwrap(), Limits::NONE);
        let one = limits(r#","limits":{"newOrders":{"count":2,"windowSeconds":60}}"#).unwrap();
        assert_eq!(
            (one.new_orders, one.duplicate_certificates),
            (Limit::new(2, 60), None)
        );
        for wrong in [
            r#","limits":{"orders":{}}"#,
            r#","limits":{"newOrders":{"count":0,"windowSeconds":60}}"#,
            r#","limits":{"newOrders":{"count":1,"windowSeconds":60,"burst":2}}"#,
        ] {
            assert!(
                limits(wrong).unwrap_err().starts_with("CERTMINT_PROVIDERS"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_envelope_vault_needs_its_key() {
        let vault = |more: &[(&str, &str)]| {
            let set: Vec<_> = [("CERTMINT_TABLE", "t")].iter().chain(more).copied().collect();
            config(&set).map(|c| c.key_vault)
        };
        assert_eq!(vault(&[]).unwrap(), VaultConfig::SecretsManager);
        let kms_key = "alias/certmint".to_owned();
        let set = [
            ("CERTMINT_KEY_VAULT", "envelope"),
            ("CERTMINT_KMS_KEY", "alias/certmint"),
        ];
        assert_eq!(vault(&set).unwrap(), VaultConfig::Envelope { kms_key });
        assert!(
            vault(&set[..1])
                .unwrap_err()
                .starts_with("CERTMINT_KMS_KEY is not set")
        );
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert!(config(&[]).unwrap_err().starts_with("CERTMINT_TABLE is not set"));
        for (name, value) in [
            ("ACME_WORKER_ENABLED", "yes"),
            ("ACME_WORKER_BATCH_SIZE", "0"),
            ("CERTMINT_DNS_SERVER", "localhost"),
            ("CERTMINT_KEY_VAULT", "vault"),
            ("CERTMINT_PROVIDERS", "[]"),
            (
                "CERTMINT_PROVIDERS",
                r#"[{"id":1,"name":"a","directoryUrl":"https://u","x":1}]"#,
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
