//! What each service of AWS says when a right of ours is missing, read off the wire by the real adapters: all of it is one
//! class, with words that name what is missing; what means something else stays what it is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use certmint_core::words::{Class, Failure, Fqdn, RequestId, Stage};
use certmint_shared::{
    clock::SystemClock,
    dns::{DnsZones, Freshness, route53::Route53Zones},
    store::{RequestStore, dynamo::DynamoStore},
    vault::{
        KeyVault,
        envelope::{EnvelopeSettings, EnvelopeVault},
        secrets_manager::SecretsManagerVault,
    },
};
use certmint_tests::faults::{Fault, Proxy, Rules, Upstream};
use secrecy::SecretString;

macro_rules! client {
    ($service:ident, $port:expr) => {
        $service::Client::from_conf(
            $service::Config::builder()
                .behavior_version($service::config::BehaviorVersion::latest())
                .endpoint_url(format!("http://127.0.0.1:{}", $port))
                .region($service::config::Region::new("us-east-1"))
                .credentials_provider($service::config::Credentials::new("a", "b", None, None, "test"))
                .retry_config($service::config::retry::RetryConfig::disabled())
                .build(),
        )
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Route53,
    SecretsManager,
    Kms,
    DynamoDb,
}

use Asked::{DynamoDb, Kms, Route53, SecretsManager};

/// Who is asked, what it answers, what that means, and a word that says so.
type Line = (Asked, u16, &'static str, Class, &'static str);

const DENIED: Class = Class::Denied;

const TABLE: &[Line] = &[
    (
        Route53,
        403,
        "AccessDenied",
        DENIED,
        "access denied to ListHostedZones on all zones: allow route53:ListHostedZones",
    ),
    (
        Route53,
        403,
        "AccessDeniedException",
        DENIED,
        "access denied to ListHostedZones",
    ),
    (
        Route53,
        403,
        "OptInRequired",
        DENIED,
        "access denied to ListHostedZones",
    ),
    (
        Route53,
        403,
        "NotHeardOfYet",
        DENIED,
        "access denied to ListHostedZones",
    ),
    (
        Route53,
        401,
        "NotHeardOfYet",
        DENIED,
        "access denied to ListHostedZones",
    ),
    (
        Route53,
        403,
        "ExpiredToken",
        DENIED,
        "credentials (ExpiredToken: injected ExpiredToken): renew them",
    ),
    (
        Route53,
        403,
        "InvalidClientTokenId",
        DENIED,
        "credentials (InvalidClientTokenId",
    ),
    (
        Route53,
        403,
        "SignatureDoesNotMatch",
        DENIED,
        "credentials (SignatureDoesNotMatch",
    ),
    (
        Route53,
        403,
        "UnrecognizedClientException",
        DENIED,
        "credentials (UnrecognizedClientException",
    ),
    (
        Route53,
        403,
        "MissingAuthenticationToken",
        DENIED,
        "credentials (MissingAuthenticationToken",
    ),
    (
        Route53,
        400,
        "IncompleteSignature",
        DENIED,
        "credentials (IncompleteSignature",
    ),
    (
        Route53,
        400,
        "Throttling",
        Class::Transient,
        "injected Throttling",
    ),
    (
        Route53,
        400,
        "RequestExpired",
        Class::Transient,
        "injected RequestExpired",
    ),
    (
        Route53,
        503,
        "ServiceUnavailable",
        Class::Transient,
        "injected ServiceUnavailable",
    ),
    (
        Route53,
        404,
        "NoSuchHostedZone",
        Class::Permanent,
        "does not exist",
    ),
    (
        Route53,
        400,
        "InvalidInput",
        Class::Permanent,
        "injected InvalidInput",
    ),
    (
        SecretsManager,
        400,
        "AccessDeniedException",
        DENIED,
        "access denied to CreateSecret on secret certmint/s: allow it in the function's role and the KMS key policy",
    ),
    (
        SecretsManager,
        400,
        "NotAuthorized",
        DENIED,
        "access denied to CreateSecret",
    ),
    (
        SecretsManager,
        403,
        "NotHeardOfYet",
        DENIED,
        "access denied to CreateSecret",
    ),
    (
        SecretsManager,
        400,
        "UnrecognizedClientException",
        DENIED,
        "credentials (UnrecognizedClientException",
    ),
    (
        SecretsManager,
        400,
        "ExpiredTokenException",
        DENIED,
        "credentials (ExpiredTokenException",
    ),
    (
        SecretsManager,
        400,
        "InvalidSignatureException",
        DENIED,
        "credentials (InvalidSignatureException",
    ),
    (
        SecretsManager,
        400,
        "EncryptionFailure",
        DENIED,
        "the KMS key of secret certmint/s cannot be used (injected EncryptionFailure): enable it",
    ),
    (
        SecretsManager,
        400,
        "DecryptionFailure",
        DENIED,
        "kms:CancelKeyDeletion",
    ),
    (
        SecretsManager,
        400,
        "ThrottlingException",
        Class::Transient,
        "injected ThrottlingException",
    ),
    (
        SecretsManager,
        500,
        "InternalServiceError",
        Class::Transient,
        "injected InternalServiceError",
    ),
    (
        SecretsManager,
        400,
        "LimitExceededException",
        Class::Permanent,
        "injected LimitExceededException",
    ),
    (
        Kms,
        400,
        "AccessDeniedException",
        DENIED,
        "access denied to kms:GenerateDataKey on secret s",
    ),
    (
        Kms,
        400,
        "UnrecognizedClientException",
        DENIED,
        "credentials (UnrecognizedClientException",
    ),
    (
        Kms,
        400,
        "ExpiredTokenException",
        DENIED,
        "credentials (ExpiredTokenException",
    ),
    (
        Kms,
        400,
        "MissingAuthenticationTokenException",
        DENIED,
        "credentials (MissingAuthenticationTokenException",
    ),
    (
        Kms,
        400,
        "DisabledException",
        DENIED,
        "cannot be used (injected DisabledException): enable it",
    ),
    (
        Kms,
        400,
        "KMSInvalidStateException",
        DENIED,
        "cancel its deletion",
    ),
    (
        Kms,
        500,
        "KeyUnavailableException",
        Class::Transient,
        "injected KeyUnavailableException",
    ),
    (
        Kms,
        400,
        "ThrottlingException",
        Class::Transient,
        "injected ThrottlingException",
    ),
    (
        Kms,
        400,
        "NotFoundException",
        Class::Permanent,
        "injected NotFoundException",
    ),
    (
        DynamoDb,
        400,
        "AccessDeniedException",
        DENIED,
        "DynamoDB GetItem: access denied (injected AccessDeniedException): allow it in the function's role",
    ),
    (
        DynamoDb,
        400,
        "KMSAccessDeniedException",
        DENIED,
        "access denied (injected KMSAccessDeniedException)",
    ),
    (
        DynamoDb,
        400,
        "UnrecognizedClientException",
        DENIED,
        "credentials (UnrecognizedClientException",
    ),
    (
        DynamoDb,
        400,
        "ExpiredTokenException",
        DENIED,
        "credentials (ExpiredTokenException",
    ),
    (
        DynamoDb,
        400,
        "InvalidSignatureException",
        DENIED,
        "credentials (InvalidSignatureException",
    ),
    (
        DynamoDb,
        400,
        "ProvisionedThroughputExceededException",
        Class::Transient,
        "injected Provisioned",
    ),
    (
        DynamoDb,
        400,
        "ResourceNotFoundException",
        Class::Permanent,
        "injected ResourceNotFoundException",
    ),
];

/// The failure of a call that meets this answer.
async fn asks(asked: Asked, status: u16, code: &'static str) -> Failure {
    let rules = Rules::default();
    let fault = match asked {
        Route53 => Fault::route53(status, code),
        _ => Fault::json(status, code),
    };
    rules.add_matching(|_| true, 0, usize::MAX, fault);
    let proxy = Proxy::bind(rules).await;
    let port = proxy.port;
    // It answers by the rules alone.
    proxy.lead_to(Upstream::Http(9));
    let (clock, secret) = (Arc::new(SystemClock), SecretString::from("a secret"));
    match asked {
        Route53 => {
            let zones = Route53Zones::new(client!(aws_sdk_route53, port), clock);
            let found = zones.zones_of(&Fqdn::new("example.com"), Freshness::Anew).await;
            found.unwrap_err().into()
        }
        SecretsManager => {
            let vault = SecretsManagerVault::new(client!(aws_sdk_secretsmanager, port), "certmint".into());
            vault.put_if_absent("s", secret).await.unwrap_err().into()
        }
        Kms => {
            let settings = EnvelopeSettings {
                table: "certmint".into(),
                prefix: "certmint".into(),
                kms_key: "key".into(),
            };
            let (table, kms) = (client!(aws_sdk_dynamodb, port), client!(aws_sdk_kms, port));
            let vault = EnvelopeVault::new(table, kms, settings, clock);
            vault.put_if_absent("s", secret).await.unwrap_err().into()
        }
        DynamoDb => {
            let store = DynamoStore::new(client!(aws_sdk_dynamodb, port), "certmint".into());
            store.request(RequestId::new(1)).await.unwrap_err().into()
        }
    }
}

#[tokio::test]
async fn every_way_to_say_that_a_right_is_missing_is_a_hold_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for (asked, status, code, class, words) in TABLE {
        let failure = asks(*asked, *status, code).await;
        let stage = match asked {
            Route53 => Stage::Dns,
            _ => Stage::Request,
        };
        if (failure.class, failure.stage) != (*class, stage) || !failure.sentence().contains(words) {
            wrong.push(format!("{asked:?} {status} {code}: {failure:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
