//! Where challenge values go, and whether they are seen there.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use rand::Rng;

use super::astray::{Astray, Lost};
use crate::{
    clock::Timer,
    dns::{DnsError, DnsView, DnsZones, Fitting, Freshness, Sight, Visibility, Zone},
    lanes::{self, Lanes, within},
};
use certmint_core::{
    issuance::{Challenge, Event},
    words::{Class, Failure, Fqdn},
};

/// CNAMEs followed from a challenge's name. CAs follow about as many.
const MAX_CNAMES: usize = 8;
/// Names of one request, and of one domain, that are looked up at once.
const AT_ONCE: usize = 16;
/// Names of all domains: each takes some sockets, of which a Lambda has 1,024.
const IN_ALL: usize = 128;
/// A name whose way takes longer is given up for this time.
const PATIENCE: Duration = Duration::from_secs(6);
/// So long takes all that is looked up for a request, before it is given up for this time.
const BUDGET: Duration = Duration::from_secs(15);
/// Hosted zones of one name that are told apart; each costs a call.
const MAX_NAMESAKES: usize = 20;
/// Octets of a name (RFC 1035 §2.3.4), as text.
const MAX_NAME: usize = 253;

/// Where a challenge's value goes after CNAMEs.
pub(super) struct Place {
    pub(super) zone: Zone,
    pub(super) fqdn: Fqdn,
    pub(super) value: String,
}

/// Whether the zone that the public DNS asks for a name is one of ours.
enum Home {
    Ours(Zone),
    Not(Astray),
}

/// Finds places by the public DNS and our zones.
pub(super) struct Places {
    zones: Arc<dyn DnsZones>,
    view: Arc<dyn DnsView>,
    clock: Arc<dyn Timer>,
    /// By registered domain: one whose name servers are dead keeps those of others from no socket.
    lanes: Lanes<Fqdn>,
}

impl Places {
    pub(super) fn new(zones: Arc<dyn DnsZones>, view: Arc<dyn DnsView>, clock: Arc<dyn Timer>) -> Self {
        Self {
            zones,
            view,
            clock,
            lanes: Lanes::new(AT_ONCE, IN_ALL),
        }
    }

    /// A look-up of this name may begin.
    async fn turn(&self, fqdn: &Fqdn) -> lanes::Place {
        let domain = fqdn.registered_domain().map(Fqdn::new);
        self.lanes.enter(domain.as_ref().unwrap_or(fqdn)).await
    }

    /// Follows delegated challenges and finds the zone of each value, several side by side.
    pub(super) async fn locate(&self, challenges: &[Challenge]) -> Result<Vec<Place>, Failure> {
        let looks = challenges.iter().cloned().map(|challenge| async move {
            let _turn = self.turn(&challenge.fqdn).await;
            self.place(challenge).await
        });
        let places = stream::iter(looks).buffered(AT_ONCE).try_collect();
        let found: Result<Vec<Place>, Lost> = self
            .in_time(places)
            .await
            .unwrap_or_else(|| Err(DnsError::Lookup(too_slow(challenges)).into()));
        Ok(found?)
    }

    async fn in_time<T>(&self, looks: impl Future<Output = T>) -> Option<T> {
        within(&*self.clock, self.clock.now().plus(BUDGET), looks).await
    }

    /// That there is no place is said only after nothing was taken from what is kept for a while.
    async fn place(&self, challenge: Challenge) -> Result<Place, Lost> {
        let found = match self.find(&challenge.fqdn, Freshness::Kept).await {
            Err(Lost::Astray(_)) => self.find(&challenge.fqdn, Freshness::Anew).await,
            found => found,
        };
        let (zone, fqdn) = found?;
        Ok(Place {
            zone,
            fqdn,
            value: challenge.value,
        })
    }

