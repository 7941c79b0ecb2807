//! Both vaults over emulated AWS: the common suite, and what only the envelope vault has to prove.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use aws_sdk_kms::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeSerializationInterceptorContextMut,
    },
    error::BoxError,
    operation::{decrypt::DecryptInput, generate_data_key::GenerateDataKeyInput},
};
use certmint_core::words::Class;
use certmint_shared::{
    clock::{ShiftedClock, SystemClock},
    store::schema,
    vault::{
        KeyVault, SecretNames, VaultError,
        envelope::{EnvelopeSettings, EnvelopeVault},
        migrate::migrate,
        secrets_manager::SecretsManagerVault,
    },
};
use certmint_stack::KMS_ALIAS;
use certmint_tests::{
    conformance_vault,
    journey::{Journey, options},
};
use secrecy::ExposeSecret;

const DAY: i64 = 24 * 60 * 60;

macro_rules! config {
    ($service:ident, $world:expr) => {
        $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::latest())
            .endpoint_url($world.journey.stack.aws_endpoint())
            .region($service::config::Region::new("us-east-1"))
            .credentials_provider($service::config::Credentials::new("a", "b", None, None, "test"))
            .build()
    };
}

struct World {
    journey: Journey,
    table: Client,
}

impl World {
    async fn new() -> Self {
        let journey = Journey::start(options()).await;
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(journey.stack.aws_endpoint())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .build();
        let table = Client::from_conf(config);
        Self { journey, table }
    }

    async fn fresh(&self, table: &str) -> EnvelopeVault {
        schema::create_table(&self.table, table).await.unwrap();
        self.vault(table, "one", KMS_ALIAS, 0)
    }

    fn vault(&self, table: &str, prefix: &str, key: &str, ahead: i64) -> EnvelopeVault {
        let settings = EnvelopeSettings {
            table: table.into(),
            prefix: prefix.into(),
            kms_key: key.into(),
        };
        let kms = aws_sdk_kms::Client::from_conf(config!(aws_sdk_kms, self));
        EnvelopeVault::new(
            self.table.clone(),
            kms,
            settings,
            Arc::new(ShiftedClock::new(Arc::new(SystemClock), ahead)),
        )
    }

    fn secrets_manager(&self, prefix: &str) -> SecretsManagerVault {
        let client = aws_sdk_secretsmanager::Client::from_conf(config!(aws_sdk_secretsmanager, self));
        SecretsManagerVault::new(client, prefix.into())
    }
}

