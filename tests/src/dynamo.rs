//! An emulated DynamoDB, in memory, behind the real SDK.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
            BeforeTransmitInterceptorContextRef,
        },
    },
    error::BoxError,
    types::AttributeValue,
};
use certmint_shared::store::{
    dynamo::{DynamoStore, SchemaUse},
    schema,
};
use certmint_stack::Tables;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

const TABLE: &str = "certmint";

/// A fresh store over a fresh emulator. The emulator lives as long as the runtime.
pub async fn store() -> DynamoStore {
    Emulated::new().await.store
}

/// A store, the table below it, and the calls that the store makes.
pub struct Emulated {
    /// The store.
    pub store: DynamoStore,
    /// A client whose calls are not counted.
    pub client: Client,
    calls: Calls,
}

/// What calls cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Calls of this kind.
    pub queries: usize,
    /// The same.
    pub batches: usize,
    /// All calls.
    pub calls: usize,
    /// Bytes of the answers: what was read, as JSON.
    pub bytes: usize,
}

/// What somebody else does in the middle of a call.
type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Counted>>);

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls")
    }
}

#[derive(Default)]
struct Counted {
    /// Before the next transaction.
    meanwhile: Option<Meanwhile>,
    cost: Cost,
    /// Calls that are still answered; `None`: all.
    left: Option<usize>,
    /// The call whose answer is lost, counted down to 1.
    lost: usize,
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request().headers();
        let target = headers.get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next();
        let mut counted = self.0.lock().expect("no test panics under the lock");
        if operation == Some("TransactWriteItems")
            && let Some(meanwhile) = counted.meanwhile.take()
        {
            drop(counted);
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(meanwhile));
            counted = self.0.lock().expect("no test panics under the lock");
        }
        if let Some(left) = &mut counted.left {
            *left = left.checked_sub(1).ok_or("the table is away")?;
        }
        let cost = &mut counted.cost;
        cost.calls += 1;
        match operation {
            Some("Query") => cost.queries += 1,
            Some("BatchGetItem") => cost.batches += 1,
            _ => {}
        }
        Ok(())
    }

    /// A body is at hand once it was read whole.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let read = context.response().body().bytes().map_or(0, <[u8]>::len);
        let mut counted = self.0.lock().expect("no test panics under the lock");
        counted.cost.bytes += read;
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let _ = context;
        let mut counted = self.0.lock().expect("no test panics under the lock");
        counted.lost = counted.lost.saturating_sub(1);
        if counted.lost == 1 {
            counted.lost = 0;
            return Err("the answer is lost".into());
        }
        Ok(())
    }
}

async fn free() -> TcpListener {
    let bound = TcpListener::bind("127.0.0.1:0").await;
    bound.expect("a free port")
}

/// The SDK draws the same token for every call, as it may for two functions that start in the same moment: nothing counts on
/// it.
fn config_of(endpoint: &str) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .idempotency_token_provider("00000000-0000-4000-8000-000000000000")
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
}

/// The table of a stack, behind the back of its functions.
#[must_use]
pub fn store_at(endpoint: &str) -> DynamoStore {
    DynamoStore::new(Client::from_conf(config_of(endpoint).build()), TABLE.into())
}

