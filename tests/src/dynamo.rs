//! An emulated DynamoDB, in memory, behind the real SDK.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use certmint_shared::store::{dynamo::DynamoStore, schema};

/// A fresh store over a fresh emulator. The emulator lives as long as the runtime.
pub async fn store() -> DynamoStore {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    let database = dynoxide::Database::memory().expect("an in-memory database");
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .build();
    let client = Client::from_conf(config);
    schema::create_table(&client, "certmint").await.expect("a table");
    DynamoStore::new(client, "certmint".into())
}
