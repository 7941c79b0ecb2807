//! What the functions find when they start: settings, the table, the token list.

use std::net::SocketAddr;

use certmint_core::words::hex;
use certmint_shared::store::schema;
use rand::{Rng, distr::Alphanumeric};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{KMS_ALIAS, Options, Ports, StackError, WAKE_QUEUE, tls::Tls};

pub(crate) const TABLE: &str = "certmint";
pub(crate) const PREFIX: &str = "certmint";

/// What a function is told. Its access key is its name: what it calls of AWS says who calls.
pub(crate) fn environment(
    function: &str,
    options: &Options,
    ports: &Ports,
    dns: SocketAddr,
    tls: &Tls,
) -> Vec<(String, String)> {
    let directory = |port: u16| format!("https://localhost:{port}/dir");
    let [letsencrypt, google] = options
        .directories
        .clone()
        .unwrap_or_else(|| [directory(ports.acme), directory(ports.acme_eab)]);
    // As Let's Encrypt's profiles have it; Pebble itself takes names beside a star that covers them.
    let orders = json!({"profiles": {"tlsserver": 25, "shortlived": 25}});
    let providers = json!([
        {"id": 1, "name": "letsencrypt", "directoryUrl": letsencrypt, "requiresEab": false, "orders": orders},
        {"id": 2, "name": "google", "directoryUrl": google, "requiresEab": true},
    ]);
    let endpoint = options
        .aws_endpoint
        .clone()
        .unwrap_or_else(|| format!("http://127.0.0.1:{}", ports.aws));
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into());
    let pairs = [
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", function.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".into()),
        ("AWS_ENDPOINT_URL", endpoint.clone()),
        ("CERTMINT_TABLE", TABLE.into()),
        (
            "CERTMINT_WAKE_QUEUE",
            format!("{endpoint}/000000000000/{WAKE_QUEUE}"),
        ),
        ("CERTMINT_SECRET_PREFIX", PREFIX.into()),
        ("CERTMINT_KMS_KEY", KMS_ALIAS.into()),
        ("CERTMINT_PROVIDERS", providers.to_string()),
        ("CERTMINT_CA_ROOT", tls.root.display().to_string()),
        ("CERTMINT_DNS_SERVER", dns.to_string()),
        ("RUST_LOG", filter),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
    pairs.chain(options.env.iter().cloned()).collect()
}

pub(crate) fn new_token() -> String {
    rand::rng()
        .sample_iter(&Alphanumeric)
        .take(40)
        .map(char::from)
        .collect()
}

/// The secret that the API checks tokens against.
pub(crate) fn token_list(token: &str) -> String {
    let hash = hex(&Sha256::digest(token.as_bytes()));
    json!({"tokens": [{ "sha256": hash, "scopes": ["read", "write", "keys"] }]}).to_string()
}

/// Creates the table, or, where it exists, makes its accounts register again: Pebble forgets everything when it
/// stops, and with it the accounts of an earlier run.
pub(crate) async fn prepare_table(port: u16) -> Result<(), StackError> {
    use aws_sdk_dynamodb::{
        Client,
        config::{BehaviorVersion, Credentials, Region},
        types::AttributeValue,
    };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"));
    let client = Client::from_conf(config.build());
    let failed = |e: &dyn std::fmt::Display| StackError::Table(e.to_string());
    if client.describe_table().table_name(TABLE).send().await.is_err() {
        return schema::create_table(&client, TABLE).await.map_err(|e| failed(&e));
    }
    let mut accounts = client
        .query()
        .table_name(TABLE)
        .index_name("list")
        .key_condition_expression("list_pk = :account")
        .expression_attribute_values(":account", AttributeValue::S("ACCOUNT".into()))
        .into_paginator()
        .items()
        .send();
    while let Some(account) = accounts.next().await {
        let mut account = account.map_err(|e| failed(&e))?;
        let reset = client
            .update_item()
            .table_name(TABLE)
            .set_key(Some(
                ["pk", "sk"]
                    .into_iter()
                    .filter_map(|k| account.remove_entry(k))
                    .collect(),
            ))
            .update_expression("SET #status = :pending REMOVE registration_uri")
            .condition_expression("#status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", AttributeValue::S("pending".into()))
            .expression_attribute_values(":active", AttributeValue::S("active".into()));
        match reset
            .send()
            .await
            .map_err(aws_sdk_dynamodb::error::SdkError::into_service_error)
        {
            Ok(_) => {}
            Err(e) if e.is_conditional_check_failed_exception() => {}
            Err(e) => return Err(failed(&e)),
        }
    }
    Ok(())
}