async fn value(vault: &dyn KeyVault, name: &str) -> String {
    vault.get(name).await.unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn both_vaults_do_what_a_vault_must() {
    let world = World::new().await;
    conformance_vault::the_first_value_stays(&world.fresh("keys-a").await).await;
    conformance_vault::deletes(&world.fresh("keys-b").await).await;
    conformance_vault::names_are_listed(&world.fresh("keys-c").await).await;
    conformance_vault::the_first_value_stays(&world.secrets_manager("a")).await;
    conformance_vault::deletes(&world.secrets_manager("b")).await;
    conformance_vault::names_are_listed(&world.secrets_manager("c")).await;
    conformance_vault::takes_deposits(&world.fresh("keys-d").await).await;
    conformance_vault::takes_deposits(&world.secrets_manager("d")).await;
    world.journey.stack.stop().await;
}

fn refused(result: Result<impl Sized, VaultError>, word: &str) {
    match result {
        Err(VaultError::Refused { message, .. }) => assert!(message.contains(word), "{message}"),
        Err(other) => panic!("another refusal: {other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// An item opens under its own name, in its own stack, with its own KMS key; else it says so and stays as it is.
#[tokio::test]
async fn a_sealed_secret_is_bound_to_its_place() {
    let world = World::new().await;
    let vault = world.fresh("keys").await;
    vault.put_if_absent("key/1", "the secret".into()).await.unwrap();
    let at = |name: &str| AttributeValue::S(format!("KEY#{name}"));
    let meta = || AttributeValue::S("META".into());
    let read = world
        .table
        .get_item()
        .table_name("keys")
        .key("pk", at("key/1"))
        .key("sk", meta());
    let mut item = read.send().await.unwrap().item.unwrap();
    let text = format!("{item:?}");
    assert!(!text.contains("the secret"));
    item.insert("pk".into(), at("key/2"));
    let put = world
        .table
        .put_item()
        .table_name("keys")
        .set_item(Some(item.clone()));
    put.send().await.unwrap();
    refused(
        vault.get("key/2").await,
        "sealed with another key, or for another secret",
    );
    refused(
        vault.put_if_absent("key/2", "new".into()).await,
        "for another secret",
    );

    let other_stack = world.vault("keys", "two", KMS_ALIAS, 0);
    refused(other_stack.get("key/1").await, "or stack");
    let other_key = world.journey.stack.aws.kms.create_key();
    let wrong_key = world.vault("keys", "one", &other_key, 0);
    refused(wrong_key.get("key/1").await, "CERTMINT_KMS_KEY");
    refused(
        wrong_key.put_if_absent("key/1", "new".into()).await,
        "CERTMINT_KMS_KEY",
    );
    refused(
        world
            .vault("keys", "one", "alias/none", 0)
            .put_if_absent("key/3", "x".into())
            .await,
        "alias/none",
    );

    // A changed ciphertext is no secret.
    let mut sealed = item["sealed"].as_b().unwrap().clone().into_inner();
    sealed[0] ^= 1;
    item.insert("pk".into(), at("key/1"));
    let whole = item.clone();
    item.insert("sealed".into(), AttributeValue::B(sealed.into()));
    let put = |item| {
        world
            .table
            .put_item()
            .table_name("keys")
            .set_item(Some(item))
            .send()
    };
    put(item).await.unwrap();
    refused(vault.get("key/1").await, "was changed");
    put(whole).await.unwrap();

    let kms = &world.journey.stack.aws.kms;
    kms.enable(KMS_ALIAS, false);
    // An operator's doing, and undone as easily: it is waited for.
    for denied in [
        vault.get("key/1").await,
        vault.put_if_absent("key/4", "x".into()).await,
    ] {
        let denied = denied.unwrap_err();
        assert_eq!(denied.class(), Class::Denied);
        assert!(denied.to_string().contains("disabled"), "{denied}");
    }
    kms.enable(KMS_ALIAS, true);
    assert_eq!(value(&vault, "key/1").await, "the secret");
    world.journey.stack.stop().await;
}

/// A KMS that is not told what a key is for, as if all contexts were the same.
#[derive(Debug)]
struct NoContext;

impl Intercept for NoContext {
    fn name(&self) -> &'static str {
        "no context"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        if let Some(made) = input.downcast_mut::<GenerateDataKeyInput>() {
            made.encryption_context = None;
        } else if let Some(opened) = input.downcast_mut::<DecryptInput>() {
            opened.encryption_context = None;
        }
        Ok(())
    }
}

/// The second lock: name and stack are authenticated by the cipher too, whatever KMS lets through.
#[tokio::test]
async fn the_cipher_alone_binds_a_secret_to_its_place() {
    let world = World::new().await;
    schema::create_table(&world.table, "keys").await.unwrap();
    let vault = |prefix: &str| {
        let settings = EnvelopeSettings {
            table: "keys".into(),
            prefix: prefix.into(),
            kms_key: KMS_ALIAS.into(),
        };
        let kms = config!(aws_sdk_kms, world).to_builder().interceptor(NoContext);
        let kms = aws_sdk_kms::Client::from_conf(kms.build());
        EnvelopeVault::new(
            world.table.clone(),
            kms,
            settings,
            Arc::new(ShiftedClock::new(Arc::new(SystemClock), 0)),
        )
    };
    let one = vault("one");
    for name in ["key/1", "key/10"] {
        one.put_if_absent(name, format!("of {name}").into())
            .await
            .unwrap();
    }
    let at = |name: &str| AttributeValue::S(format!("KEY#{name}"));
    let meta = || AttributeValue::S("META".into());
    let table = |item| world.table.put_item().table_name("keys").set_item(Some(item));
    let read = world.table.get_item().table_name("keys");
    let read = read.key("pk", at("key/1")).key("sk", meta());
    let item = read.send().await.unwrap().item.unwrap();
    for other in ["key/2", "key/10", "key/1\nkey/2", "account-key/1"] {
        let mut moved = item.clone();
        moved.insert("pk".into(), at(other));
        table(moved).send().await.unwrap();
        refused(one.get(other).await, "belongs to another name or stack");
    }
    for prefix in ["two", "on", "one\nkey"] {
        refused(
            vault(prefix).get("key/1").await,
            "belongs to another name or stack",
        );
    }
    assert_eq!(value(&vault("one"), "key/1").await, "of key/1");
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn a_deleted_secret_can_be_taken_back_for_a_week() {
    let world = World::new().await;
    let vault = world.fresh("keys").await;
    vault.put_if_absent("key/1", "one".into()).await.unwrap();
    vault.delete("key/1").await.unwrap();
    let pending = |r: Result<_, VaultError>| matches!(r, Err(VaultError::PendingDeletion(_)));
    assert!(pending(vault.get("key/1").await));
    assert!(pending(vault.put_if_absent("key/1", "two".into()).await));
    assert!(vault.names().await.unwrap().is_empty());
    // Deleting it again does not make the window longer.
    let later = world.vault("keys", "one", KMS_ALIAS, 6 * DAY);
    later.delete("key/1").await.unwrap();
    later.restore("key/1").await.unwrap();
    assert_eq!(value(&vault, "key/1").await, "one");
    assert!(matches!(
        vault.restore("key/1").await,
        Err(VaultError::NotFound(_))
    ));

    vault.delete("key/1").await.unwrap();
    let too_late = world.vault("keys", "one", KMS_ALIAS, 8 * DAY);
    assert!(matches!(
        too_late.restore("key/1").await,
        Err(VaultError::NotFound(_))
    ));
    assert!(matches!(
        too_late.get("key/1").await,
        Err(VaultError::NotFound(_))
    ));
    let new = too_late.put_if_absent("key/1", "two".into()).await.unwrap();
    assert_eq!(new.expose_secret(), "two");
    assert_eq!(value(&too_late, "key/1").await, "two");
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn of_many_writers_one_wins() {
    let world = World::new().await;
    let vault = world.fresh("keys").await;
    let writes = (0..8).map(|n| vault.put_if_absent("key/1", format!("value {n}").into()));
    let stored = futures::future::join_all(writes).await;
    let kept = value(&vault, "key/1").await;
    for answer in stored {
        assert_eq!(answer.unwrap().expose_secret(), kept);
    }
    world.journey.stack.stop().await;
}

#[tokio::test]
async fn keys_move_there_and_back() {
    let world = World::new().await;
    let (old, new) = (world.secrets_manager("m"), world.fresh("keys-m").await);
    let names: Vec<String> = (0..25).map(|n| format!("certificate-key/{n}-order0")).collect();
    for name in &names {
        old.put_if_absent(name, format!("of {name}").into())
            .await
            .unwrap();
    }
    old.put_if_absent("api-tokens", "stays".into()).await.unwrap();
    let kept = migrate(&old, &new, true).await.unwrap();
    assert_eq!((kept.there, kept.removed, kept.failed.len()), (25, 0, 0));
    let moved = migrate(&old, &new, false).await.unwrap();
    assert_eq!((moved.there, moved.removed, moved.failed.len()), (25, 25, 0));
    assert_eq!(old.names().await.unwrap(), ["api-tokens"]);
    for name in &names {
        assert_eq!(value(&new, name).await, format!("of {name}"));
    }
    assert_eq!(migrate(&old, &new, false).await.unwrap(), Default::default());
    // The old names wait for their deletion still: going back says so, and takes nothing away.
    let back = migrate(&new, &old, false).await.unwrap();
    assert_eq!((back.there, back.failed.len()), (0, 25));
    assert!(back.failed[0].1.contains("RestoreSecret"), "{:?}", back.failed[0]);
    let elsewhere = world.secrets_manager("n");
    assert_eq!(migrate(&new, &elsewhere, false).await.unwrap().removed, 25);
    assert_eq!(value(&elsewhere, &names[7]).await, format!("of {}", names[7]));
    world.journey.stack.stop().await;
}