impl Emulated {
    /// A fresh one, with a table that nobody used yet.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn new() -> Self {
        let listener = free().await;
        let address = listener.local_addr().expect("an address");
        let database = dynoxide::Database::memory().expect("an in-memory database");
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self::at(address).await
    }

    /// A fresh one where transactions that touch the same item at the same moment cancel each other; each has its items for
    /// so long.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn with_conflicts(time: Duration) -> Self {
        let (tasks, stop) = (&mut JoinSet::new(), watch::channel(false));
        let tables = Tables::start(None, stop.1, tasks).await.expect("tables");
        tables.hold_transactions(time);
        let listener = free().await;
        let address = listener.local_addr().expect("an address");
        let all = std::mem::take(tasks);
        tokio::spawn(async move {
            let _served = tables.serve(listener).await;
            // They live as long.
            drop((all, stop.0));
        });
        Self::at(address).await
    }

    async fn at(address: SocketAddr) -> Self {
        let config = config_of(&format!("http://{address}"));
        let client = Client::from_conf(config.clone().build());
        schema::create_table(&client, TABLE).await.expect("a table");
        let calls = Calls::default();
        let counted = Client::from_conf(config.interceptor(calls.clone()).build());
        Self {
            store: DynamoStore::new(counted, TABLE.into()),
            client,
            calls,
        }
    }

    /// A store that looks at the table's version first.
    #[must_use]
    pub fn of_our_version(&self, schema: SchemaUse) -> DynamoStore {
        self.store.clone().of_our_version(schema)
    }

    /// What the calls cost that it takes to do something.
    ///
    /// # Panics
    /// If a test panicked under the lock.
    pub async fn cost_of<T>(&self, doing: impl Future<Output = T>) -> (T, Cost) {
        self.counted().cost = Cost::default();
        let done = doing.await;
        let cost = self.counted().cost.clone();
        (done, cost)
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.calls.0.lock().expect("no test panics under the lock")
    }

    /// The store's next calls are answered, so many of them; then the table is away. `None`: it is there.
    pub fn answers(&self, calls: Option<usize>) {
        self.counted().left = calls;
    }

    /// Of the store's next calls the one behind so many is done, and its answer is lost.
    pub fn loses(&self, behind: usize) {
        self.counted().lost = behind + 2;
    }

    /// Before the store's next transaction is sent somebody else does this, through a store of their own. For a test on
    /// several threads.
    pub fn meanwhile<D: Future<Output = ()> + Send + 'static>(&self, doing: impl FnOnce(DynamoStore) -> D) {
        let other = DynamoStore::new(self.client.clone(), TABLE.into());
        self.counted().meanwhile = Some(Box::pin(doing(other)));
    }

    /// All items, each as text, in the order of their keys.
    ///
    /// # Panics
    /// If they cannot be read.
    pub async fn snapshot(&self) -> Vec<String> {
        let mut pages = self
            .client
            .scan()
            .table_name(TABLE)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.expect("the table is read");
            let sorted: std::collections::BTreeMap<_, _> = item.into_iter().collect();
            all.push(format!("{sorted:?}"));
        }
        all.sort();
        all
    }

    /// Writes an item as a file has it: a JSON object of texts.
    ///
    /// # Panics
    /// If it is none, or cannot be written.
    pub async fn put(&self, item: &str) {
        let item: std::collections::HashMap<String, String> = serde_json::from_str(item).expect("texts");
        let item = item
            .into_iter()
            .map(|(name, text)| (name, AttributeValue::S(text)));
        let put = self
            .client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item.collect()));
        put.send().await.expect("written");
    }

    /// Makes an attribute of an item what no reader expects.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn spoil(&self, (pk, sk): (&str, &str), attribute: &str, value: AttributeValue) {
        let spoiled = self
            .client
            .update_item()
            .table_name(TABLE)
            .key("pk", AttributeValue::S(pk.into()))
            .key("sk", AttributeValue::S(sk.into()))
            .update_expression("SET #a = :v")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":v", value);
        spoiled.send().await.expect("the item is there");
    }

    /// Copies an item many times, with what `change` makes of each copy.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn copy(
        &self,
        (pk, sk): (&str, &str),
        ids: std::ops::Range<u64>,
        change: impl Fn(u64, &mut std::collections::HashMap<String, AttributeValue>),
    ) {
        use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
        let get = self.client.get_item().table_name(TABLE);
        let get = get.key("pk", AttributeValue::S(pk.into()));
        let read = get.key("sk", AttributeValue::S(sk.into())).send().await;
        let item = read.expect("an answer").item.expect("the item is there");
        let ids: Vec<u64> = ids.collect();
        for part in ids.chunks(25) {
            let puts = part.iter().map(|id| {
                let mut copy = item.clone();
                change(*id, &mut copy);
                let put = PutRequest::builder().set_item(Some(copy)).build();
                WriteRequest::builder().put_request(put.expect("an item")).build()
            });
            let write = self.client.batch_write_item();
            let write = write.request_items(TABLE, puts.collect()).send().await;
            write.expect("written");
        }
    }
}
