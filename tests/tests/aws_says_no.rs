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

/// Who is asked, with which status and codes it answers, what they mean, and the words for that.
type Line = (Asked, u16, &'static [&'static str], Class, &'static str);

const DENIED: Class = Class::Denied;
const CREDENTIALS: &str = "AWS does not take the function's credentials";

/// Codes of the services that speak JSON (AWS, *Common errors*).
const UNKNOWN_CALLER: &[&str] = &[
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
];

const OF_ROUTE53: &[&str] = &[
    "ExpiredToken",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "MissingAuthenticationToken",
];

const TABLE: &[Line] = &[
    (
        Route53,
        403,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "OptInRequired",
            "NotHeardOfYet",
        ],
        DENIED,
        "access denied to ListHostedZones on all zones: allow route53:ListHostedZones in the function's role",
    ),
    (
        Route53,
        401,
        &["NotHeardOfYet"],
        DENIED,
        "access denied to ListHostedZones",
    ),
    (Route53, 403, OF_ROUTE53, DENIED, CREDENTIALS),
    (Route53, 400, &["IncompleteSignature"], DENIED, CREDENTIALS),
    (
        Route53,
        400,
        &["Throttling", "RequestExpired"],
        Class::Transient,
        "injected",
    ),
    (
        Route53,
        503,
        &["ServiceUnavailable"],
        Class::Transient,
        "injected",
    ),
    (
        Route53,
        404,
        &["NoSuchHostedZone"],
        Class::Permanent,
        "does not exist",
    ),
    (Route53, 400, &["InvalidInput"], Class::Permanent, "injected"),
    (
        SecretsManager,
        400,
        &["AccessDeniedException", "NotAuthorized"],
        DENIED,
        "access denied to CreateSecret on secret certmint/s: allow it in the function's role and the KMS key policy",
    ),
    (
        SecretsManager,
        403,
        &["NotHeardOfYet"],
        DENIED,
        "access denied to CreateSecret",
    ),
    (SecretsManager, 400, UNKNOWN_CALLER, DENIED, CREDENTIALS),
    (
        SecretsManager,
        400,
        &["EncryptionFailure", "DecryptionFailure"],
        DENIED,
        "enable it, or cancel its deletion (kms:CancelKeyDeletion)",
    ),
    (
        SecretsManager,
        400,
        &["ThrottlingException"],
        Class::Transient,
        "injected",
    ),
    (
        SecretsManager,
        500,
        &["InternalServiceError"],
        Class::Transient,
        "injected",
    ),
    (
        SecretsManager,
        400,
        &["LimitExceededException"],
        Class::Permanent,
        "injected",
    ),
    (
        Kms,
        400,
        &["AccessDeniedException"],
        DENIED,
        "access denied to kms:GenerateDataKey on secret s",
    ),
    (Kms, 400, UNKNOWN_CALLER, DENIED, CREDENTIALS),
    (
        Kms,
        400,
        &["DisabledException", "KMSInvalidStateException"],
        DENIED,
        "enable it, or cancel its deletion (kms:CancelKeyDeletion)",
    ),
    (
        Kms,
        500,
        &["KeyUnavailableException"],
        Class::Transient,
        "injected",
    ),
    (Kms, 400, &["ThrottlingException"], Class::Transient, "injected"),
    (Kms, 400, &["NotFoundException"], Class::Permanent, "injected"),
    (
        DynamoDb,
        400,
        &["AccessDeniedException", "KMSAccessDeniedException"],
        DENIED,
        "DynamoDB GetItem: access denied (injected ",
    ),
    (DynamoDb, 400, UNKNOWN_CALLER, DENIED, CREDENTIALS),
    (
        DynamoDb,
        400,
        &["ThrottlingException"],
        Class::Transient,
        "injected",
    ),
    (
        DynamoDb,
        400,
        &["ResourceNotFoundException"],
        Class::Permanent,
        "injected",
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
    for (asked, status, codes, class, words) in TABLE {
        let stage = match asked {
            Route53 => Stage::Dns,
            _ => Stage::Request,
        };
        for code in *codes {
            let failure = asks(*asked, *status, code).await;
            if (failure.class, failure.stage) != (*class, stage) || !failure.sentence().contains(words) {
                wrong.push(format!("{asked:?} {status} {code}: {failure:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
