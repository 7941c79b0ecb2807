//! What a CA takes in one order is known before it is asked. In process `letsencrypt` has its true directory.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde_json::{Value, json};

use super::client::{ApiResponse, Client, data, refused};

const REQUEST: &str = "/acme/certificate/request";

/// Accounts 1 of `letsencrypt`, 2 of `google`.
async fn client() -> Client {
    let client = Client::new().await;
    client.account().await;
    let google = r#"{"providerName":"google","eabKid":"kid","eabHmacKey":"AAAA"}"#;
    assert_eq!(data(&client.post("/acme/account/create", google).await)["id"], 2);
    client
}

async fn ask(client: &Client, account: u64, domains: &[&str]) -> ApiResponse {
    let body = json!({"accountId": account, "domains": domains}).to_string();
    client.post(REQUEST, &body).await
}

#[tokio::test]
async fn names_that_a_star_covers_are_noted() {
    let client = client().await;
    for (domains, covered) in [
        (
            &["*.a.example.com", "www.a.example.com"][..],
            &["www.a.example.com"][..],
        ),
        (&["WWW.b.example.com", "*.B.example.com."], &["www.b.example.com"]),
        (&["*.c.example.com", "c.example.com"], &[]),
        (&["*.d.example.com", "a.b.d.example.com"], &[]),
        (&["*.e.example.com", "*.www.e.example.com"], &[]),
        (&["*.f.example.com", "*.f.example.com"], &[]),
        (
            &[
                "x.g.example.com",
                "*.g.example.com",
                "y.g.example.com",
                "g.example.com",
            ],
            &["x.g.example.com", "y.g.example.com"],
        ),
        (
            &[
                "*.h.example.com",
                "*.i.example.com",
                "www.i.example.com",
                "wwwh.example.com",
            ],
            &["www.i.example.com"],
        ),
        (
            &["*.bücher.example.com", "www.xn--bcher-kva.example.com"],
            &["www.xn--bcher-kva.example.com"],
        ),
        (
            &["*.j.k.example.com", "j.k.example.com", "*.k.example.com"],
            &["j.k.example.com"],
        ),
    ] {
        for (account, words) in [
            (1, "is left out of the order"),
            (2, "some CAs (Let's Encrypt) refuse both"),
        ] {
            let made = data(&ask(&client, account, domains).await);
            let warnings: Vec<&str> = made["warnings"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|w| w.as_str().unwrap())
                .collect();
            assert_eq!(warnings.len(), covered.len(), "{domains:?} {warnings:?}");
            for (warning, name) in warnings.iter().zip(covered) {
                assert!(
                    warning.starts_with(&format!("{name} ")) && warning.contains(words),
                    "{warning}"
                );
            }
            let seen = data(
                &client
                    .get(&format!("/acme/certificate/requests/{}", made["id"]))
                    .await,
            );
            assert_eq!(
                (&seen["warnings"], &seen["names"]),
                (&made["warnings"], &made["names"]),
                "they stay"
            );
        }
    }
}

#[tokio::test]
async fn what_orders_the_same_is_one_flight() {
    let client = client().await;
    let id = async |account, domains: &[&str]| {
        data(&ask(&client, account, domains).await)["id"]
            .as_u64()
            .unwrap()
    };
    let both = id(1, &["*.example.com", "www.example.com"]).await;
    for same in [
        &["*.example.com"][..],
        &["www.example.com", "*.example.com"],
        &["*.example.com", "WWW.example.com", "api.example.com"],
    ] {
        let made = data(&ask(&client, 1, same).await);
        assert_eq!(
            (made["id"].as_u64(), &made["deduplicated"]),
            (Some(both), &json!(true)),
            "{same:?}"
        );
    }
    assert_ne!(id(1, &["*.example.com", "example.com"]).await, both);
    assert_ne!(id(1, &["www.example.com"]).await, both);
    let taken = id(2, &["*.example.com", "www.example.com"]).await;
    assert_ne!(
        id(2, &["*.example.com"]).await,
        taken,
        "this CA certifies both names"
    );
    let forced = json!({"accountId": 1, "domains": ["*.example.com"], "force": true}).to_string();
    assert_ne!(data(&client.post(REQUEST, &forced).await)["id"], both);
}

