//! What the README says to paste, pasted.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_tests::journey::{Journey, options};
use serde_json::Value;
use tokio::{process::Command, time::timeout};

const README: &str = include_str!("../../README.md");

/// The first shell block of a section.
fn block(section: &str) -> &'static str {
    let (_, text) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let (_, text) = text.split_once("\n```sh\n").unwrap();
    text.split_once("\n```\n").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn try_it_as_one_block_ends_with_the_certificate() {
    let journey = Journey::start(options()).await;
    let script = block("Try it").replace("http://localhost:3000", &journey.stack.url());
    let mut shell = Command::new("bash");
    shell
        .env("CERTMINT_TOKEN", &journey.stack.token)
        .kill_on_drop(true);
    let said = timeout(Duration::from_secs(120), shell.arg("-c").arg(&script).output());
    let said = String::from_utf8(said.await.unwrap().unwrap().stdout).unwrap();
    let answers = serde_json::Deserializer::from_str(&said).into_iter::<Value>();
    let answers: Vec<Value> = answers.map(|answer| answer.unwrap()).collect();
    assert!(answers.iter().all(|answer| answer["code"] == 0), "{said}");
    let certificate = &answers.last().unwrap()["data"];
    let names: Vec<&Value> = certificate["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| &name["domain"])
        .collect();
    assert_eq!(names, ["example.com", "*.example.com"], "{said}");
    assert!(
        certificate["certificatePem"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    journey.stack.stop().await;
}
