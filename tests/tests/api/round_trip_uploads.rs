//! The same of uploads: whatever certificate is accepted, every later call about it works.

use certmint_core::words::DomainName;
use certmint_tests::{files::TestCa, logged::Logged, sim::Rng};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType, SerialNumber, date_time_ymd,
    string::{BmpString, Ia5String, PrintableString, TeletexString, UniversalString},
};
use serde_json::{Value, json};

use super::{
    Client,
    round_trip::{data, ids, in_query, is_sound, name, reads},
};

fn dn_value(rng: &mut Rng) -> DnValue {
    let ascii = *rng.pick(&["CA", "a, b+c=d", " lead", "#hash", "q\"q\\", ""]);
    let wide = *rng.pick(&["Ünïcode", "日本語", "👍", "line\nfeed", "nul\u{0}", "a\u{202e}b"]);
    match rng.within(0, 6) {
        0 => PrintableString::try_from("Plain Name").map_or_else(|_| ascii.into(), DnValue::PrintableString),
        1 => BmpString::try_from("Bücher 日本").map_or_else(|_| ascii.into(), DnValue::BmpString),
        2 => TeletexString::try_from("Teletex").map_or_else(|_| ascii.into(), DnValue::TeletexString),
        3 => {
            UniversalString::try_from("Üniversal 👍").map_or_else(|_| ascii.into(), DnValue::UniversalString)
        }
        4 => DnValue::Utf8String(wide.into()),
        _ => DnValue::Utf8String(ascii.repeat(usize::try_from(rng.within(1, 300)).unwrap())),
    }
}

fn san(rng: &mut Rng) -> SanType {
    let ia5 = |text: String| Ia5String::try_from(text).ok();
    let drawn = name(rng);
    let san = match rng.within(0, 10) {
        0 => Some(SanType::IpAddress("192.0.2.1".parse().unwrap())),
        1 => Some(SanType::IpAddress("2001:db8::1".parse().unwrap())),
        2 => ia5("ops@example.com".into()).map(SanType::Rfc822Name),
        3 => ia5("https://example.com/".into()).map(SanType::URI),
        _ => ia5(drawn).map(SanType::DnsName),
    };
    san.unwrap_or_else(|| SanType::DnsName(Ia5String::try_from("plain.example.com").unwrap()))
}

fn upload(rng: &mut Rng, ca: &TestCa, key: &KeyPair) -> Value {
    let mut params = CertificateParams::default();
    params.subject_alt_names = (0..rng.within(0, 6)).map(|_| san(rng)).collect();
    if rng.per_mille(700) {
        params
            .subject_alt_names
            .push(SanType::DnsName(Ia5String::try_from("sure.example.com").unwrap()));
    }
    params.distinguished_name = DistinguishedName::new();
    for kind in [DnType::CommonName, DnType::OrganizationName, DnType::LocalityName] {
        if rng.per_mille(500) {
            params.distinguished_name.push(kind, dn_value(rng));
        }
    }
    params.not_before = date_time_ymd(*rng.pick(&[1949, 1950, 1970, 2000, 2024, 2049, 2050]), 1, 1);
    params.not_after = date_time_ymd(*rng.pick(&[1949, 2049, 2050, 2051, 2999, 9999]), 12, 31);
    let serials: [&[u8]; 6] = [&[1], &[0, 0, 7], &[0x80], &[0xff; 20], &[0x7f; 21], &[0; 4]];
    let serial: &&[u8] = rng.pick(&serials);
    params.serial_number = rng.per_mille(800).then(|| SerialNumber::from_slice(serial));
    let (leaf, issuer) = match rng.within(0, 3) {
        0 => (params.self_signed(key).map(|c| c.pem()), String::new()),
        _ => (ca.sign(params, key), ca.intermediate()),
    };
    let domains = match rng.per_mille(700) {
        true => vec!["sure.example.com".to_owned()],
        false => vec![name(rng), name(rng)],
    };
    json!({"provider": "manual", "certificatePem": format!("{}{issuer}", leaf.unwrap_or_default()),
        "privateKeyPem": key.serialize_pem(), "domains": domains})
}

#[tokio::test]
async fn uploads_are_read_as_they_were_accepted() {
    let (logged, ca, key) = (Logged::new(), TestCa::default(), KeyPair::generate().unwrap());
    for seed in 0..6 {
        let (client, rng) = (Client::new().await, &mut Rng::new(seed));
        let mut accepted = Vec::new();
        for n in 0..60 {
            let body = upload(rng, &ca, &key);
            let answer = client.post("/certificates/upload", &body.to_string()).await;
            let what = format!("seed {seed}, {n}: {} {}", body["domains"], body["certificatePem"]);
            is_sound(&answer, &what);
            if answer.status != 200 {
                continue;
            }
            let id = data(&answer)["id"].as_u64().unwrap();
            let read = reads(&client, &format!("/certificates/{id}")).await;
            assert_eq!(
                read["certificatePem"].as_str().unwrap().trim(),
                body["certificatePem"].as_str().unwrap().trim(),
                "{what}"
            );
            for domain in read["domains"].as_array().unwrap() {
                let name = domain["domain"].as_str().unwrap();
                // Nobody asks for a whole public suffix, though a private CA may certify one.
                if name.parse::<DomainName>().is_err() {
                    continue;
                }
                let name = in_query(name);
                assert!(
                    ids(&client, &format!("/certificates?name={name}&"))
                        .await
                        .contains(&id),
                    "{what}: {domain}"
                );
            }
            for path in [
                format!("/certificates/{id}/versions"),
                format!("/certificates?include=pem&pageSize={}", 1 + n % 7),
            ] {
                reads(&client, &path).await;
            }
            accepted.push(id);
        }
        assert!(accepted.len() > 5, "seed {seed}: {}", accepted.len());
        accepted.sort_unstable();
        for list in [
            "/certificates?",
            "/certificates?source=upload&",
            "/certificates?name=example.com&kind=certificate&",
        ] {
            let found = ids(&client, list).await;
            assert!(found == accepted || list.contains("name="), "seed {seed}: {list}");
        }
        for id in accepted {
            let bind = client
                .post(&format!("/certificates/{id}/bind"), r#"{"websiteId":7}"#)
                .await;
            let unbind = client
                .post(&format!("/certificates/{id}/unbind"), r#"{"websiteId":7}"#)
                .await;
            let revoke = client
                .post(
                    &format!("/certificate/{id}/revoke"),
                    r#"{"by":"certificateKey","provider":"letsencrypt"}"#,
                )
                .await;
            let delete = client.post(&format!("/certificate/{id}/delete"), "").await;
            let restore = client.post(&format!("/certificate/{id}/restore"), "").await;
            for (call, answer) in [
                ("bind", bind),
                ("unbind", unbind),
                ("revoke", revoke),
                ("delete", delete),
                ("restore", restore),
            ] {
                assert_eq!(answer.status, 200, "seed {seed}: {call} {id}: {}", answer.body);
            }
        }
    }
    assert_eq!(logged.alarms("quarantine"), [""; 0]);
}