    /// Follows the CNAMEs that stand at the challenge's name to the name that a value can be written at.
    async fn find(&self, challenge: &Fqdn, freshness: Freshness) -> Result<(Zone, Fqdn), Lost> {
        let began = self.clock.now();
        let mut trail = vec![challenge.clone()];
        let mut fqdn = challenge.clone();
        // Whether a wildcard, in a zone that is not ours, may have led here.
        let mut is_doubtful = false;
        loop {
            if self.clock.now().since(began) > PATIENCE {
                let text = format!("the way to {challenge} is too slow; it has come to {fqdn}");
                return Err(DnsError::Lookup(text).into());
            }
            let fitting = self.zones.zones_of(&fqdn, freshness).await?;
            let near = fitting.longest().map(|zone| &zone.name);
            let sight = self.view.look(&fqdn, near, freshness).await?;
            let home = self.home(&fqdn, &sight, fitting).await?;
            let target = match (sight.alias, home) {
                (None, Home::Ours(zone)) => {
                    if is_doubtful {
                        self.check_free(challenge, &zone, &fqdn).await?;
                    }
                    return Ok((zone, fqdn));
                }
                (None, Home::Not(why)) => return Err(self.nowhere(&trail, why).await),
                (Some(target), Home::Ours(zone)) => {
                    // Our zone knows for certain what a wildcard made up; where it did, the value ends that.
                    match self.is_beside(&fqdn, &target, near_of(&zone), freshness).await? {
                        false => target,
                        true => match self.zones.at_name(&zone, &fqdn).await?.cname {
                            Some(target) => target,
                            None => return Ok((zone, fqdn)),
                        },
                    }
                }
                (Some(target), Home::Not(_)) => {
                    is_doubtful |= self.is_beside(&fqdn, &target, None, freshness).await?;
                    target
                }
            };
            let is_circle = trail.contains(&target);
            trail.push(target.clone());
            if is_circle {
                return Err(Lost::Astray(Astray::Circle(trail)));
            }
            if trail.len() > MAX_CNAMES + 1 {
                return Err(Lost::Astray(Astray::TooLong(trail)));
            }
            fqdn = target;
        }
    }

    /// Which of the zones that fit is the one that the public DNS asks.
    async fn home(&self, fqdn: &Fqdn, sight: &Sight, fitting: Fitting) -> Result<Home, DnsError> {
        let Some(longest) = fitting.longest() else {
            return Ok(Home::Not(match fitting.private {
                Some(zone) => Astray::Private {
                    fqdn: fqdn.clone(),
                    zone,
                },
                None => Astray::NoZone(fqdn.clone()),
            }));
        };
        let name = sight.zone.as_ref().unwrap_or(&longest.name);
        match fitting.named(name).as_slice() {
            [zone] => Ok(Home::Ours((*zone).clone())),
            [] if longest.name.is_within(name) => Ok(Home::Not(Astray::Undelegated {
                fqdn: fqdn.clone(),
                zone: longest.name.clone(),
                id: longest.id.clone(),
                above: name.clone(),
                servers: vec![],
            })),
            [] => {
                // Below a zone of ours that the public DNS does ask.
                let above = fitting.zones.iter().find(|zone| name.is_within(&zone.name));
                Ok(Home::Not(Astray::Cut {
                    fqdn: fqdn.clone(),
                    cut: name.clone(),
                    zone: above.unwrap_or(longest).name.clone(),
                    servers: sight.servers.clone(),
                }))
            }
            namesakes => self.delegated(name, namesakes).await,
        }
    }

