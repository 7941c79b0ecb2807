//! Starts the parts in order and stops them.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::{
    Aws, Bus, Function, FunctionConfig, Kms, Logs, Options, Ports, Queue, Secrets, StackError, Tables,
    cas::{self, Surroundings},
    dns, gateway, keep,
    pebble::Pebble,
    ports::{Place, port_of},
    prepare::{PREFIX, environment, new_token, prepare_table, token_list},
    route53::{self, DnsName, Route53},
    schedule,
    tls::Tls,
};

/// Everything, running.
pub struct Stack {
    /// Where it listens.
    pub ports: Ports,
    /// The API token.
    pub token: String,
    /// Emulated AWS, for a look inside.
    pub aws: Aws,
    /// The functions, for events of one's own.
    pub api: Function,
    /// See [`Stack::api`].
    pub download: Function,
    /// See [`Stack::api`].
    pub worker: Function,
    /// See [`Stack::api`].
    pub cleanup: Function,
    /// What everybody wrote.
    pub logs: Logs,
    /// PEM files that the CAs' HTTPS is served with: root, certificate, key.
    pub acme_tls: [PathBuf; 3],
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    pebbles: Vec<Pebble>,
    dns: dns::Responder,
    keeper: Option<AbortHandle>,
    /// Holds the CA's files; removed at the end.
    _folder: TempDir,
}

impl Stack {
    /// Starts everything and returns once a call would be served.
    ///
    /// # Errors
    /// If a port is taken, a binary is missing, or a part does not start.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let folder = TempDir::with_prefix("certmint-").map_err(StackError::io("a temporary folder"))?;
        if let Some(data) = &options.data {
            std::fs::create_dir_all(data).map_err(|e| StackError::Data(data.clone(), e.to_string()))?;
        }
        let logs = Logs::new(options.show, options.tell);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();

        let api_port = Place {
            what: "the API",
            option: "--port",
        }
        .tcp(options.ports.api)
        .await?;
        let aws_port = Place {
            what: "emulated AWS",
            option: "--aws-port",
        }
        .tcp(options.ports.aws)
        .await?;
        let dns_port = Place {
            what: "DNS",
            option: "--dns-port",
        }
        .both(options.ports.dns)
        .await?;
        let mut ports = options.ports;
        ports.api = port_of(&api_port)?;
        ports.aws = port_of(&aws_port)?;
        ports.dns = port_of(&dns_port.1)?;

        let (route53, keeper) = route53(&options, &mut tasks)?;
        let dns_address = SocketAddr::from(([127, 0, 0, 1], ports.dns));
        let names = |zones: &[String]| {
            zones
                .iter()
                .map(|zone| dns_name(zone))
                .collect::<Result<Vec<_>, _>>()
        };
        let (foreign, dead) = (names(&options.foreign_zones)?, names(&options.dead_zones)?);
        let dns =
            dns::serve(dns_port, route53.clone(), foreign).map_err(StackError::io("the DNS responder"))?;
        dns.set_dead(dead);
        let tls = Tls::create(folder.path())?;
        let around = Surroundings {
            options: &options,
            dns: dns_address,
            tls: &tls,
            folder: folder.path(),
            logs: &logs,
            stop: stopped.clone(),
        };
        let pebbles = cas::start(&around, &mut ports, &mut tasks).await?;

