//! A call that fails half-way leaves an intent of what it left, or the record.

use std::{collections::BTreeSet, time::Duration};

use certmint_core::{chore::Chore, clock::Clock, words::PageRequest};
use certmint_shared::{
    clock::SystemClock,
    store::{
        AccountFilter, AccountStore, CertificateFilter, CertificateLifecycle, CertificateStore, ChoreStore,
    },
};
use certmint_tests::files::TestCa;
use rcgen::KeyPair;

use super::{
    Client,
    client::ApiResponse,
    refused_calls::{EAB, upload},
};

/// Secrets in the vault that neither a record nor an intent names, and records whose secret is not there or is about to
/// be deleted.
async fn astray(client: &Client) -> Vec<String> {
    let much_later = SystemClock.now().plus(Duration::from_secs(2 * 60 * 60));
    let mut intended = BTreeSet::new();
    for chore in client.store.due_chores(much_later, 100).await.unwrap() {
        if let Chore::DeleteSecrets { names } = chore.chore {
            intended.extend(names);
        }
    }
    let page = PageRequest::default();
    let accounts = client
        .store
        .accounts(&AccountFilter::default(), &page)
        .await
        .unwrap();
    let all = CertificateFilter::default();
    let certificates = client.store.certificates(&all, &page);
    let certificates = certificates.await.unwrap();
    let named: BTreeSet<String> = accounts.list.into_iter().filter_map(|a| a.eab_key_ref).collect();
    let named: BTreeSet<String> = certificates
        .list
        .into_iter()
        .map(|c| c.key_ref)
        .chain(named)
        .collect();
    let secrets: BTreeSet<String> = client.vault.0.lock().unwrap().keys().cloned().collect();
    let forgotten = secrets
        .iter()
        .filter(|s| *s != "api-tokens" && !named.contains(*s) && !intended.contains(*s));
    let lost = named
        .iter()
        .filter(|name| !secrets.contains(*name) || intended.contains(*name));
    forgotten.chain(lost).cloned().collect()
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The table is away from this call on.
    Away,
    /// The answer of this call is lost.
    Lost,
}

#[tokio::test]
async fn a_call_that_fails_half_way_leaves_an_intent() {
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let names: Vec<String> = (0..80).map(|n| format!("n{n}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let calls = [
        (
            "/certificates/upload",
            upload(&ca, &key, &["up.example.com"], "up.example.com"),
        ),
        (
            "/certificates/upload",
            upload(&ca, &key, &names, "n7.example.com"),
        ),
        ("/acme/account/create", EAB.to_owned()),
        (
            "/acme/accounts/eab",
            r#"{"id":1,"eabKid":"kid-2","eabHmacKey":"your_eab_hmac_key_here"}"#.to_owned(),
        ),
    ];
    for (path, body) in &calls {
        for trouble in [Trouble::Away, Trouble::Lost] {
            let mut failed = 0;
            for at in 0..14 {
                let client = Client::new().await;
                client.account().await;
                match trouble {
                    Trouble::Away => client.world.answers(Some(at)),
                    Trouble::Lost => client.world.loses(at),
                }
                let answer = client.post(path, body).await;
                client.world.answers(None);
                client.world.loses(usize::MAX - 2);
                let what = format!("{path} {trouble:?} at {at}: {}", answer.body);
                assert_eq!(astray(&client).await, [""; 0], "{what}");
                let ApiResponse { status, .. } = answer;
                if status == 200 && matches!(trouble, Trouble::Away) {
                    break;
                }
                failed += usize::from(status != 200);
            }
            assert!(failed >= 2, "{path} {trouble:?}: {failed}");
        }
    }
}

/// The names of a certificate that has more than its own transaction has room for are there at once, and a worker writes
/// them where the call could not.
#[tokio::test]
async fn the_names_of_a_large_certificate_are_indexed_sooner_or_later() {
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let names: Vec<String> = (0..200).map(|n| format!("n{n}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let body = upload(&ca, &key, &names, "n7.example.com");
    let found = "/certificates?name=n199.example.com";
    for at in [None, Some(6), Some(7), Some(8)] {
        let client = Client::new().await;
        client.get("/acme/accounts").await;
        client.world.answers(at);
        let answer = client.post("/certificates/upload", &body).await;
        client.world.answers(None);
        if answer.status != 200 {
            assert_eq!(
                client
                    .get("/certificates")
                    .await
                    .body
                    .matches(r#""total":0"#)
                    .count(),
                1
            );
            continue;
        }
        for chore in client.store.due_chores(SystemClock.now(), 10).await.unwrap() {
            if let Chore::IndexNames { id } = chore.chore {
                client.store.index_names(id).await.unwrap();
                client.store.end_chore(&chore).await.unwrap();
            }
        }
        let list = client.get(found).await.body;
        assert!(list.contains(r#""total":1"#), "{at:?}: {list}");
    }
}