    /// Which of several hosted zones of one name its parent names.
    async fn delegated(&self, name: &Fqdn, zones: &[&Zone]) -> Result<Home, DnsError> {
        let mut candidates: Vec<(Zone, Vec<Fqdn>)> = Vec::new();
        let mut out_of_reach: Option<DnsError> = None;
        for zone in zones.iter().take(MAX_NAMESAKES) {
            match self.zones.name_servers(zone).await {
                Ok(servers) => candidates.push(((*zone).clone(), servers)),
                // One that is gone, or that our role does not reach, need not be the one to write.
                Err(error)
                    if matches!(error, DnsError::NoSuchZone { .. }) || error.class() == Class::Denied =>
                {
                    out_of_reach = out_of_reach
                        .filter(|known| known.class() == Class::Denied)
                        .or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        if candidates.is_empty()
            && let Some(error) = out_of_reach
        {
            return Err(error);
        }
        let servers: Vec<Vec<Fqdn>> = candidates.iter().map(|(_, servers)| servers.clone()).collect();
        let delegation = self.view.delegation(name, &servers).await?;
        Ok(match delegation.which.and_then(|which| candidates.get(which)) {
            Some((zone, _)) => Home::Ours(zone.clone()),
            // It may be the one whose servers we may not ask for.
            None => match out_of_reach {
                Some(error) if error.class() == Class::Denied => return Err(error),
                _ => Home::Not(Astray::Elsewhere {
                    zone: name.clone(),
                    servers: delegation.servers,
                    zones: candidates,
                }),
            },
        })
    }

    /// Whether a name beside this one, which nobody made, has the same CNAME: then a wildcard may be what answers (RFC
    /// 4592 §3.3.1; both have the same closest encloser).
    async fn is_beside(
        &self,
        fqdn: &Fqdn,
        target: &Fqdn,
        near: Option<&Fqdn>,
        freshness: Freshness,
    ) -> Result<bool, DnsError> {
        let stray = fqdn.sibling(&format!("_{:08x}", rand::rng().random::<u32>()));
        if stray.as_str().len() > MAX_NAME {
            return Ok(true);
        }
        let beside = self.view.look(&stray, near, freshness).await?;
        Ok(beside.alias.as_ref() == Some(target))
    }

    /// A name that a wildcard of others may have led to must be free of everything but challenges.
    async fn check_free(&self, challenge: &Fqdn, zone: &Zone, target: &Fqdn) -> Result<(), Lost> {
        match self.zones.at_name(zone, target).await?.belongings(target) {
            None => Ok(()),
            Some(belongings) => Err(Lost::Astray(Astray::Shadowed {
                challenge: challenge.clone(),
                target: target.clone(),
                belongings,
            })),
        }
    }

    /// No zone of ours at the end of the way: in words that fit how it went.
    async fn nowhere(&self, trail: &[Fqdn], why: Astray) -> Lost {
        let why = match why {
            Astray::Undelegated {
                zone,
                id,
                fqdn,
                above,
                ..
            } => {
                // What to do needs their names; without them it is said all the same.
                let ours = Zone {
                    id: id.clone(),
                    name: zone.clone(),
                };
                let servers = self.zones.name_servers(&ours).await.unwrap_or_default();
                Astray::Undelegated {
                    fqdn,
                    zone,
                    id,
                    above,
                    servers,
                }
            }
            Astray::Cut {
                fqdn,
                cut,
                zone,
                servers,
            } if servers.is_empty() => {
                let delegation = self.view.delegation(&cut, &[]).await.unwrap_or_default();
                let servers = delegation.servers;
                Astray::Cut {
                    fqdn,
                    cut,
                    zone,
                    servers,
                }
            }
            why => why,
        };
        Lost::Astray(match (trail, why) {
            ([challenge], Astray::NoZone(_)) if self.view.domain_exists(challenge).await == Some(false) => {
                Astray::NoDomain(challenge.clone())
            }
            ([_] | [], why) => why,
            ([challenge, ..], Astray::NoZone(target)) => Astray::Dangling {
                challenge: challenge.clone(),
                target,
            },
            ([challenge, ..], why) => Astray::Target {
                challenge: challenge.clone(),
                why: Box::new(why),
            },
        })
    }

    /// Whether the authoritative servers have the values.
    pub(super) async fn check_propagation(&self, challenges: &[Challenge]) -> Result<Event, Failure> {
        let places = self.locate(challenges).await?;
        let seen = self.in_time(self.propagation(&places)).await;
        seen.unwrap_or_else(|| {
            Ok(Event::NotYet {
                not_before: None,
                reason: too_slow(challenges),
            })
        })
    }

    async fn propagation(&self, all: &[Place]) -> Result<Event, Failure> {
        let looks = (0..all.len()).map(|index| async move {
            let place = &all[index];
            let _turn = self.turn(&place.fqdn).await;
            let at_name = all.iter().filter(|p| p.fqdn == place.fqdn);
            let values: Vec<String> = at_name.map(|p| p.value.clone()).collect();
            let seen = self.view.visibility(&place.zone.name, &place.fqdn, &values).await;
            (place, seen)
        });
        let seen: Vec<(&Place, Visibility)> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let lagging = seen.into_iter().find_map(|(place, seen)| match seen {
            Visibility::Lagging(reason) => Some((place, reason)),
            Visibility::Everywhere => None,
        });
        let Some((place, reason)) = lagging else {
            return Ok(Event::Propagated);
        };
        if let Some(astray) = self.is_unseen(&place.zone).await {
            return Err(astray.into());
        }
        Ok(Event::NotYet {
            not_before: None,
            reason,
        })
    }

    /// Route53 has the change everywhere, and yet it is not seen: the zone may be one that nobody is led to, such as what
    /// a move to another account left behind.
    async fn is_unseen(&self, zone: &Zone) -> Option<Astray> {
        let ours = self
            .zones
            .name_servers(zone)
            .await
            .ok()
            .filter(|names| !names.is_empty())?;
        let delegation = self
            .view
            .delegation(&zone.name, std::slice::from_ref(&ours))
            .await
            .ok()?;
        let is_elsewhere = delegation.which.is_none() && !delegation.servers.is_empty();
        is_elsewhere.then(|| Astray::Elsewhere {
            zone: zone.name.clone(),
            servers: delegation.servers,
            zones: vec![(zone.clone(), ours)],
        })
    }
}

fn too_slow(challenges: &[Challenge]) -> String {
    let name = challenges.first().map(|c| c.fqdn.to_string()).unwrap_or_default();
    let others = match challenges.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    format!(
        "the name servers of {name}{others} gave no answer for {} seconds",
        BUDGET.as_secs()
    )
}

fn near_of(zone: &Zone) -> Option<&Fqdn> {
    Some(&zone.name)
}
