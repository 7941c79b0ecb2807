//! Wires the adapters from the environment. The binaries call one function each and serve what it gives.

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

use crate::{
    acme::{AcmeCa, SetupError},
    api::Api,
    aws_call::AwsCall,
    cleanup::{self, Cleaner},
    clock::{ShiftedClock, SystemClock, Timer},
    config::{Config, ConfigError, VaultConfig},
    dns::{
        route53::{self, Route53Zones},
        view::PublicDns,
    },
    kick::{self, EventBridgeKick, Kick},
    run_errors::RunErrors,
    store::dynamo::{self, DynamoStore, SchemaUse},
    table_time::TableTime,
    vault::{
        Deposit, KeyVault,
        envelope::{self, EnvelopeSettings, EnvelopeVault},
        kms,
        secrets_manager::{self, SecretsManagerVault},
    },
    wake::{self, NoQueue, SqsQueue, WakeQueue},
    worker::{self, Adapters, Worker, WorkerSettings},
};
use certmint_core::{clock::Clock, words::Timestamp};

/// What each function can call of AWS through the adapters that it is wired with below. Its role in `template.yaml` allows
/// exactly that.
pub const CALLS: [(&str, &[&[AwsCall]]); 4] = [
    (
        "Api",
        &[
            dynamo::calls::CALLS,
            // The list of tokens.
            secrets_manager::READ_CALLS,
            secrets_manager::DEPOSIT_CALLS,
            envelope::CALLS,
            kms::SEAL_CALLS,
            kick::CALLS,
        ],
    ),
    (
        "Download",
        &[
            dynamo::calls::ONE_CERTIFICATE_CALLS,
            secrets_manager::READ_CALLS,
            envelope::READ_CALLS,
            kms::OPEN_CALLS,
        ],
    ),
    (
        "Worker",
        &[
            dynamo::calls::CALLS,
            secrets_manager::CALLS,
            envelope::CALLS,
            kms::SEAL_CALLS,
            kms::OPEN_CALLS,
            route53::CHANGE_CALLS,
            route53::RRSET_CALLS,
            kick::CALLS,
            wake::CALLS,
        ],
    ),
    ("Cleanup", &[dynamo::calls::LEDGER_CALLS, route53::RRSET_CALLS]),
];

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The CA's client cannot be made.
    #[error(transparent)]
    Ca(#[from] SetupError),
    /// The resolver cannot be made.
    #[error("DNS resolver: {0}")]
    Dns(String),
}

/// A Lambda deadline (milliseconds since the epoch, by the machine's clock) by ours.
fn deadline(millis: u64, clock: &dyn Clock) -> Timestamp {
    let at = Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    clock.now().plus(at.since(SystemClock.now()))
}

async fn sdk() -> SdkConfig {
    // Each call and its retries end well before any function's own time does.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .load()
        .await
}

fn config() -> Result<Config, ConfigError> {
    Config::from_env(|name| std::env::var(name).ok())
}

/// How long a start waits for the table.
const PATIENCE: Duration = Duration::from_secs(2);

fn shifted(clock: Arc<dyn Timer>, offset: i64) -> Arc<dyn Timer> {
    match offset {
        0 => clock,
        offset => Arc::new(ShiftedClock::new(clock, offset)),
    }
}

/// The store, and the time by its table.
async fn store(sdk: &SdkConfig, config: &Config, schema: SchemaUse) -> (Arc<DynamoStore>, Arc<dyn Timer>) {
    let time = TableTime::new(shifted(Arc::new(SystemClock), config.clock_skew));
    let client = aws_sdk_dynamodb::config::Builder::from(sdk).interceptor(time.clone());
    let client = aws_sdk_dynamodb::Client::from_conf(client.build());
    let store = DynamoStore::new(client, config.table.clone()).of_our_version(schema);
    // So that the time is known before the first work. Where nothing is said now, the first call's answer says it.
    let _known = tokio::time::timeout(PATIENCE, store.prepare()).await;
    (Arc::new(store), shifted(Arc::new(time), config.clock_offset))
}

