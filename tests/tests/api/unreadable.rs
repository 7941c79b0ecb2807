//! One item that cannot be read is left out of every list, with an alarm; the others are there, and calls about them work.

use aws_sdk_dynamodb::types::AttributeValue;
use certmint_core::{
    certificate::{Certificate, CertificateSource},
    challenge::{DesiredState, TxtRecord, TxtStatus},
    clock::Clock,
    words::{CertificateId, Fqdn, ProviderId, RequestId},
};
use certmint_shared::{
    clock::SystemClock,
    store::{CertificateStore, ProviderHealth, ProviderTrouble, RenewalStore, RequestStore, TxtLedger},
};
use certmint_tests::logged::Logged;
use serde_json::Value;

use super::{Client, refused};

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
pub(super) const QUARANTINE: &str = "quarantine";

/// Three of each: accounts, requests, certificates with renewals and bindings, versions of the first, TXT values, defaults,
/// CAs in trouble.
pub(super) async fn world() -> Client {
    let client = Client::new().await;
    client.account().await;
    let id = client
        .certificate("00", "www.example.com", CertificateSource::Acme)
        .await;
    let template = client.store.certificate(id).await.unwrap();
    let now = SystemClock.now();
    let eab = r#","eabKid":"kid-123456","eabHmacKey":"your_eab_hmac_key_here""#;
    for (n, provider, eab) in [(2, "google", eab), (3, "letsencrypt", "")] {
        let body = format!(r#"{{"providerName":"{provider}","email":"a{n}@example.com"{eab}}}"#);
        assert_eq!(client.post("/acme/account/create", &body).await.status, 200);
    }
    for n in 1..=3 {
        let body = format!(r#"{{"accountId":1,"domains":["r{n}.example.com"]}}"#);
        client.post("/acme/certificate/request", &body).await;
        let soon = Certificate {
            fingerprint: format!("0{n}"),
            expires_at: now.plus(DAY * n),
            ..template.clone()
        };
        client.store.record_certificate(soon, None).await.unwrap();
        let bind = format!(r#"{{"websiteId":{n}}}"#);
        client.post(&format!("/certificates/{}/bind", n + 1), &bind).await;
        let trouble = ProviderTrouble {
            provider_id: ProviderId::new(n.into()),
            since: now,
            failures: 1,
            last_error: "away".into(),
            retry_at: now,
            updated_at: now,
        };
        client.store.note_trouble(&trouble).await.unwrap();
    }
    for (provider, account) in [(1, 1), (2, 2)] {
        let body = format!(r#"{{"providerId":{provider},"accountId":{account}}}"#);
        assert_eq!(client.post("/acme/accounts/set-default", &body).await.status, 200);
    }
    assert_eq!(
        client
            .post("/acme/accounts/fallback", r#"{"accountIds":[3]}"#)
            .await
            .status,
        200
    );
    let held = client.store.request(RequestId::new(1)).await.unwrap();
    for print in ["11", "12"] {
        let next = Certificate {
            id: CertificateId::new(1),
            fingerprint: print.into(),
            ..template.clone()
        };
        let fence = (held.id, held.lease.fence);
        client.store.replace_certificate(next, fence).await.unwrap();
    }
    let values = ["v1", "v2", "v3"].map(|value| TxtRecord {
        fqdn: Fqdn::new("_acme-challenge.example.com"),
        value: value.into(),
        zone_id: "Z1".into(),
        zone: Fqdn::new("example.com"),
        owner_id: RequestId::new(1),
        fence: 1,
        unsettled: false,
        desired_state: DesiredState::Present,
        status: TxtStatus::Active,
        expires_at: now.plus(DAY),
        created_at: now,
        updated_at: now,
    });
    client.store.put_txt(&values).await.unwrap();
    client
}

/// A field of each row of a list.
async fn rows(client: &Client, path: &str, field: &str) -> Vec<String> {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let list = body["data"]["list"].as_array().unwrap();
    list.iter().map(|row| row[field].to_string()).collect()
}

/// The certificate that no reader understands, as it once stood in a table.
#[tokio::test]
async fn an_unreadable_certificate_is_left_out_of_every_list() {
    let (client, logged) = (world().await, Logged::new());
    // Item 3 as it is stored: it keeps no place in an index, so that only its pointers and its renewal lead to it.
    client
        .world
        .put(include_str!(
            "../../cases/10-unreadable-certificate-item/item.json"
        ))
        .await;
    for (path, expected, is_met) in [
        ("/certificates?kind=certificate", vec!["4", "2", "1"], false),
        ("/certificates?name=example.com", vec!["4", "2", "1"], true),
        (
            "/certificates?name=www.example.com&status=issued",
            vec!["4", "2", "1"],
            true,
        ),
        ("/certificates/renewal/candidates", vec!["2", "4"], true),
        (
            "/certificates/renewal/candidates?status=issued",
            vec!["2", "4"],
            true,
        ),
    ] {
        assert_eq!(rows(&client, path, "id").await, expected, "{path}");
        let alarms = logged.alarms(QUARANTINE);
        assert_eq!(!alarms.is_empty(), is_met, "{path}: {alarms:?}");
        assert!(
            alarms.iter().all(|line| line.contains("CERTIFICATE#3")),
            "{path}: {alarms:?}"
        );
    }
    refused(&client.get("/certificates/3").await, 500, 5002, "log");
    assert_eq!(client.get("/certificates/2").await.status, 200);
    // The same of one that keeps its places.
    world_of_spoiled(&logged).await;
}

async fn world_of_spoiled(logged: &Logged) {
    let client = world().await;
    let names = AttributeValue::S(r#"["github..io"]"#.into());
    client
        .world
        .spoil(("CERTIFICATE#3", "META"), "names", names)
        .await;
    for (path, expected) in [
        ("/certificates", vec!["4", "2", "1", "3", "2", "1"]),
        ("/certificates?kind=certificate", vec!["4", "2", "1"]),
        ("/certificates?name=example.com", vec!["4", "2", "1"]),
        ("/certificates/renewal/candidates", vec!["2", "4"]),
    ] {
        let mut found = rows(&client, path, "id").await;
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{path}");
        assert_eq!(logged.alarms(QUARANTINE).len(), 1, "{path}");
    }
}

struct Spoiled {
    item: (&'static str, &'static str),
    attribute: &'static str,
    text: &'static str,
    /// A list, the field that tells its rows, and those that are left.
    lists: &'static [(&'static str, &'static str, &'static [&'static str])],
}

const ACCOUNTS: &str = "/acme/accounts";
const REQUESTS: &str = "/acme/certificate/requests";
const BINDINGS: &str = "/certificates/bindings";
const CANDIDATES: &str = "/certificates/renewal/candidates";

const SPOILED: [Spoiled; 13] = [
    Spoiled {
        item: ("REQUEST#2", "META"),
        attribute: "names",
        text: r#"["a..b"]"#,
        lists: &[
            (REQUESTS, "id", &["3", "1"]),
            ("/acme/certificate/requests?accountId=1", "id", &["3", "1"]),
            ("/acme/certificate/requests?status=pending", "id", &["3", "1"]),
            ("/certificates?kind=request", "id", &["3", "1"]),
        ],
    },
    Spoiled {
        item: ("REQUEST#2", "META"),
        attribute: "issuance",
        text: r#"{"phase":"of another version"}"#,
        lists: &[(REQUESTS, "id", &["3", "1"])],
    },
    Spoiled {
        item: ("REQUEST#2", "META"),
        attribute: "key_plan",
        text: "null",
        lists: &[(REQUESTS, "id", &["3", "1"])],
    },
    Spoiled {
        item: ("ACCOUNT#2", "META"),
        attribute: "email",
        text: "nobody",
        lists: &[
            (ACCOUNTS, "id", &["1", "3"]),
            ("/acme/accounts?status=pending", "id", &["1", "3"]),
        ],
    },
    Spoiled {
        item: ("ACCOUNT#2", "META"),
        attribute: "version",
        text: "two",
        lists: &[(ACCOUNTS, "id", &["1", "3"])],
    },
    Spoiled {
        item: ("TXT#_acme-challenge.example.com", "v2#1#Z1"),
        attribute: "status",
        text: "odd",
        lists: &[("/acme/challenges", "value", &[r#""v3""#, r#""v1""#])],
    },
    Spoiled {
        item: ("CERTIFICATE#3", "RENEWAL"),
        attribute: "list_sk",
        text: "0",
        lists: &[(CANDIDATES, "id", &["2", "4"])],
    },
    Spoiled {
        item: ("CERTIFICATE#3", "BINDING#00000000000000000002"),
        attribute: "list_sk",
        text: "odd",
        lists: &[
            (BINDINGS, "websiteId", &["1", "3"]),
            ("/certificates/bindings?status=active", "websiteId", &["1", "3"]),
        ],
    },
    Spoiled {
        item: ("DEFAULT", "000000000001"),
        attribute: "account_id",
        text: "one",
        lists: &[
            ("/acme/accounts/defaults", "accountId", &["2"]),
            (ACCOUNTS, "id", &["1", "2", "3"]),
        ],
    },
    Spoiled {
        item: ("PROVIDER", "000000000001"),
        attribute: "since",
        text: "yesterday",
        lists: &[("/acme/providers?pageSize=2", "id", &["1", "2"])],
    },
    Spoiled {
        item: ("COUNT#REQUEST#ALL", "T#2"),
        attribute: "pending",
        text: "many",
        lists: &[(REQUESTS, "id", &["3", "2", "1"])],
    },
    Spoiled {
        item: ("CERTIFICATE#1", "VERSION#000000000001"),
        attribute: "lifecycle",
        text: "odd",
        lists: &[("/certificates/1/versions", "version", &["3", "2"])],
    },
    Spoiled {
        item: ("CERTIFICATE#3", "META"),
        attribute: "lifecycle",
        text: "odd",
        lists: &[("/certificates?kind=certificate", "id", &["4", "2", "1"])],
    },
];

#[tokio::test]
async fn whatever_cannot_be_read_is_left_out_with_an_alarm() {
    let logged = Logged::new();
    for Spoiled {
        item,
        attribute,
        text,
        lists,
    } in &SPOILED
    {
        let client = world().await;
        for (path, _, _) in *lists {
            client.get(path).await;
        }
        assert_eq!(logged.alarms(QUARANTINE), [""; 0], "{item:?} before");
        let text = AttributeValue::S((*text).into());
        client.world.spoil(*item, attribute, text).await;
        let mut alarms = 0;
        for (path, field, expected) in *lists {
            assert_eq!(rows(&client, path, field).await, *expected, "{item:?} {path}");
            alarms += logged.alarms(QUARANTINE).len();
            // A page of one leads past it.
            let path = path.trim_end_matches("?pageSize=2");
            let narrow = format!("{path}{}pageSize=1", if path.contains('?') { '&' } else { '?' });
            assert_eq!(client.get(&narrow).await.status, 200, "{item:?} {narrow}");
            let _more = logged.alarms(QUARANTINE);
        }
        assert!(alarms >= 1, "{item:?} {attribute}: no alarm");
        // Calls about the others go on.
        let fresh = r#"{"accountId":1,"domains":["new.example.com"]}"#;
        assert_eq!(
            client.post("/acme/certificate/request", fresh).await.status,
            200,
            "{item:?}"
        );
        let _more = logged.alarms(QUARANTINE);
    }
}

#[tokio::test]
async fn an_unreadable_renewal_hides_no_certificate() {
    let (client, logged) = (world().await, Logged::new());
    let odd = AttributeValue::S("odd".into());
    client
        .world
        .spoil(("CERTIFICATE#3", "RENEWAL"), "renewal_mode", odd)
        .await;
    for (path, expected) in [("/certificates?kind=certificate", "4321"), (CANDIDATES, "234")] {
        assert_eq!(rows(&client, path, "id").await.concat(), expected, "{path}");
        assert!(!logged.alarms(QUARANTINE).is_empty(), "{path}");
    }
    let one = client.get("/certificates/3").await.body;
    assert!(one.contains("its renewal cannot be read"), "{one}");
}

#[tokio::test]
async fn an_unreadable_default_list_is_none() {
    let (client, logged) = (world().await, Logged::new());
    let odd = AttributeValue::S("[none]".into());
    client.world.spoil(("FALLBACK", "META"), "accounts", odd).await;
    let list = client.get("/acme/accounts/fallback").await;
    assert!(list.body.contains(r#""accountIds":[]"#), "{}", list.body);
    assert!(!logged.alarms(QUARANTINE).is_empty());
    let fresh = r#"{"accountId":1,"domains":["new.example.com"]}"#;
    assert_eq!(client.post("/acme/certificate/request", fresh).await.status, 200);
}

/// A key's answer that cannot be read is an error for that key, which nobody else has.
#[tokio::test]
async fn an_unreadable_idempotency_item_is_its_own_keys_affair() {
    let (client, logged) = (Client::new().await, Logged::new());
    client.account().await;
    let body = r#"{"accountId":1,"domains":["a.example.com"]}"#;
    let post = |key| {
        client.call(
            "POST",
            "/acme/certificate/request",
            Some("Bearer token"),
            Some(key),
            body,
        )
    };
    assert_eq!(post("one").await.status, 200);
    let odd = AttributeValue::S("odd".into());
    client
        .world
        .spoil(("IDEMPOTENCY#request#one", "META"), "joined", odd)
        .await;
    refused(&post("one").await, 500, 5002, "log");
    assert_eq!(post("two").await.status, 200);
    assert_eq!(rows(&client, REQUESTS, "id").await, ["1"]);
    assert_eq!(logged.alarms(QUARANTINE), [""; 0]);
}

/// An entry of the token list that cannot be read lets nobody in; the others do.
#[tokio::test]
async fn an_unreadable_token_shuts_nobody_else_out() {
    let logged = Logged::new();
    let good = r#"{"sha256":"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"}"#;
    let reader = "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30";
    for odd in [
        r#""text""#.to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        format!(r#"{{"sha256":"{reader}","scope":["read"]}}"#),
        format!(r#"{{"sha256":"{reader}","scopes":"read"}}"#),
        format!(r#"{{"sha256":"{reader}","expires_at":7}}"#),
    ] {
        let client = Client::new().await;
        let list = format!(r#"{{"tokens":[{odd},{good}]}}"#);
        client.vault.0.lock().unwrap().insert("api-tokens".into(), list);
        assert_eq!(client.get(ACCOUNTS).await.status, 200, "{odd}");
        let shut = client
            .call("GET", ACCOUNTS, Some("Bearer reader"), None, "")
            .await;
        refused(&shut, 401, 1002, "not valid");
        let alarms = logged.alarms(QUARANTINE);
        assert_eq!(alarms.len(), 1, "{odd}: {alarms:?}");
        assert!(!alarms[0].contains(reader), "no hash in a log: {alarms:?}");
    }
}
