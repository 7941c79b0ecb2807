//! Looks for secrets where they must not be: in items, in logs (and with them events, which the functions log), in
//! answers of the API.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};

use super::Journey;

impl Journey {
    fn dynamodb(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.stack.aws_endpoint())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"));
        Client::from_conf(config.build())
    }

    /// As if no wake were on its way.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn forget_wakes(&self) {
        for kind in ["DUE", "LOOKOUT"] {
            let gone = self.dynamodb().delete_item().table_name("certmint");
            let gone = gone
                .key("pk", AttributeValue::S("WAKE".into()))
                .key("sk", AttributeValue::S(kind.into()));
            gone.send().await.expect("it is deleted");
        }
    }

    /// Makes a request's item unreadable, as a bad deployment might.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn spoil_request(&self, id: u64) {
        let spoiled = self
            .dynamodb()
            .update_item()
            .table_name("certmint")
            .key("pk", AttributeValue::S(format!("REQUEST#{id}")))
            .key("sk", AttributeValue::S("META".into()))
            .update_expression("SET issuance = :nonsense")
            .expression_attribute_values(
                ":nonsense",
                AttributeValue::S("{\"phase\":\"unheard of\"}".into()),
            );
        spoiled.send().await.expect("the item is there");
    }

    /// Makes the table one of another version's functions.
    ///
    /// # Panics
    /// If it cannot be written, or no function said its own version.
    pub async fn spoil_schema(&self) {
        let spoiled = self
            .dynamodb()
            .update_item()
            .table_name("certmint")
            .key("pk", AttributeValue::S("SCHEMA".into()))
            .key("sk", AttributeValue::S("META".into()))
            .update_expression("SET schema_version = :other")
            .condition_expression("schema_version = :ours")
            .expression_attribute_values(":other", AttributeValue::N("7".into()))
            .expression_attribute_values(":ours", AttributeValue::N("1".into()));
        spoiled.send().await.expect("the item is there");
    }

    /// Puts a TXT value that nobody can read at the head of dns-cleanup's work.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn spoil_cleanup(&self) {
        let mut put = self.dynamodb().put_item().table_name("certmint");
        for (name, value) in [
            ("pk", "TXT#_acme-challenge.broken.example.com"),
            ("sk", "value"),
            ("work_pk", "CLEANUP#0"),
            ("work_sk", "0000000000000000"),
        ] {
            put = put.item(name, AttributeValue::S(value.into()));
        }
        put.send().await.expect("the item is written");
    }

    /// Every item of the table, as text.
    pub async fn items(&self) -> Vec<String> {
        let pages = self.dynamodb().scan().table_name("certmint").into_paginator();
        let items = pages
            .items()
            .send()
            .try_collect()
            .await
            .expect("the table can be read");
        items.iter().map(|item| format!("{item:?}")).collect()
    }

    /// What must be nowhere but in the vault: the lines of each private key, each other secret as a whole, the token.
    async fn secrets(&self) -> Vec<(String, String)> {
        let mut secrets = vec![("the API token".to_owned(), self.stack.token.clone())];
        for (name, value) in self.stack.aws.secrets.values().await {
            if name.ends_with("api-tokens") {
                continue;
            }
            // PEM, maybe inside JSON: line ends are real or written as \n. The CSR is no secret.
            let private = value
                .split(r#""csr""#)
                .next()
                .unwrap_or_default()
                .replace("\\n", "\n");
            let lines = private.lines().filter(|l| !l.contains("-----") && l.len() > 12);
            // What follows in the PKCS#8 of an EC key is the public point alone, which a CSR has too.
            let most = if private.len() < 500 { 2 } else { usize::MAX };
            secrets.extend(
                lines
                    .take(most)
                    .map(|line| (name.clone(), line.trim().to_owned())),
            );
        }
        secrets
    }

    pub(super) async fn no_secret_leaked(&self) {
        let secrets = self.secrets().await;
        let items = self.items().await;
        let logs = self.stack.logs.all();
        assert!(
            !logs.is_empty() && !items.is_empty(),
            "there is something to look through"
        );
        for (name, secret) in &secrets {
            for (place, texts) in [("an item", &items), ("the log", &logs)] {
                let found = texts.iter().find(|text| text.contains(secret.as_str()));
                assert!(found.is_none(), "a secret of {name} stands in {place}: {found:?}");
            }
        }
    }
}