fn secrets_manager(sdk: &SdkConfig, config: &Config) -> SecretsManagerVault {
    let client = aws_sdk_secretsmanager::Client::new(sdk);
    SecretsManagerVault::new(client, config.secret_prefix.clone()).under(config.secrets_kms_key.clone())
}

fn envelope(sdk: &SdkConfig, config: &Config, kms_key: &str, clock: Arc<dyn Clock>) -> EnvelopeVault {
    let settings = EnvelopeSettings {
        table: config.table.clone(),
        prefix: config.secret_prefix.clone(),
        kms_key: kms_key.to_owned(),
    };
    let table = aws_sdk_dynamodb::Client::new(sdk);
    EnvelopeVault::new(table, aws_sdk_kms::Client::new(sdk), settings, clock)
}

fn vault(sdk: &SdkConfig, config: &Config, clock: Arc<dyn Clock>) -> Arc<dyn KeyVault> {
    match &config.key_vault {
        VaultConfig::SecretsManager => Arc::new(secrets_manager(sdk, config)),
        VaultConfig::Envelope { kms_key } => Arc::new(envelope(sdk, config, kms_key, clock)),
    }
}

fn deposit(sdk: &SdkConfig, config: &Config, clock: Arc<dyn Clock>) -> Arc<dyn Deposit> {
    match &config.key_vault {
        VaultConfig::SecretsManager => Arc::new(secrets_manager(sdk, config)),
        VaultConfig::Envelope { kms_key } => Arc::new(envelope(sdk, config, kms_key, clock)),
    }
}

/// Both vaults, for an operator's moves between them. Needs `CERTMINT_TABLE` and `CERTMINT_KMS_KEY`.
///
/// # Errors
/// If a setting is missing or wrong.
pub async fn vaults() -> Result<(SecretsManagerVault, EnvelopeVault), StartError> {
    let config = Config::from_env(|name| match name {
        "CERTMINT_KEY_VAULT" => Some("envelope".into()),
        _ => std::env::var(name).ok(),
    })?;
    let sdk = sdk().await;
    let kms_key = match &config.key_vault {
        VaultConfig::Envelope { kms_key } => kms_key.clone(),
        VaultConfig::SecretsManager => String::new(),
    };
    let envelope = envelope(&sdk, &config, &kms_key, Arc::new(SystemClock));
    Ok((secrets_manager(&sdk, &config), envelope))
}

fn zones(sdk: &SdkConfig, timer: Arc<dyn Timer>) -> Arc<Route53Zones> {
    Arc::new(Route53Zones::new(aws_sdk_route53::Client::new(sdk), timer))
}

fn kick(sdk: &SdkConfig, config: &Config) -> EventBridgeKick {
    EventBridgeKick::new(aws_sdk_eventbridge::Client::new(sdk), config.event_bus.clone())
}

/// The HTTP API, apart from [`downloads`].
///
/// # Errors
/// If a setting is missing or wrong.
pub async fn api() -> Result<Api, StartError> {
    let (sdk, config) = (sdk().await, config()?);
    let kick = Arc::new(kick(&sdk, &config));
    let (store, clock) = store(&sdk, &config, SchemaUse::Claim).await;
    let tokens = Arc::new(secrets_manager(&sdk, &config));
    let deposit = deposit(&sdk, &config, clock.clone());
    Ok(Api::new(store, tokens, deposit, config.providers, kick, clock))
}

/// The calls of the HTTP API that hand out private keys.
///
/// # Errors
/// If a setting is missing or wrong.
pub async fn downloads() -> Result<Api, StartError> {
    let (sdk, config) = (sdk().await, config()?);
    // Its role writes nothing.
    let (store, clock) = store(&sdk, &config, SchemaUse::Look).await;
    let tokens = Arc::new(secrets_manager(&sdk, &config));
    let vault = vault(&sdk, &config, clock.clone());
    Ok(Api::downloads(store, tokens, vault, clock))
}