        let kept = |name: &str| options.data.as_ref().map(|folder| folder.join(name));
        let aws = Aws {
            tables: Tables::start(kept("dynamodb.sqlite").as_deref(), stopped.clone(), &mut tasks).await?,
            route53,
            secrets: Secrets::open(kept("secrets.json")).await?,
            kms: Kms::open(kept("kms.json"))?,
            bus: Bus::default(),
            wakes: Queue::default(),
        };
        let token = options.token.clone().unwrap_or_else(new_token);
        aws.secrets
            .set(&format!("{PREFIX}/api-tokens"), &token_list(&token))
            .await;
        serve(aws_port, aws.clone().routes(), stopped.clone(), &mut tasks);
        prepare_table(ports.aws).await?;
        let function = |name, timeout: Duration, instances| FunctionConfig {
            name,
            binary: options.functions.join(name),
            env: environment(name, &options, &ports, dns_address, &tls),
            timeout,
            instances,
            clocks: if name == "worker" {
                options.worker_clocks.clone()
            } else {
                vec![]
            },
        };
        let configs = [
            function("api", Duration::from_secs(15), 2),
            function("download", Duration::from_secs(15), 1),
            function("worker", options.worker_timeout, options.workers),
            function("dns-cleanup", Duration::from_secs(120), 1),
        ];
        if let Some(missing) = configs.iter().find(|c| !c.binary.is_file()) {
            return Err(StackError::NoBinary(missing.binary.clone()));
        }
        let mut functions = Vec::new();
        for config in configs {
            functions.push(Function::start(config, logs.clone(), stopped.clone(), &mut tasks).await?);
        }
        let [api, download, worker, cleanup] = &functions[..] else {
            return Err(StackError::NoBinary(options.functions));
        };
        for function in &functions {
            function.ready().await?;
        }
        aws.bus.send_kicks_to(worker.clone());
        aws.wakes.start(worker.clone());
        serve(
            api_port,
            gateway::routes(api.clone(), download),
            stopped.clone(),
            &mut tasks,
        );
        if let Some(interval) = options.interval {
            let scheduled = vec![worker.clone(), cleanup.clone()];
            schedule::start(interval, scheduled, stopped, &mut tasks);
        }
        Ok(Self {
            ports,
            token,
            aws,
            api: api.clone(),
            download: download.clone(),
            worker: worker.clone(),
            cleanup: cleanup.clone(),
            logs,
            acme_tls: tls.files(),
            stop,
            tasks,
            pebbles,
            dns,
            keeper,
            _folder: folder,
        })
    }

    /// Where the API is, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.ports.api)
    }

    /// Where AWS clients find the emulator.
    #[must_use]
    pub fn aws_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.aws)
    }

    /// Starts the CAs anew without their state, as one that lost its database.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn forget_cas(&mut self) -> Result<(), StackError> {
        for pebble in std::mem::take(&mut self.pebbles) {
            self.pebbles.push(pebble.restart(&self.logs).await?);
        }
        Ok(())
    }

    /// Stops everything and waits until it is gone.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(keeper) = self.keeper {
            keeper.abort();
        }
        for pebble in self.pebbles {
            pebble.stop().await;
        }
        self.dns.shutdown().await;
        while self.tasks.join_next().await.is_some() {}
    }
}

fn serve(
    listener: TcpListener,
    routes: axum::Router,
    mut stop: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(async move {
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        tokio::select! {
            // It ends only with the listener.
            _ = axum::serve(listener, service) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
}

/// Route53 with its zones; kept in a file if asked to.
fn route53(options: &Options, tasks: &mut JoinSet<()>) -> Result<(Route53, Option<AbortHandle>), StackError> {
    let route53 = Route53::new(route53::Settings {
        sync_delay: options.sync_delay,
        read_only_zones: options.read_only_zones.clone(),
    });
    let file = options.data.as_ref().map(|folder| folder.join("route53.json"));
    let saved = file.as_deref().map(keep::load).transpose()?.flatten();
    if let (Some(file), Some(saved)) = (&file, saved) {
        route53
            .import(saved)
            .map_err(|e| StackError::Data(file.clone(), e.to_string()))?;
    }
    for zone in options.zones.iter().chain(&options.read_only_zones) {
        let name = dns_name(zone)?;
        if !route53
            .records()
            .iter()
            .any(|r| r.rtype == "SOA" && r.name == name)
        {
            route53
                .create_zone(zone)
                .map_err(|e| StackError::Zone(zone.clone(), e.to_string()))?;
        }
    }
    let keeper = file.map(|file| {
        let (route53, mut changed) = (route53.clone(), route53.subscribe());
        tasks.spawn(async move {
            loop {
                match route53.export() {
                    Ok(state) => keep::store(&file, &state),
                    Err(error) => tracing::warn!(%error, "zones not kept"),
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        })
    });
    Ok((route53, keeper))
}

fn dns_name(name: &str) -> Result<DnsName, StackError> {
    name.parse()
        .map_err(|e: route53::NameError| StackError::Zone(name.to_owned(), e.to_string()))
}
