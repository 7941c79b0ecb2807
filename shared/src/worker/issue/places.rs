//! Where challenge values go, and whether they are seen there.

use std::sync::Arc;

use crate::dns::{DnsView, DnsZones, Visibility, Zone};
use certmint_core::{
    issuance::{Challenge, Event},
    words::{Cause, Class, Failure, Fqdn, Stage},
};

/// Where a challenge's value goes after CNAMEs.
pub(super) struct Place {
    pub(super) zone: Zone,
    pub(super) fqdn: Fqdn,
    pub(super) value: String,
}

/// Finds places by the public DNS and our zones.
#[derive(Clone)]
pub(super) struct Places {
    pub(super) zones: Arc<dyn DnsZones>,
    pub(super) view: Arc<dyn DnsView>,
}

impl Places {
    /// Follows delegated challenges and finds the zone of each value.
    pub(super) async fn locate(&self, challenges: &[Challenge]) -> Result<Vec<Place>, Failure> {
        let mut places = Vec::with_capacity(challenges.len());
        for challenge in challenges {
            let fqdn = self.view.challenge_target(&challenge.fqdn).await?;
            let Some(zone) = self.zones.find_zone(&fqdn).await? else {
                return Err(self.no_zone(&fqdn).await);
            };
            places.push(Place {
                zone,
                fqdn,
                value: challenge.value.clone(),
            });
        }
        Ok(places)
    }

    /// No zone of ours: either the domain does not exist at all, or it is hosted elsewhere.
    async fn no_zone(&self, fqdn: &Fqdn) -> Failure {
        if self.view.domain_exists(fqdn).await == Some(false) {
            let text = format!("the domain of {fqdn} does not exist in the public DNS; check the spelling");
            return Failure::new(Class::Permanent, Stage::Request, Cause::NoDomain, text);
        }
        let text = format!(
            "no public hosted zone of this AWS account holds {fqdn}; create the zone or delegate the name by a CNAME"
        );
        Failure::new(Class::Permanent, Stage::Dns, Cause::NoZone, text)
    }

    /// Whether the authoritative servers have the values.
    pub(super) async fn check_propagation(&self, challenges: &[Challenge]) -> Result<Event, Failure> {
        let places = self.locate(challenges).await?;
        for place in &places {
            let values: Vec<String> = places
                .iter()
                .filter(|p| p.fqdn == place.fqdn)
                .map(|p| p.value.clone())
                .collect();
            let seen = self.view.visibility(&place.zone.name, &place.fqdn, &values).await;
            if let Visibility::Lagging(reason) = seen {
                return Ok(Event::NotYet {
                    not_before: None,
                    reason,
                });
            }
        }
        Ok(Event::Propagated)
    }
}
