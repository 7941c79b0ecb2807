//! The emulated Route53 and the responder, as their real clients see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod certmint;
mod delegations;
mod dns;
mod dns_client;
mod name_servers;
mod route53;
mod zone_list;

use std::net::SocketAddr;

use axum::{Router, body::Body, extract::Request, response::Response};
use certmint_stack::route53::Route53;
use http_body_util::BodyExt;

use certmint_core::words::Fqdn;
use certmint_shared::dns::{DnsError, DnsZones, Freshness, TxtRrset, Zone};

/// The longest zone that holds a name.
async fn holding(zones: &dyn DnsZones, fqdn: &Fqdn) -> Option<Zone> {
    let fitting = zones.zones_of(fqdn, Freshness::Kept).await.unwrap();
    fitting.longest().cloned()
}

/// The TXT set at a name.
async fn stands(zones: &dyn DnsZones, zone: &Zone, fqdn: &Fqdn) -> Result<Option<TxtRrset>, DnsError> {
    Ok(zones.at_name(zone, fqdn).await?.txt)
}

const HERE: &str = "127.0.0.1:0";

/// A Route53 on a socket.
struct Served {
    route53: Route53,
    address: SocketAddr,
}

impl Served {
    async fn new(route53: Route53) -> Self {
        let listener = tokio::net::TcpListener::bind(HERE).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = route53.clone();
        let service = Router::new().fallback(move |request: Request| {
            let route53 = shared.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let response: Response = route53
                    .handle(Request::from_parts(head, body))
                    .await
                    .map(Body::from);
                response
            }
        });
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { route53, address }
    }

    fn client(&self) -> aws_sdk_route53::Client {
        use aws_sdk_route53::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(format!("http://{}", self.address))
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .build();
        aws_sdk_route53::Client::from_conf(config)
    }
}
