//! The CAs: Pebble for `letsencrypt`, and one that requires EAB for `google`, each behind a front of its own.

use std::{net::SocketAddr, path::Path};

use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    Options, Ports, StackError,
    front::{self, Front},
    logs::Logs,
    pebble::{self, Pebble, Settings},
    ports::{Place, port_of},
    tls::{self, Tls},
};

/// What the CAs need to know.
pub(crate) struct Surroundings<'a> {
    /// What is started.
    pub(crate) options: &'a Options,
    /// Where challenges are looked up.
    pub(crate) dns: SocketAddr,
    pub(crate) tls: &'a Tls,
    /// For their configuration.
    pub(crate) folder: &'a Path,
    pub(crate) logs: &'a Logs,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Starts both CAs beside each other and writes down where they listen.
pub(crate) async fn start(
    around: &Surroundings<'_>,
    ports: &mut Ports,
    tasks: &mut JoinSet<()>,
) -> Result<Vec<Pebble>, StackError> {
    let options = around.options;
    let binary = pebble::find(&options.tools)?;
    let acme = |what| Place {
        what,
        option: "--acme-port",
    };
    let management = |what| Place {
        what,
        option: "--acme-management-port",
    };
    let fronts = [
        acme("the CA").tcp(ports.acme).await?,
        acme("the CA with EAB").tcp(ports.acme_eab).await?,
    ];
    // All are held until all are chosen: none is chosen twice.
    let (own, plain) = acme("Pebble").lent(0).await?;
    let (own_eab, bound) = acme("Pebble with EAB").lent(0).await?;
    let (acme_management, plain_management) = management("the CA's management")
        .lent(ports.acme_management)
        .await?;
    let (acme_eab_management, bound_management) = management("the management of the CA with EAB")
        .lent(ports.acme_eab_management)
        .await?;
    drop((plain, plain_management, bound, bound_management));
    *ports = Ports {
        acme: port_of(&fronts[0])?,
        acme_management,
        acme_eab: port_of(&fronts[1])?,
        acme_eab_management,
        ..*ports
    };
    let settings = |name, port, management_port, eab| Settings {
        name,
        binary: &binary,
        port,
        management_port,
        dns: around.dns,
        eab,
        bad_nonces: options.bad_nonces,
        reused_authorizations: options.reused_authorizations,
        alternate_roots: options.alternate_roots,
    };
    let plain = settings("letsencrypt", own, acme_management, &[]);
    let bound = settings("google", own_eab, acme_eab_management, &options.eab);
    let pebble = |settings| Pebble::start(settings, around.tls, around.folder, around.logs);
    let (plain, bound) = tokio::try_join!(pebble(&plain), pebble(&bound))?;
    let pebbles = vec![plain, bound];
    for (listener, pebble) in fronts.into_iter().zip(&pebbles) {
        stand_before(pebble, listener, around, tasks).await?;
    }
    Ok(pebbles)
}

async fn stand_before(
    pebble: &Pebble,
    listener: TcpListener,
    around: &Surroundings<'_>,
    tasks: &mut JoinSet<()>,
) -> Result<(), StackError> {
    let (name, port) = (pebble.name(), pebble.port());
    let front = Front::new(name, port, around.tls, front::DEADLINE, around.logs).await?;
    let acceptor = around.tls.acceptor()?;
    tls::serve(listener, acceptor, front.routes(), around.stop.clone(), tasks);
    Ok(())
}