fn csr(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params
        .serialize_request(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
        .unwrap()
}

#[tokio::test]
async fn a_csr_with_a_covered_name_is_refused_where_the_ca_would() {
    let client = client().await;
    let both = ["*.example.com", "www.example.com"];
    let send = async |account: u64, domains: &[&str], csr: String| {
        let body = json!({"accountId": account, "domains": domains, "csr": csr}).to_string();
        client.post_csr(REQUEST, &body).await
    };
    let advice = "domains has www.example.com, which *.example.com covers: letsencrypt refuses both";
    refused(&send(1, &both, csr(&both)).await, 400, 2003, advice);
    refused(
        &send(1, &both, csr(&both[..1])).await,
        400,
        2003,
        "csr must have exactly the names in domains",
    );
    // The advice works.
    assert_eq!(send(1, &both[..1], csr(&both[..1])).await.status, 200);
    let taken = data(&send(2, &both, csr(&both)).await);
    assert_eq!(
        (&taken["key_source"], &taken["names"]),
        (&json!("csr"), &json!(both))
    );
}

#[tokio::test]
async fn a_profile_takes_so_many_names() {
    let client = client().await;
    let ask = async |account: u64, count: usize, star: bool, profile: Option<&str>| {
        let names = (0..count).map(|n| format!("h{n}.example.com"));
        let names: Vec<String> = names.chain(star.then(|| "*.example.com".into())).collect();
        let body =
            json!({"accountId": account, "domains": names, "profile": profile, "force": true}).to_string();
        client.post(REQUEST, &body).await
    };
    for (account, count, star, profile, wanted) in [
        (1, 25, false, Some("tlsserver"), None),
        (
            1,
            26,
            false,
            Some("tlsserver"),
            Some("domains has 26 names to order; letsencrypt takes at most 25 in the profile tlsserver"),
        ),
        (1, 25, false, Some("shortlived"), None),
        (
            1,
            26,
            false,
            Some("shortlived"),
            Some("at most 25 in the profile shortlived"),
        ),
        (1, 100, false, Some("shortlived"), Some("has 100 names to order")),
        (1, 26, false, Some("classic"), None),
        (1, 100, false, Some("classic"), None),
        (1, 100, false, None, None),
        // Which ones there are is the CA's to say.
        (1, 26, false, Some("TLSSERVER"), None),
        (1, 99, true, Some("tlsserver"), None),
        (2, 26, false, Some("tlsserver"), None),
        (2, 100, false, None, None),
    ] {
        let answer = ask(account, count, star, profile).await;
        match wanted {
            None => assert_eq!(answer.status, 200, "{count} {profile:?}: {}", answer.body),
            Some(words) => refused(&answer, 400, 2003, words),
        }
    }
    refused(&ask(1, 101, false, None).await, 400, 2003, "101 names");
    let providers = data(&client.get("/acme/providers").await);
    let of = |name: &str| {
        let rows = providers["list"].as_array().unwrap().iter();
        rows.clone()
            .find(|row| row["name"] == name)
            .map(|row| row["orders"].clone())
            .unwrap()
    };
    let lets_encrypt = json!({
        "mostNames": 100, "profiles": {"shortlived": 25, "tlsserver": 25}, "refusesCoveredNames": true,
        "mostLabels": 10, "publicNamesOnly": true,
    });
    assert_eq!(
        (of("letsencrypt"), of("letsencrypt-staging")),
        (lets_encrypt.clone(), lets_encrypt)
    );
    assert_eq!(of("google")["refusesCoveredNames"], Value::Bool(false));
}
