//! The client of ACME servers: what it trusts, and which servers it has talked to.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    call::Call,
    server::Server,
    transport::{SetupError, Transport},
};
use certmint_core::{
    clock::Clock,
    provider::{Providers, Roots},
    words::Failure,
};

/// A CA that does not answer a request in this time is away.
const DEADLINE: Duration = Duration::from_secs(15);

/// Any CA with an ACME directory.
pub struct AcmeCa {
    transport: Transport,
    /// For directories whose CA has roots of its own.
    apart: HashMap<String, Transport>,
    deadline: Duration,
    clock: Arc<dyn Clock>,
    /// By directory URL.
    servers: Mutex<HashMap<String, Arc<Server>>>,
}

impl AcmeCa {
    /// Trusts each provider's own roots when talking to it; for those that have none the file `root`, or the web's
    /// roots.
    ///
    /// # Errors
    /// If roots cannot be read or TLS cannot be set up.
    pub fn new(
        providers: &Providers,
        root: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let mut apart = HashMap::new();
        for provider in providers.iter().filter(|p| p.roots.is_some()) {
            let of = format!("provider {}", provider.name);
            let transport = Transport::new(&of, provider.roots.as_ref())?;
            apart.insert(provider.directory_url.clone(), transport);
        }
        Ok(Self {
            transport: Transport::new("CERTMINT_CA_ROOT", root.map(Roots::File).as_ref())?,
            apart,
            deadline: DEADLINE,
            clock,
            servers: Mutex::default(),
        })
    }

    /// Another deadline for a request with the whole of its answer.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Begins a call at a CA.
    pub(super) async fn call(&self, directory_url: &str) -> Result<Call, Failure> {
        Call::begin(self.server(directory_url)).await
    }

    /// The same, with a directory that is read now.
    pub(super) async fn call_with_fresh_directory(&self, directory_url: &str) -> Result<Call, Failure> {
        let server = self.server(directory_url);
        server.forget_directory();
        Call::begin(server).await
    }

    fn server(&self, url: &str) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let server = servers.entry(url.to_owned()).or_insert_with(|| {
            let transport = self.apart.get(url).unwrap_or(&self.transport).clone();
            Arc::new(Server::new(
                url.to_owned(),
                transport,
                self.deadline,
                self.clock.clone(),
            ))
        });
        server.clone()
    }
}
