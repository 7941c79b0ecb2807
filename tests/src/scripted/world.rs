//! The worker over the scripted CAs.

use super::*;

/// Two CAs, `one` and `two`, each with one account of that number, and a worker.
pub struct World {
    /// The store.
    pub store: Arc<DynamoStore>,
    /// The vault.
    pub vault: Arc<dyn KeyVault>,
    rights: Arc<Vault>,
    /// The CAs.
    pub ca: Arc<ScriptedCa>,
    /// Their settings.
    pub providers: Providers,
    watch: Arc<Watch>,
    worker: Worker,
}

/// The directory of a CA.
#[must_use]
pub fn directory(name: &str) -> String {
    format!("https://{name}.test/dir")
}

impl World {
    /// A world whose CAs have these limits; the worker does one thing after the other.
    pub async fn new(limits: Limits) -> Self {
        Self::busy(limits, 1).await
    }

    /// The same with so many calls at once.
    pub async fn busy(limits: Limits, parallelism: usize) -> Self {
        let any = OrderRules::default();
        Self::taking(limits, [any.clone(), any], parallelism).await
    }

    /// The same of CAs that take such orders.
    pub async fn taking(limits: Limits, orders: [OrderRules; 2], parallelism: usize) -> Self {
        let [one, two] = orders;
        let provider = |id, name: &str, orders| Provider {
            limits,
            orders,
            ..Provider::new(ProviderId::new(id), name, &directory(name))
        };
        let store = Arc::new(dynamo::store().await);
        let vault = Arc::new(Vault::default());
        let eab = SecretString::from("your_eab_hmac_key_here");
        for name in ["account-eab/2", "account-eab/new"] {
            vault.put_if_absent(name, eab.clone()).await.expect("stored");
        }
        for (id, kid) in [(1, None), (2, Some("kid"))] {
            let new = NewAccount {
                provider_id: ProviderId::new(id),
                email: Some("ops@example.com".parse().expect("an address")),
                eab_kid: kid.map(str::to_owned),
                eab_key_ref: kid.map(|_| "account-eab/2".to_owned()),
                eab_expires_at: None,
            };
            store
                .create_account(new, None, start())
                .await
                .expect("an account");
        }
        let (ca, watch) = (
            Arc::new(ScriptedCa::default()),
            Arc::new(Watch(Mutex::new(start()), tokio::time::Instant::now())),
        );
        let providers =
            Providers::new(vec![provider(1, "one", one), provider(2, "two", two)]).expect("providers");
        let adapters = Adapters {
            wakes: Arc::new(certmint_shared::wake::NoQueue),
            store: store.clone().into(),
            vault: vault.clone(),
            ca: ca.clone(),
            zones: Arc::new(MemoryZones::default()),
            view: Arc::new(NoView),
            clock: watch.clone(),
            providers: providers.clone(),
        };
        // No waiting within a pass: a test tells the time.
        let settings = WorkerSettings {
            parallelism,
            patience: Duration::ZERO,
            ..WorkerSettings::default()
        };
        let worker = Worker::new(&adapters, settings, "w".into());
        Self {
            store,
            rights: vault.clone(),
            vault,
            ca,
            providers,
            watch,
            worker,
        }
    }

    /// A new request of an account.
    pub async fn request(&self, account: u64, names: &[&str]) -> RequestId {
        let new = NewRequest::new(AccountId::new(account), NameSet::parse(names).expect("names"));
        let made = self.store.create_request(new, 10, None, self.watch.now()).await;
        made.expect("a request").id
    }

    /// The vault denies these calls, and no others.
    pub fn deny(&self, calls: &[&'static str]) {
        *self.rights.denied.lock().unwrap() = calls.to_vec();
    }

    /// One pass of the worker.
    pub async fn run(&self) {
        let deadline = self.watch.now().plus(Duration::from_secs(600));
        let report = self.worker.run(deadline).await;
        assert!(report.errors.is_empty(), "{}", report.errors);
    }

    /// Time goes by.
    pub fn pass(&self, time: Duration) {
        let mut now = self.watch.0.lock().unwrap();
        *now = now.plus(time);
    }

    /// A request as it is stored.
    pub async fn get(&self, id: RequestId) -> Request {
        self.store.request(id).await.expect("a request")
    }

    /// An account's status and last error.
    pub async fn account(&self, id: u64) -> (AccountStatus, Option<String>) {
        let account = self.store.account(AccountId::new(id)).await.expect("an account");
        (account.status, account.last_error)
    }
}