/// A worker that may be switched off by `ACME_WORKER_ENABLED`.
pub struct WorkerFunction {
    worker: Option<Worker>,
    kick: EventBridgeKick,
    clock: Arc<dyn Clock>,
}

impl WorkerFunction {
    /// One pass, until the Lambda deadline (milliseconds since the epoch) is near; then what is left is kicked on.
    ///
    /// # Errors
    /// If a list of what is due could not be read; all else was done.
    pub async fn run(&self, deadline_ms: u64) -> Result<worker::Report, RunErrors> {
        match &self.worker {
            Some(worker) => {
                let report = worker.run(deadline(deadline_ms, &*self.clock)).await;
                tracing::info!(
                    renewals = report.renewals,
                    claimed = report.claimed,
                    succeeded = report.succeeded,
                    failed = report.failed,
                    parked = report.parked,
                    more = report.more,
                    "pass ended"
                );
                if report.more {
                    self.kick.kick().await;
                }
                match report.errors.is_empty() {
                    true => Ok(report),
                    false => Err(report.errors),
                }
            }
            None => {
                tracing::info!("ACME_WORKER_ENABLED is false: nothing is done");
                Ok(worker::Report::default())
            }
        }
    }
}

/// The worker.
///
/// # Errors
/// If a setting is missing or wrong.
pub async fn worker() -> Result<WorkerFunction, StartError> {
    let (sdk, config) = (sdk().await, config()?);
    let kick = kick(&sdk, &config);
    let (store, clock) = store(&sdk, &config, SchemaUse::Claim).await;
    let wakes: Arc<dyn WakeQueue> = match &config.wake_queue {
        Some(url) => Arc::new(SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), url.clone())),
        None => Arc::new(NoQueue),
    };
    let adapters = Adapters {
        wakes,
        store: store.into(),
        vault: vault(&sdk, &config, clock.clone()),
        ca: Arc::new(AcmeCa::new(
            &config.providers,
            config.ca_root.clone(),
            clock.clone(),
        )?),
        zones: zones(&sdk, clock.clone()),
        view: Arc::new(PublicDns::new(config.dns_server).map_err(|e| StartError::Dns(e.to_string()))?),
        clock: clock.clone(),
        providers: config.providers,
    };
    let settings = WorkerSettings {
        batch_size: config.worker.batch_size,
        patience: config.worker.patience,
        ..WorkerSettings::default()
    };
    let owner = uuid::Uuid::new_v4().to_string();
    let worker = config
        .worker
        .enabled
        .then(|| Worker::new(&adapters, settings, owner));
    Ok(WorkerFunction { worker, kick, clock })
}

/// dns-cleanup.
pub struct CleanupFunction {
    cleaner: Cleaner,
    clock: Arc<dyn Clock>,
}

impl CleanupFunction {
    /// One run, until the Lambda deadline (milliseconds since the epoch) is near.
    ///
    /// # Errors
    /// If a part of the ledger could not be read or written; all else was done.
    pub async fn run(&self, deadline_ms: u64) -> Result<cleanup::Report, RunErrors> {
        let report = self.cleaner.run(deadline(deadline_ms, &*self.clock)).await;
        match report.errors.is_empty() {
            true => Ok(report),
            false => Err(report.errors),
        }
    }
}

/// dns-cleanup.
///
/// # Errors
/// If a setting is missing or wrong.
pub async fn cleaner() -> Result<CleanupFunction, StartError> {
    let (sdk, config) = (sdk().await, config()?);
    // Its role writes nothing but the ledger.
    let (store, clock) = store(&sdk, &config, SchemaUse::Look).await;
    let zones = zones(&sdk, clock.clone());
    let cleaner = Cleaner::new(store.clone(), store, zones, clock.clone());
    Ok(CleanupFunction { cleaner, clock })
}
