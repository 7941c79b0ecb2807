//! Whose zone: where the TXT of a name goes, or which words say why it has no place. The real functions, over HTTP,
//! against Pebble; each world is one line of a table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "zones/whose.rs"]
mod whose;
#[path = "zones/worlds.rs"]
mod worlds;

use std::collections::BTreeMap;

use certmint_stack::route53::{Route53, Rrset};
use certmint_tests::journey::{Journey, options};

use self::{
    whose::ZONES,
    worlds::{NAMES, Outcome, READ_ONLY, World},
};

fn worlds() -> impl Iterator<Item = &'static World> {
    NAMES.iter().chain(ZONES)
}

/// What a request's challenges were, as the ledger lists them.
async fn written(journey: &Journey) -> BTreeMap<u64, Vec<String>> {
    let mut found: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for page in 1.. {
        let path = format!("/acme/challenges?page={page}&pageSize=100");
        let list = journey.client.get(&path).await.data()["list"].take();
        let list = list.as_array().unwrap().clone();
        if list.is_empty() {
            break;
        }
        for record in list {
            let (name, zone) = (record["name"].as_str().unwrap(), record["zone"].as_str().unwrap());
            let of_request = found.entry(record["owner_id"].as_u64().unwrap()).or_default();
            of_request.push(format!("{name} in {zone}"));
        }
    }
    found
}

/// Everything but the values of challenges, which come and go.
fn belongings(route53: &Route53) -> Vec<Rrset> {
    route53.records()
}

#[tokio::test]
async fn each_world_has_its_place_or_its_words() {
    let mut options = options();
    options.zones = vec!["hub.example".into()];
    options.read_only_zones = vec![READ_ONLY.into()];
    let journey = Journey::start(options).await;
    let route53 = &journey.stack.aws.route53;
    for world in worlds() {
        (world.arrange)(route53);
    }
    let before = belongings(route53);
    let account = journey.account().await;
    let mut requests = Vec::new();
    for world in worlds() {
        requests.push((world, journey.request(account, &[world.request]).await));
    }
    let mut wrong = Vec::new();
    for (world, id) in &requests {
        let status = match world.outcome {
            Outcome::At(_) => "success",
            Outcome::Words(_) => "failed",
            Outcome::Waits(_) => "running",
        };
        let request = loop {
            let request = journey.look(*id).await;
            if matches!(request["status"].as_str(), Some("success" | "failed")) {
                break request;
            }
            // One that waits to be tried again has failed here already: attempt 1 decides.
            if request["last_error"].is_string() {
                break request;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        };
        let error = request["last_error"].as_str().unwrap_or_default();
        let words: &[&str] = match world.outcome {
            Outcome::Words(words) | Outcome::Waits(words) => words,
            Outcome::At(_) => &[],
        };
        let missing: Vec<&&str> = words.iter().filter(|word| !error.contains(**word)).collect();
        if request["status"] != status || !missing.is_empty() || request["attempts"] != 1 {
            wrong.push(format!("{}: lacks {missing:?}: {request}", world.what));
        }
    }
    let written = written(&journey).await;
    for (world, id) in &requests {
        let found = written.get(id).cloned().unwrap_or_default();
        match world.outcome {
            Outcome::At(place) if found != [place] => wrong.push(format!("{}: at {found:?}", world.what)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    journey.clean().await;
    let after = belongings(&journey.stack.aws.route53);
    let changed = after.iter().filter(|set| !before.contains(set));
    let gone = before.iter().filter(|set| !after.contains(set));
    let differences: Vec<&Rrset> = changed.chain(gone).collect();
    assert!(differences.is_empty(), "not ours to change: {differences:?}");
    journey.end().await;
}
